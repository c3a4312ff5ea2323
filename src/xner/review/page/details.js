// The panel of the selected entity: facts, actions, and the candidates with their fates.

function panel(sentence) {
  const picked = selectable()[selection.entity];
  const entity = picked.side === "target" ? entitiesOf(sentence)[picked.index] : null;
  const source = entity ? entity.source : picked.index;
  const from = sentence.sourceEntities[source];
  const label = (entity ?? from).label;
  return make(
    "section",
    { class: `panel ${colour(label)}`, "aria-label": "Selected entity" },
    make(
      "h2",
      { dir: "auto" },
      from ? sourceText(sentence, from) : "No source entity",
      " → ",
      entity ? targetText(sentence, entity) : "nothing",
    ),
    factList(sentence, source, entity),
    actions(sentence, entity, source, label),
    source >= 0 ? candidates(sentence, source, entity) : null,
  );
}

function factList(sentence, source, entity) {
  const rows = [];
  const outcome = report.outcomes[sentence.outcomes[source]];
  if (outcome)
    rows.push(["Outcome", outcome.meaning ? `${outcome.name} (${outcome.meaning})` : outcome.name]);
  if (entity && entity.score !== null) rows.push(["Score", entity.score.toFixed(3)]);
  if (entity && entity.probability !== null) rows.push(["Confidence", confidence(entity.probability)]);
  if (entity?.edited) rows.push(["Changed", "by hand"]);
  const solution = sentence.methods[0].solution;
  if (solution)
    rows.push([
      "Sentence",
      `sum ${shownNumber(solution.objective, 2)}, ${solution.status} (${solution.route})`,
    ]);
  return make(
    "dl",
    { class: "facts" },
    rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
}

function actions(sentence, entity, source, label) {
  const parts = [
    make(
      "div",
      { class: "group", role: "group", "aria-label": "Label" },
      report.labels.map((name, code) =>
        make(
          "button",
          {
            class: colour(code),
            "data-label": code,
            "aria-pressed": String(code === label && entity !== null),
            "aria-keyshortcuts": code < 9 ? String(code + 1) : null,
            click: () => (entity ? relabel(code) : addHere(code)),
          },
          name,
        ),
      ),
    ),
  ];
  if (!entity) {
    parts.push(
      make("button", { "aria-keyshortcuts": "i", click: () => addHere(label) }, "Add to the target"),
    );
    return make("div", { class: "actions" }, parts);
  }
  const step = (name, key, text, change) =>
    make(
      "button",
      { "aria-label": text, "aria-keyshortcuts": key, title: `${text} (${key})`, click: change },
      name,
    );
  parts.push(
    make(
      "div",
      { class: "group", role: "group", "aria-label": "Start" },
      make("span", {}, "Start"),
      step("−", "a", "Start one word earlier", () => resize(-1, 0)),
      step("+", "s", "Start one word later", () => resize(1, 0)),
    ),
    make(
      "div",
      { class: "group", role: "group", "aria-label": "End" },
      make("span", {}, "End"),
      step("−", "d", "End one word earlier", () => resize(0, -1)),
      step("+", "f", "End one word later", () => resize(0, 1)),
    ),
    make("button", { class: "danger", "aria-keyshortcuts": "x", click: removeSelected }, "Remove"),
    linkTo(sentence, entity),
  );
  return make("div", { class: "actions" }, parts);
}

function linkTo(sentence, entity) {
  if (!sentence.sourceEntities.length) return null;
  const choice = make(
    "select",
    { "aria-label": "Source entity", change: () => relink(Number(choice.value)) },
    make("option", { value: -1 }, "no source entity"),
    sentence.sourceEntities.map((span, i) =>
      make("option", { value: i }, `${report.labels[span.label]} ${sourceText(sentence, span)}`),
    ),
  );
  choice.value = String(entity.source);
  return choice;
}

function candidates(sentence, source, entity) {
  const found = candidatesOf(sentence, source);
  if (!found.length) {
    const kept = report.sentences.some((each) => each.flatCandidates.length);
    return make(
      "p",
      {},
      make(
        "small",
        {},
        kept
          ? "There is no candidate for this entity."
          : "The candidates were not kept. Project with --keep-candidates 5 to see those that lost, and why.",
      ),
    );
  }
  const most = Math.max(...found.map((each) => each.score ?? 0), 1e-9);
  const rows = found.map((each) => {
    const chosenNow = entity !== null && entity.start === each.start && entity.end === each.end;
    return make(
      "tr",
      { class: each.fate === "chosen" ? "chosen" : null },
      make("td", { dir: "auto" }, targetText(sentence, each)),
      make("td", { class: "number" }, meter((each.score ?? 0) / most), shownNumber(each.score, 3)),
      make("td", {}, fateOf(sentence, each)),
      make(
        "td",
        {},
        chosenNow
          ? "in use"
          : make(
              "button",
              {
                "aria-label": `Use ${targetText(sentence, each)}`,
                click: () => useSpan(source, each.start, each.end),
              },
              "Use",
            ),
      ),
    );
  });
  return make(
    "div",
    { class: "scroll" },
    make(
      "table",
      { class: "candidates" },
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ["Candidate", "Score", "Result"].map((name) => make("th", { scope: "col" }, name)),
          make("th", { scope: "col" }, make("span", { class: "hidden" }, "Action")),
        ),
      ),
      make("tbody", {}, rows),
    ),
  );
}

function meter(share) {
  const bar = make("i");
  bar.style.width = `${Math.round(100 * share)}%`;
  return make("span", { class: "meter", "aria-hidden": "true" }, bar);
}

function fateOf(sentence, candidate) {
  const rival = sentence.sourceEntities[candidate.rival];
  return (
    {
      chosen: "chosen",
      overlaps: rival
        ? `lost: shares words with ${report.labels[rival.label]} “${sourceText(sentence, rival)}”`
        : "lost: overlaps another entity",
      lower_score: "lost: another candidate of this entity was chosen",
      below_threshold: "lost: its score or probability is below the threshold",
      not_chosen: "lost: nothing was chosen in this sentence",
    }[candidate.fate] ?? candidate.fate
  );
}
