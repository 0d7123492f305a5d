// The threshold of a detector: a slider that moves the line through the histograms, precision, recall and the four
// counts together. Bin k holds the scores from edges[k] to edges[k + 1].

PICTURES.set("threshold", (place, data) => {
  const { edges, yes, no, names } = data, n = yes.length, WIDTH = 600, HEIGHT = 220;
  const sum = (counts, from = 0) => counts.slice(from).reduce((total, count) => total + count, 0);
  const nYes = sum(yes), nNo = sum(no);
  const across = (k) => (WIDTH * k) / n;
  const highest = Math.sqrt(Math.max(...yes, ...no));
  const hill = (counts) => // up goes the root of a count, so that small bins can be seen
    `M0 ${HEIGHT} ` +
    counts.map((count, k) => `V${HEIGHT - (HEIGHT * Math.sqrt(count)) / highest} H${across(k + 1)}`).join(" ") +
    ` V${HEIGHT} Z`;
  const shade = element("svg:rect", { class: "said-yes", y: 0, height: HEIGHT });
  const line = element("svg:line", { class: "threshold", y1: 0, y2: HEIGHT });
  const picture = element(
    "svg:svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `scores of ${names[0]} and of ${names[1]}`,
      preserveAspectRatio: "none" },
    shade, element("svg:path", { class: "no", d: hill(no) }), element("svg:path", { class: "yes", d: hill(yes) }), line,
  );
  const zero = edges.findIndex((edge) => edge >= 0);
  const slider = element("input", { type: "range", min: 0, max: n, value: zero, "aria-label": "threshold" });
  const cells = Array.from({ length: 4 }, () => element("td"));
  const [precision, recall] = [element("meter", { min: 0, max: 1 }), element("meter", { min: 0, max: 1 })];
  const [precisionText, recallText] = [element("span"), element("span")];
  precision.setAttribute("aria-label", "precision");
  recall.setAttribute("aria-label", "recall");
  const said = element("output");

  function show() {
    const k = Number(slider.value), hits = sum(yes, k), alarms = sum(no, k);
    for (const [name, value] of [["x1", across(k)], ["x2", across(k)]]) line.setAttribute(name, value);
    shade.setAttribute("x", across(k));
    shade.setAttribute("width", WIDTH - across(k));
    [nNo - alarms, alarms, nYes - hits, hits].forEach((count, c) => (cells[c].textContent = count.toLocaleString("en")));
    const p = hits + alarms ? hits / (hits + alarms) : null;
    precision.value = p ?? 0;
    recall.value = hits / nYes;
    precisionText.textContent = p === null ? "nothing is called a yes" : percent(p);
    recallText.textContent = percent(hits / nYes);
    said.textContent = `threshold ${edges[k].toFixed(1).replace("-", "\u2212")}`;
    slider.setAttribute("aria-valuetext", `${edges[k].toFixed(1)}: precision ${precisionText.textContent}, recall ${recallText.textContent}`);
  }

  const head = (...texts) => element("tr", {}, element("td"), ...texts.map((text) => element("th", { scope: "col" }, text)));
  const row = (name, ...tds) => element("tr", {}, element("th", { scope: "row" }, name), ...tds);
  slider.addEventListener("input", show);
  place.append(
    element("div", { class: "hills" }, picture, slider),
    element("p", { class: "said" }, said),
    element("p", { class: "key" },
      element("span", { class: "no" }, names[0]), " ", element("span", { class: "yes" }, names[1]),
      ` (up: the root of the count; across: scores from ${edges[0].toFixed(0)} to ${edges[n].toFixed(0)})`.replace("-", "\u2212")),
    element("div", { class: "gauges" },
      element("p", {}, "precision ", precision, " ", precisionText), element("p", {}, "recall ", recall, " ", recallText),
      element("table", {},
        element("thead", {}, head("answer: no", "answer: yes")),
        element("tbody", {}, row(names[0], cells[0], cells[1]), row(names[1], cells[2], cells[3])))),
  );
  show();
});
