// Filters, search and order of the list.

const filters = {
  text: "",
  labels: new Set(),
  outcomes: new Set(),
  groups: new Set(),
  only: new Set(),
  order: "file",
};

// What a sentence can be filtered by in addition to labels, outcomes and languages.
function conditions() {
  const found = report.methods.slice(1).map((name, i) => ({
    key: `method ${i + 1}`,
    name: `differs from ${name}`,
    test: (sentence) => !sameEntities(entitiesOf(sentence), sentence.methods[i + 1].entities),
  }));
  if (report.hasGold) {
    found.push({ key: "gold", name: "differs from gold", test: (s) => !sameEntities(entitiesOf(s), s.gold) });
  }
  found.push(
    { key: "changed", name: "changed", test: isChanged },
    { key: "checked", name: "checked", test: isChecked },
    { key: "unchecked", name: "not checked", test: (sentence) => !isChecked(sentence) },
    {
      key: "unproven",
      name: "not proven optimal",
      test: (s) => s.methods[0].solution !== null && s.methods[0].solution.status !== "optimal",
    },
  );
  return found;
}

function searchable(sentence) {
  sentence.searched ??= fold(
    [
      sentence.id,
      textOf(sentence.source, sentence.sourceSpaces),
      textOf(sentence.target, sentence.targetSpaces),
    ].join("\n"),
  );
  return sentence.searched;
}

// Prepare the text to search in pauses, so that the first letter of a search is as fast as others.
function prepareSearch(next = 0) {
  const end = Math.min(next + 250, report.sentences.length);
  for (let i = next; i < end; i++) searchable(report.sentences[i]);
  if (end < report.sentences.length) setTimeout(prepareSearch, 25, end);
}

function fold(text) {
  return text.normalize("NFKC").toLowerCase();
}

function matches(sentence, text, tests) {
  if (filters.groups.size && !filters.groups.has(sentence.group)) return false;
  if (filters.outcomes.size && !sentence.outcomes.some((code) => filters.outcomes.has(code))) return false;
  if (filters.labels.size) {
    const has = (entity) => filters.labels.has(entity.label);
    if (!sentence.sourceEntities.some(has) && !entitiesOf(sentence).some(has)) return false;
  }
  return tests.every((test) => test(sentence)) && (!text || searchable(sentence).includes(text));
}

function filtered() {
  const text = fold(filters.text.trim());
  const tests = conditions()
    .filter((one) => filters.only.has(one.key))
    .map((one) => one.test);
  const found = report.sentences.filter((sentence) => matches(sentence, text, tests));
  if (filters.order === "doubt") {
    const doubt = new Map(found.map((sentence) => [sentence, doubtOf(sentence)]));
    found.sort((a, b) => doubt.get(a) - doubt.get(b) || a.index - b.index);
  } else if (filters.order === "long") {
    found.sort((a, b) => b.target.length - a.target.length || a.index - b.index);
  }
  return found;
}

// Numbers beside the filters, over the sentences of the report as they were projected.
function tallies() {
  const labels = new Map();
  const outcomes = new Map();
  const groups = new Map();
  const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const sentence of report.sentences) {
    add(groups, sentence.group);
    for (const label of new Set([...sentence.sourceEntities, ...original(sentence)].map((e) => e.label)))
      add(labels, label);
    for (const code of new Set(sentence.outcomes)) add(outcomes, code);
  }
  return { labels, outcomes, groups };
}

function tick(name, set, key, count, extra = "") {
  const input = make("input", {
    type: "checkbox",
    change: () => {
      if (input.checked) set.add(key);
      else set.delete(key);
      refilter();
    },
  });
  input.checked = set.has(key);
  const shown = extra ? make("span", { class: `mini ${extra}` }, name) : make("span", {}, name);
  return make(
    "label",
    { class: "tick" },
    input,
    shown,
    count === null ? null : make("span", { class: "count" }, count.toLocaleString("en")),
  );
}

function fieldset(title, ...children) {
  return make("fieldset", {}, make("legend", {}, title), children);
}

function showFilters() {
  const { labels, outcomes, groups } = tallies();
  const search = make("input", {
    type: "search",
    id: "search",
    placeholder: "Words or id",
    "aria-keyshortcuts": "/",
    input: () => {
      filters.text = search.value;
      refilter();
    },
  });
  search.value = filters.text;
  const orders = [
    ["file", "As in the file"],
    ["doubt", report.figures.probabilities ? "Low confidence first" : "Low score first"],
    ["long", "Long first"],
  ];
  const order = make(
    "select",
    {
      id: "order",
      change: () => {
        filters.order = order.value;
        refilter();
      },
    },
    orders.map(([value, name]) => make("option", { value }, name)),
  );
  order.value = filters.order;
  const sets = [
    fieldset(
      "Label",
      [...labels]
        .sort((a, b) => a[0] - b[0])
        .map(([code, n]) => tick(report.labels[code], filters.labels, code, n, colour(code))),
    ),
    fieldset(
      "Outcome",
      [...outcomes]
        .sort((a, b) => a[0] - b[0])
        .map(([code, n]) => tick(report.outcomes[code].name, filters.outcomes, code, n)),
    ),
  ];
  if (groups.size > 1) {
    sets.push(
      fieldset(
        "Language",
        [...groups]
          .sort((a, b) => a[0] - b[0])
          .map(([code, n]) => tick(report.groups[code] || "unknown", filters.groups, code, n)),
      ),
    );
  }
  sets.push(
    fieldset(
      "Only sentences",
      conditions()
        .filter(isUseful)
        .map((one) => tick(one.name, filters.only, one.key, null)),
    ),
  );
  byId("filter-form").replaceChildren(
    make("div", {}, make("label", { class: "caption", for: "search" }, "Search"), search),
    make("div", {}, make("label", { class: "caption", for: "order" }, "Order"), order),
    ...sets,
  );
}

function isUseful(condition) {
  return condition.key !== "unproven" || report.sentences.some(condition.test);
}

function resetFilters() {
  filters.text = "";
  for (const set of [filters.labels, filters.outcomes, filters.groups, filters.only]) set.clear();
  showFilters();
  refilter();
}

function refilter() {
  const found = filtered();
  const used =
    [filters.labels, filters.outcomes, filters.groups, filters.only].filter((set) => set.size).length +
    (filters.text ? 1 : 0);
  byId("filter-count").textContent = used ? ` (${used})` : "";
  byId("empty").hidden = found.length > 0;
  setOrder(found);
  showProgress();
}
