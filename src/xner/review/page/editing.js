// Editing: what the buttons, keys and the pointer do with the selected entity.

function selectedTarget() {
  const picked = selectable()[selection.entity];
  return picked?.side === "target" ? entitiesOf(selection.sentence)[picked.index] : null;
}

// Replace one entity of the active sentence (null adds or removes), and keep it selected.
function replaceEntity(old, next, text) {
  const sentence = selection.sentence;
  const kept = entitiesOf(sentence).filter((entity) => entity !== old);
  const clash = next && kept.find((entity) => overlap(entity, next) && !(old && overlap(entity, old)));
  if (clash) {
    say(
      `That span overlaps ${report.labels[clash.label]} “${targetText(sentence, clash)}”; change that one first.`,
    );
    return;
  }
  const entities = next ? [...kept, next] : kept;
  const sorted = [...entities].sort((a, b) => a.start - b.start || b.end - a.end);
  selection.entity = next ? sorted.indexOf(next) : -1;
  apply([[sentence, { entities }]], text);
}

// A changed entity has no score; one that was put back as it was has its own again.
function byHand(sentence, entity) {
  const same = original(sentence).find((other) => sameSpan(other, entity) && other.source === entity.source);
  return same ?? { ...entity, score: null, probability: null, edited: true };
}

function resize(start, end) {
  const old = selectedTarget();
  if (!old) return;
  moveTo(old, old.start + start, old.end + end);
}

function moveTo(old, start, end) {
  const words = selection.sentence.target.length;
  if (start < 0 || end > words || start >= end) return say("The span cannot go further.");
  if (start === old.start && end === old.end) return;
  replaceEntity(old, byHand(selection.sentence, { ...old, start, end }), "change a span");
}

function relabel(label) {
  const old = selectedTarget();
  if (!old || old.label === label) return;
  replaceEntity(old, byHand(selection.sentence, { ...old, label }), "change a label");
}

function relink(source) {
  const old = selectedTarget();
  if (!old || old.source === source) return;
  replaceEntity(old, byHand(selection.sentence, { ...old, source }), "change the source entity");
}

function removeSelected() {
  const old = selectedTarget();
  if (old) replaceEntity(old, null, "remove an entity");
}

// Give a source entity a span of its candidates.
function useSpan(source, start, end) {
  const sentence = selection.sentence;
  const old = selectedTarget() ?? entitiesOf(sentence).find((entity) => entity.source === source) ?? null;
  const label = old?.label ?? sentence.sourceEntities[source].label;
  replaceEntity(old, byHand(sentence, { start, end, label, source }), "use a candidate");
}

// Add the selected lost source entity where it most likely belongs.
function addHere(label) {
  const sentence = selection.sentence;
  const picked = selectable()[selection.entity];
  if (picked?.side !== "source") return;
  const span = likelySpan(sentence, picked.index);
  if (!span) return say("Every target word belongs to an entity.");
  replaceEntity(null, byHand(sentence, { ...span, label, source: picked.index }), "add an entity");
}

function likelySpan(sentence, source) {
  const now = entitiesOf(sentence);
  const free = (span) => !now.some((entity) => overlap(entity, span));
  const known = candidatesOf(sentence, source).find(free);
  if (known) return { start: known.start, end: known.end };
  const linked = linkedWords(sentence, sentence.sourceEntities[source]).filter((i) =>
    free({ start: i, end: i + 1 }),
  );
  const words = linked.length
    ? linked
    : sentence.target.map((_, i) => i).filter((i) => free({ start: i, end: i + 1 }));
  return words.length ? { start: words[0], end: words[0] + 1 } : null;
}

function linkedWords(sentence, span) {
  const found = new Set();
  for (let i = 0; i < sentence.links.length; i += 3) {
    if (sentence.links[i] >= span.start && sentence.links[i] < span.end) found.add(sentence.links[i + 1]);
  }
  return [...found].sort((a, b) => a - b);
}

// A new entity on words that the pointer marked: of the lost source entity with most links there.
function addSpan(sentence, start, end) {
  const now = entitiesOf(sentence);
  const lost = sentence.sourceEntities
    .map((_, i) => i)
    .filter((i) => !now.some((entity) => entity.source === i));
  const links = (i) =>
    linkedWords(sentence, sentence.sourceEntities[i]).filter((word) => word >= start && word < end).length;
  const source = lost.sort((a, b) => links(b) - links(a))[0] ?? -1;
  const label = source >= 0 ? sentence.sourceEntities[source].label : 0;
  if (selection.sentence !== sentence) select(sentence);
  replaceEntity(null, byHand(sentence, { start, end, label, source }), "add an entity");
}

function takeAll(sentence, name, entities) {
  const before = entitiesOf(sentence);
  const made = entities.map(({ start, end, label }) => {
    const same = before.find((other) => other.start === start && other.end === end);
    const source = same?.source ?? sourceOf(sentence, start, end);
    return byHand(sentence, { start, end, label, source });
  });
  selection.entity = -1;
  apply([[sentence, { entities: made }]], `use ${name}`);
}

// The source entity with most links into a span, or -1.
function sourceOf(sentence, start, end) {
  let best = -1;
  let most = 0;
  sentence.sourceEntities.forEach((span, i) => {
    const n = linkedWords(sentence, span).filter((word) => word >= start && word < end).length;
    if (n > most) [best, most] = [i, n];
  });
  return best;
}

function setChecked(sentence, checked) {
  apply([[sentence, { checked }]], checked ? "mark as checked" : "mark as not checked");
}

// The pointer: a click selects, a drag over words adds, a drag of a grip moves an end.
function watchPointer(container) {
  let drag = null;
  container.addEventListener("click", (event) => {
    const chipHit = event.target.closest(".entity");
    const element = event.target.closest(".card");
    if (!element || event.target.closest(".panel, button, label, a")) return;
    const sentence = report.sentences[element.dataset.index];
    if (!chipHit) {
      if (selection.sentence !== sentence || selection.entity >= 0) select(sentence);
      return;
    }
    selectChip(sentence, chipHit.dataset.side, Number(chipHit.dataset.k));
  });
  container.addEventListener("dblclick", (event) => {
    const hit = event.target.closest(".target .w");
    if (hit && !hit.closest(".entity"))
      addSpan(
        report.sentences[hit.closest(".card").dataset.index],
        Number(hit.dataset.i),
        Number(hit.dataset.i) + 1,
      );
  });
  container.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const grip = event.target.closest(".grip");
    const hit = event.target.closest(".target .w");
    if (!grip && (!hit || hit.closest(".entity"))) return;
    const element = event.target.closest(".card");
    const from = grip ? null : Number(hit.dataset.i);
    drag = {
      element,
      text: element.querySelector(".target"),
      grip: grip?.dataset.grip ?? null,
      from,
      to: from,
      pointer: event.pointerId,
    };
    event.preventDefault();
    if (grip) drag.to = drag.grip === "start" ? selectedTarget().start : selectedTarget().end - 1;
  });
  addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    const i = wordAt(drag.text, event.clientX, event.clientY);
    if (i !== null) drag.to = i;
    preview(drag.text, dragged(drag));
  });
  addEventListener("pointerup", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    const finished = drag;
    drag = null;
    preview(finished.text, null);
    const span = dragged(finished);
    if (finished.grip) moveTo(selectedTarget(), span.start, span.end);
    else if (finished.from !== finished.to)
      addSpan(report.sentences[finished.element.dataset.index], span.start, span.end);
  });
  addEventListener("pointercancel", () => {
    if (drag) preview(drag.text, null);
    drag = null;
  });
}

function dragged({ grip, from, to }) {
  if (!grip) return { start: Math.min(from, to), end: Math.max(from, to) + 1 };
  const { start, end } = selectedTarget();
  return grip === "start"
    ? { start: Math.min(to, end - 1), end }
    : { start, end: Math.max(to + 1, start + 1) };
}

function wordAt(text, x, y) {
  const hit = document.elementFromPoint(x, y)?.closest(".w");
  return hit && text.contains(hit) ? Number(hit.dataset.i) : null;
}

function preview(text, span) {
  for (const each of text.querySelectorAll(".w")) {
    const i = Number(each.dataset.i);
    each.classList.toggle("preview", span !== null && i >= span.start && i < span.end);
  }
}

// A source entity stands for the target entities that came from it.
function selectChip(sentence, side, k) {
  const now = entitiesOf(sentence);
  const all = selectable(sentence);
  const target = side === "target" ? k : now.findIndex((entity) => entity.source === k);
  const at =
    target >= 0
      ? all.findIndex((each) => each.side === "target" && each.index === target)
      : all.findIndex((each) => each.side === "source" && each.index === k);
  const same = selection.sentence === sentence && selection.entity === at;
  select(sentence, same ? -1 : at);
  focusEntity();
}
