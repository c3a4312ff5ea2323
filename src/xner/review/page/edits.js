// Corrections: what a person changed, undo and redo, and a copy in this browser.

const edits = {
  byIndex: new Map(), // index of a sentence -> { entities, checked }
  done: [], // { steps: [{ index, before, after }], text }
  undone: [],
  stored: true,
};

function original(sentence) {
  return sentence.methods[0].entities;
}

function entitiesOf(sentence) {
  return edits.byIndex.get(sentence.index)?.entities ?? original(sentence);
}

function isChecked(sentence) {
  return edits.byIndex.get(sentence.index)?.checked ?? false;
}

function sameSources(some, others) {
  return some.every((a) => others.some((b) => sameSpan(a, b) && a.source === b.source));
}

function isChanged(sentence) {
  const now = entitiesOf(sentence);
  const before = original(sentence);
  return now !== before && !(sameEntities(now, before) && sameSources(now, before));
}

function isEdited(sentence) {
  return isChanged(sentence) || isChecked(sentence);
}

// Change sentences in one step that undo takes back.
function apply(changes, text) {
  const steps = changes.map(([sentence, change]) => {
    const before = edits.byIndex.get(sentence.index) ?? null;
    const after = { entities: entitiesOf(sentence), checked: isChecked(sentence), ...change };
    after.entities = [...after.entities].sort((a, b) => a.start - b.start || b.end - a.end);
    return { index: sentence.index, before, after };
  });
  edits.done.push({ steps, text });
  edits.undone.length = 0;
  for (const step of steps) put(step.index, step.after);
  afterChange(steps.map((step) => step.index));
}

function put(index, state) {
  const sentence = report.sentences[index];
  if (state === null) edits.byIndex.delete(index);
  else edits.byIndex.set(index, state);
  if (!isEdited(sentence)) edits.byIndex.delete(index);
}

function undo() {
  const last = edits.done.pop();
  if (!last) return;
  edits.undone.push(last);
  for (const step of last.steps) put(step.index, step.before);
  afterChange(
    last.steps.map((step) => step.index),
    true,
  );
  say(`Undone: ${last.text}`);
}

function redo() {
  const next = edits.undone.pop();
  if (!next) return;
  edits.done.push(next);
  for (const step of next.steps) put(step.index, step.after);
  afterChange(
    next.steps.map((step) => step.index),
    true,
  );
  say(`Redone: ${next.text}`);
}

function discardAll() {
  const changes = [...edits.byIndex.keys()].map((index) => {
    const sentence = report.sentences[index];
    return [sentence, { entities: original(sentence), checked: false }];
  });
  if (changes.length) apply(changes, `discard the changes of ${counted(changes.length, "sentence")}`);
}

// After any change: keep it, draw it, and show where it was if it came from undo or redo.
function afterChange(indices, show = false) {
  keepSoon();
  selection.entity = Math.min(selection.entity, selectable().length - 1);
  refreshCards(indices);
  showProgress();
  if (show && indices.length === 1) {
    const sentence = report.sentences[indices[0]];
    goTo(sentence, sentence === selection.sentence ? selection.entity : -1);
  }
}

const storageName = () => `xner-review:${report.key}`;
let keepTimer = 0;

function keepSoon() {
  clearTimeout(keepTimer);
  keepTimer = setTimeout(keep, 150);
}

function keep() {
  clearTimeout(keepTimer);
  const kept = [...edits.byIndex].map(([index, state]) => [
    index,
    state.checked,
    isChanged(report.sentences[index]) ? state.entities : 0,
  ]);
  try {
    if (kept.length) localStorage.setItem(storageName(), JSON.stringify(kept));
    else localStorage.removeItem(storageName());
    edits.stored = true;
  } catch {
    if (edits.stored)
      warn(
        "This browser does not keep your changes across a reload. Download the list of changes before you leave.",
      );
    edits.stored = false;
  }
}

function restoreKept() {
  let kept = [];
  try {
    kept = JSON.parse(localStorage.getItem(storageName()) ?? "[]");
  } catch {
    return;
  }
  for (const [index, checked, entities] of kept) {
    const sentence = report.sentences[index];
    if (sentence) edits.byIndex.set(index, { checked, entities: entities || original(sentence) });
  }
  if (kept.length) say(`Restored your work on ${counted(kept.length, "sentence")}.`);
}

function warn(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
}
