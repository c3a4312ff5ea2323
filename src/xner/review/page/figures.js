// The view of figures: bars, histograms and points as SVG. The numbers come with the report.

let WIDE = 520; // units of a chart, about one pixel each, so that its text has the same size anywhere

function showFigures() {
  const column = Math.min(byId("figures").clientWidth - 24, 640);
  WIDE = Math.max(280, Math.min(520, column - 36));
  const { figures } = report;
  const parts = [
    figures.f1 && f1Figure(figures.f1),
    figures.outcomes.length && outcomeFigure(figures.outcomes),
    histogramFigure("Matching scores", "Target entities by matching score.", figures.scores),
    figures.probabilities &&
      histogramFigure(
        "Confidence",
        "Target entities by confidence, the probability that span and label are right.",
        figures.probabilities,
      ),
    figures.calibration && calibrationFigure(figures.calibration),
    ...figures.compared.map(comparedFigure),
    aboutFigure(),
  ];
  byId("figures").replaceChildren(...parts.filter(Boolean));
}

function figure(title, text, ...children) {
  return make("article", { class: "figure k0" }, make("h2", {}, title), make("p", {}, text), ...children);
}

function numbers(head, rows) {
  const row = (cells, name) =>
    make(
      "tr",
      {},
      cells.map((cell) => make(name, name === "th" ? { scope: "col" } : {}, String(cell))),
    );
  return make(
    "details",
    {},
    make("summary", {}, "Numbers"),
    make(
      "div",
      { class: "scroll" },
      make(
        "table",
        {},
        make("thead", {}, row(head, "th")),
        make(
          "tbody",
          {},
          rows.map((cells) => row(cells, "td")),
        ),
      ),
    ),
  );
}

function chart(height, label, ...children) {
  return makeSvg("svg", { viewBox: `0 0 ${WIDE} ${height}`, role: "img", "aria-label": label }, ...children);
}

function note(x, y, text, attributes = {}) {
  return makeSvg("text", { x, y, ...attributes }, text);
}

function withTitle(element, text) {
  element.append(makeSvg("title", {}, text));
  return element;
}

// Horizontal bars: { name, kind, value, shown, group }.
function bars(rows, most, text) {
  const step = 24;
  const left = Math.round(Math.min(150, WIDE * 0.34));
  const width = WIDE - left - 112;
  return chart(
    rows.length * step + 4,
    text,
    rows.flatMap((row, i) => {
      const y = i * step;
      const length = most ? Math.max(1, (width * row.value) / most) : 1;
      return [
        note(left - 8, y + 16, shorten(row.name, Math.round(left / 7)), { "text-anchor": "end" }),
        withTitle(
          makeSvg("rect", {
            class: `mark k${row.kind}`,
            x: left,
            y: y + 4,
            width: length,
            height: step - 8,
            rx: 3,
          }),
          `${row.name}: ${row.shown}`,
        ),
        note(left + length + 7, y + 16, row.shown),
      ];
    }),
  );
}

function shorten(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function f1Figure(scores) {
  const several = report.groups.length > 1;
  const rows = [];
  const table = [];
  scores[0].forEach((_, g) =>
    scores.forEach((own, m) => {
      const { group, f1, precision, recall, gold, predicted, correct } = own[g];
      const name = group === null ? (several ? "all" : "") : group || "unknown";
      const shown =
        report.methods.length > 1
          ? [name, report.methods[m]].filter(Boolean).join(" · ")
          : name || report.methods[m];
      rows.push({ name: shown, kind: m % 8, value: f1, shown: `${(100 * f1).toFixed(1)}` });
      table.push([
        shown,
        ...[f1, precision, recall].map((n) => (100 * n).toFixed(1)),
        gold,
        predicted,
        correct,
      ]);
    }),
  );
  return figure(
    "F1 against gold",
    `Strict entity F1 in percent${several ? ", by language and method" : ", by method"}.`,
    bars(rows, 1, "F1 by language and method"),
    numbers(["", "F1", "precision", "recall", "gold", "predicted", "correct"], table),
  );
}

function outcomeFigure(counts) {
  const totals = new Map();
  for (const [, name, n] of counts) totals.set(name, (totals.get(name) ?? 0) + n);
  const all = [...totals.values()].reduce((a, b) => a + b, 0);
  const labelled = new Map(report.outcomes.map((outcome) => [outcome.name, outcome.labelled]));
  const rows = [...totals]
    .sort((a, b) => b[1] - a[1])
    .map(([name, n]) => ({
      name: name.replaceAll("_", " "),
      kind: labelled.get(name) ? 1 : 2,
      value: n,
      shown: `${n.toLocaleString("en")} (${((100 * n) / all).toFixed(1)}%)`,
    }));
  return figure(
    "Outcomes",
    `What became of ${counted(all, "source entity").replace("entitys", "entities")}. Green labels a target span, orange does not.`,
    bars(rows, Math.max(...totals.values()), "Outcomes of source entities"),
    numbers(["label", "outcome", "entities"], counts),
  );
}

function histogramFigure(title, text, { edges, counts, correct, unknown }) {
  const most = Math.max(...counts, 1);
  const [left, high, floor] = [44, 150, 166];
  const step = (WIDE - left - 10) / counts.length;
  const bar = (n, i, kind) =>
    withTitle(
      makeSvg("rect", {
        class: kind,
        x: left + i * step + 1,
        y: floor - (high * n) / most,
        width: step - 2,
        height: (high * n) / most,
      }),
      `${edges[i]} to ${edges[i + 1]}: ${n.toLocaleString("en")}`,
    );
  const marks = edges.map((edge, i) =>
    i % 5 === 0
      ? note(left + i * step, floor + 17, String(edge), { "text-anchor": "middle", class: "soft" })
      : null,
  );
  const legend = correct
    ? make(
        "div",
        { class: "legend" },
        make("span", { class: "part" }, "all entities"),
        make("span", { class: "k1" }, "correct"),
      )
    : null;
  return figure(
    title,
    unknown ? `${text} Not shown: ${unknown.toLocaleString("en")} without a value.` : text,
    legend,
    chart(
      floor + 26,
      title,
      makeSvg("path", { class: "rule", d: `M${left} ${floor}H${WIDE - 10}` }),
      note(left - 6, floor - high + 4, most.toLocaleString("en"), { "text-anchor": "end", class: "soft" }),
      note(left - 6, floor, "0", { "text-anchor": "end", class: "soft" }),
      counts.map((n, i) => bar(n, i, correct ? "part" : "mark")),
      correct ? correct.map((n, i) => bar(n, i, "mark k1")) : null,
      marks,
    ),
    numbers(
      ["from", "to", "entities", ...(correct ? ["correct"] : [])],
      counts.map((n, i) => [edges[i], edges[i + 1], n, ...(correct ? [correct[i]] : [])]),
    ),
  );
}

function calibrationFigure({ of, bins, error }) {
  const known = of === "probability";
  const most = known ? 1 : Math.max(...bins.map((bin) => bin[1]), 1);
  const [left, size, top] = [50, 230, 12];
  const width = WIDE - left - 24;
  const x = (value) => left + (width * value) / most;
  const y = (share) => top + size * (1 - share);
  const total = bins.reduce((sum, bin) => sum + bin[0], 0);
  const points = bins.map(([n, mean, share]) =>
    withTitle(
      makeSvg("circle", {
        class: "mark",
        cx: x(mean),
        cy: y(share),
        r: 3 + 12 * Math.sqrt(n / total),
        "fill-opacity": 0.75,
      }),
      `${n.toLocaleString("en")} entities, mean ${mean.toFixed(3)}, correct ${percent(share)}`,
    ),
  );
  const axis = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    makeSvg("path", { class: "rule", d: `M${left} ${y(share)}H${left + width}` }),
    note(left - 8, y(share) + 4, percent(share), { "text-anchor": "end", class: "soft" }),
    note(x(share * most), top + size + 18, (share * most).toFixed(2), {
      "text-anchor": "middle",
      class: "soft",
    }),
  ]);
  const text = known
    ? `Share of correct entities by confidence. On the dashed line, confidence is right. Expected calibration error ${(error ?? 0).toFixed(3)}.`
    : "Share of correct entities by matching score, in ten bins of as many entities. A matching score is not a probability.";
  return figure(
    "Calibration",
    text,
    chart(
      top + size + 28,
      "Calibration",
      axis,
      known ? makeSvg("path", { class: "ideal", d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}` }) : null,
      makeSvg("path", {
        class: "curve",
        d: `M${bins.map(([, mean, share]) => `${x(mean)} ${y(share)}`).join("L")}`,
      }),
      points,
    ),
    numbers(
      ["entities", `mean ${of}`, "correct"],
      bins.map(([n, mean, share]) => [n, mean.toFixed(3), percent(share)]),
    ),
  );
}

function comparedFigure({ method, differ, lower, objective, points }) {
  const [first, other] = [report.methods[0], report.methods[method]];
  const head = `Labels differ in ${differ.toLocaleString("en")} of ${counted(report.total, "sentence")}.`;
  if (!objective) {
    return figure(
      `${first} against ${other}`,
      `${head} The sums of matching scores are not compared: the two were not made with the same scores, or a file does not say with which.`,
    );
  }
  const text = `${head} Sum of matching scores: ${first} ${objective[0].toFixed(2)}, ${other} ${objective[1].toFixed(2)}. ${other} has a lower sum in ${counted(lower, "sentence")}.`;
  return figure(
    `${first} against ${other}`,
    text,
    points.length ? scatter(first, other, points) : null,
    points.length
      ? numbers(
          ["sentence", first, other],
          points.slice(0, 50).map(([row, a, b]) => [row + 1, a.toFixed(4), b.toFixed(4)]),
        )
      : null,
  );
}

function scatter(first, other, points) {
  const most = Math.max(...points.flatMap(([, a, b]) => [a, b]), 1e-9);
  const [left, top, size] = [44, 34, Math.min(250, WIDE - 100)];
  const x = (value) => left + (size * value) / most;
  const y = (value) => top + size * (1 - value / most);
  const index = new Map(report.sentences.map((sentence) => [sentence.row, sentence]));
  const marks = points.map(([row, a, b]) => {
    const listed = index.get(row);
    const open = () => {
      showView("sentences");
      if (!list.place.has(listed.index)) resetFilters();
      goTo(listed);
    };
    const text = `Sentence ${row + 1}: ${first} ${a.toFixed(3)}, ${other} ${b.toFixed(3)}`;
    const more = listed
      ? { tabindex: "0", role: "button", "aria-label": `${text}; show it`, click: open }
      : {};
    return withTitle(
      makeSvg("circle", {
        class: `mark k3${listed ? " pick" : ""}`,
        cx: x(a),
        cy: y(b),
        r: 4.5,
        "fill-opacity": 0.7,
        ...more,
      }),
      text,
    );
  });
  return chart(
    top + size + 38,
    `Objective of ${first} and ${other}`,
    makeSvg("path", { class: "rule", d: `M${left} ${top}V${top + size}H${left + size}` }),
    makeSvg("path", { class: "ideal", d: `M${left} ${top + size}L${left + size} ${top}` }),
    note(left + size + 8, top + 10, "equal", { class: "soft" }),
    note(left, top + size + 20, `sum of scores by ${shorten(first, 24)} →`, { class: "soft" }),
    note(0, 14, `↑ sum of scores by ${shorten(other, 24)}`, { class: "soft" }),
    note(left - 6, top + 8, most.toFixed(1), { "text-anchor": "end", class: "soft" }),
    marks,
  );
}

function aboutFigure() {
  const rows = [
    ["input", report.origin],
    [
      "sentences",
      `${report.total.toLocaleString("en")}, of which ${report.sentences.length.toLocaleString("en")} are listed (${report.sample})`,
    ],
    ["written by", `xner ${report.xner}`],
    ["signature", report.signature || "not stored in this format"],
  ];
  return figure(
    "About this report",
    "How these labels were made.",
    make(
      "dl",
      { class: "facts" },
      rows.map(([name, value]) =>
        make("div", {}, make("dt", {}, name), make("dd", { class: "wrap" }, value)),
      ),
    ),
  );
}
