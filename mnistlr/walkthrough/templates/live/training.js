// Ten images of weights, from the first sixteen pictures to the end of the training: a slider goes through the looks.

PICTURES.set("training", (place, data) => {
  const weights = new Int8Array(bytesOf(data.weights).buffer), area = data.side ** 2;
  const canvases = data.labels.map((label) => newCanvas(`weights of ${label}`));
  const figures = canvases.map((canvas, k) => element("figure", {}, canvas, element("figcaption", {}, data.labels[k])));
  const last = data.looks.length - 1;
  const slider = element("input", { type: "range", min: 0, max: last, value: last, "aria-label": "moment of the training" });
  const said = element("output");
  const button = element("button", { type: "button", click: () => (timer ? stop() : play()) }, "Play");
  let timer = 0;

  function show() {
    const look = Number(slider.value);
    canvases.forEach((canvas, k) => {
      const start = (look * canvases.length + k) * area;
      paint(canvas, weights.subarray(start, start + area), data.side, (value) => againstOrFor(value / 127));
    });
    said.textContent = data.looks[look];
    slider.setAttribute("aria-valuetext", data.looks[look]);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  }

  function play() {
    button.textContent = "Stop";
    slider.value = 0;
    show();
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === last) stop();
    }, 700);
  }

  slider.addEventListener("input", () => (stop(), show()));
  place.append(
    element("div", { class: "controls" }, button, slider),
    element("p", { class: "said" }, said),
    element("div", { class: "weights" }, ...figures),
  );
  show();
});
