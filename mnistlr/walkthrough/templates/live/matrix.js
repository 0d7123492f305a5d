// One confusion matrix, divided in four ways. A cell shows pictures that fell into it; a picture shows how its scores
// come about: image x weights = score, pixel by pixel.

PICTURES.set("matrix", (place, data) => {
  const { counts, labels, side } = data, area = side ** 2;
  const pixels = bytesOf(data.pixels), weights = numbersOf(data.weights);
  const sumOf = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const column = (k) => counts.map((row) => row[k]);
  const wrong = counts.map((row, i) => sumOf(row) - row[i]);
  const WAYS = {
    counts: { title: "counts", value: (i, k) => counts[i][k], most: Math.max(...counts.flat()) },
    rows: { title: "share of its row", value: (i, k) => counts[i][k] / sumOf(counts[i]), most: 1 },
    columns: { title: "share of its column", value: (i, k) => counts[i][k] / sumOf(column(k)), most: 1 },
    errors: { title: "mistakes only", value: (i, k) => (i === k ? null : counts[i][k] / wrong[i]) },
  };
  let way = "counts";

  const buttons = counts.map((row, i) =>
    row.map((_, k) => element("button", { type: "button", tabindex: i || k ? -1 : 0, click: () => choose(i, k),
      mouseenter: () => open(i, k), focus: () => open(i, k), keydown: (event) => move(event, i, k) })));
  const toggles = Object.entries(WAYS).map(([name, { title }]) =>
    element("button", { type: "button", "aria-pressed": name === way, click: () => show(name) }, title));
  const images = element("div", { class: "inside", "aria-live": "polite" });
  const sums = element("div", { class: "sums", "aria-live": "polite" });

  function show(name) {
    way = name;
    toggles.forEach((toggle, t) => toggle.setAttribute("aria-pressed", Object.keys(WAYS)[t] === name));
    const values = buttons.map((row, i) => row.map((_, k) => WAYS[way].value(i, k)));
    const most = WAYS[way].most ?? Math.max(...values.flat().filter(Number.isFinite));
    buttons.forEach((row, i) => row.forEach((button, k) => {
      const value = values[i][k], isCount = way === "counts", strength = Number.isFinite(value) ? value / most : 0;
      button.textContent = Number.isFinite(value) ? (isCount ? value : (100 * value).toFixed(value < 0.0995 ? 1 : 0)) : "";
      button.style.backgroundColor = `rgb(${againstOrFor(0.9 * Math.sqrt(strength))})`;
      button.style.color = strength > 0.3 ? "#fff" : "#000";
      button.setAttribute("aria-label", `a ${labels[i]} read as ${labels[k]}: ${
        Number.isFinite(value) ? (isCount ? `${value} times` : percent(value)) : "correct, left out"}`);
    }));
  }

  function move(event, i, k) {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [];
    const next = buttons[i + down]?.[k + right];
    if (!next) return;
    event.preventDefault();
    buttons.flat().forEach((button) => (button.tabIndex = button === next ? 0 : -1));
    next.focus();
  }

  const pictureOf = (number) => pixels.subarray(number * area, (number + 1) * area);

  // Show the pictures of a cell.
  function open(i, k) {
    const chosen = data.images.flatMap((image, number) => (image.label === i && image.answer === k ? [number] : []));
    const some = chosen.length ? (chosen.length < counts[i][k] ? `, of which you see ${chosen.length}` : "") : "";
    images.replaceChildren(
      element("p", {}, `${counts[i][k]} pictures of a ${labels[i]} were read as ${labels[k]}${some}.` +
        (chosen.length ? " Choose one to see how its score comes about." : "")),
      ...chosen.map((number) => element("button", { type: "button", class: "one", click: () => explain(number),
        "aria-label": `test picture ${data.images[number].index}: how its score comes about` },
        paint(newCanvas(`a ${labels[i]}`), pictureOf(number), side, inkOf))),
    );
    return chosen;
  }

  function choose(i, k) {
    const [first] = open(i, k);
    if (first !== undefined) explain(first);
  }

  // Show image x weights = score for the answer and, if that is wrong, for the label.
  function explain(number) {
    const { label, answer, index } = data.images[number], image = pictureOf(number);
    const classes = label === answer ? [answer] : [answer, label];
    const scored = classes.map((k) => {
      const w = weights.subarray(k * (area + 1), (k + 1) * (area + 1));
      const products = Array.from(image, (ink, j) => ink * w[j]);
      return { k, w: w.subarray(0, area), start: w[area], products };
    });
    const top = { w: Math.max(...scored.map(({ w }) => largest(w))), p: Math.max(...scored.map(({ products }) => largest(products))) };
    const part = (canvas, text) => element("figure", {}, canvas, element("figcaption", {}, text));
    sums.replaceChildren(
      element("p", { class: "said" }, `Test picture ${index}: a ${labels[label]}, read as ${labels[answer]}`),
      ...scored.map(({ k, w, start, products }) => {
        const plus = sumOf(products.filter((p) => p > 0)), minus = sumOf(products.filter((p) => p < 0));
        return element("div", { class: "sum" },
          part(paint(newCanvas("the picture"), image, side, inkOf), "picture"), element("span", {}, "\u00d7"),
          part(paint(newCanvas(`weights of ${labels[k]}`), w, side, (v) => againstOrFor(v / top.w)), `weights of ${labels[k]}`),
          element("span", {}, "="),
          part(paint(newCanvas("their product"), products, side, (v) => againstOrFor(v / top.p)), "pixel by pixel"),
          element("p", {}, `Score of ${labels[k]}: ${signed(plus)} from ink that speaks for it, ${signed(minus)} ` +
            `from ink that speaks against it, ${signed(start)} without any ink. Together ${signed(plus + minus + start)}.`));
      }),
      ...(label === answer ? [] : [element("p", {}, `The higher score wins: ${labels[answer]}.`)]),
    );
  }

  const head = element("tr", {}, element("td"), ...labels.map((label) => element("th", { scope: "col" }, label)));
  place.append(
    element("div", { class: "controls", role: "group", "aria-label": "what the cells show" }, ...toggles),
    element("table", { class: "cells" },
      element("caption", {}, "Down: what a picture is. Across: what it was read as. Shares are in per cent."),
      element("thead", {}, head),
      element("tbody", {}, ...buttons.map((row, i) =>
        element("tr", {}, element("th", { scope: "row" }, labels[i]), ...row.map((button) => element("td", {}, button)))))),
    element("div", { class: "cell" }, images, sums),
  );
  show(way);
  const mistakes = counts.map((row, i) => row.map((count, k) => (i === k ? 0 : count)));
  const worst = mistakes.flat().indexOf(Math.max(...mistakes.flat()));
  choose(Math.floor(worst / labels.length), worst % labels.length);
});
