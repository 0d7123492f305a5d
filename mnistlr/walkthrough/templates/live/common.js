"use strict";
// What the parts of the page that move have in common: elements, numbers from base64, images on canvases.

const PICTURES = new Map(); // the name of a kind of exhibit -> what builds it: (place, data) => undefined

// Make an element with attributes and children; text stands for a text node.
function element(tag, attributes = {}, ...children) {
  const made = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.setAttribute("class", value);
    else if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const numbersOf = (base64) => new Float32Array(bytesOf(base64).buffer);

const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}\u00a0%`;

const signed = (number) => number.toFixed(2).replace("-", "\u2212");

// The diverging scale of all pictures: orange speaks against, blue for, white is zero; at -1, ..., 1.
const SCALE = [
  [127, 59, 8], [179, 88, 6], [224, 130, 20], [253, 184, 99], [254, 224, 182], [247, 247, 247],
  [209, 229, 240], [146, 197, 222], [67, 147, 195], [33, 102, 172], [5, 48, 97],
];

function againstOrFor(value) {
  const place = 5 * (1 + Math.max(-1, Math.min(1, value))), below = Math.min(9, Math.floor(place));
  return SCALE[below].map((channel, k) => Math.round(channel + (place - below) * (SCALE[below + 1][k] - channel)));
}

const inkOf = (value) => Array(3).fill(255 - value);

// Draw an image, one canvas pixel for each of its own; the style sheet enlarges it.
function paint(canvas, values, side, colourOf) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), picture = context.createImageData(side, side);
  for (let k = 0; k < side * side; k++) picture.data.set([...colourOf(values[k]), 255], 4 * k);
  context.putImageData(picture, 0, 0);
  return canvas;
}

const newCanvas = (label) => element("canvas", { class: "pixels", role: "img", "aria-label": label });

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
