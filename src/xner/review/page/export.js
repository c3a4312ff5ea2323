// Downloads: the list of changes for `xner apply`, and the corrected sentences.

const plainSpan = ({ start, end, label }) => ({ start, end, label: report.labels[label] });
const withSource = (entity) => ({ ...plainSpan(entity), source: entity.source < 0 ? null : entity.source });

// Some programs end a line at U+2028; JSON can hold it as an escape.
function jsonLine(value) {
  return JSON.stringify(value).replace(
    /[\u0085\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function changeLines() {
  return report.sentences.filter(isEdited).map((sentence) =>
    jsonLine({
      id: sentence.id,
      target_tokens: sentence.target,
      before: original(sentence).map(plainSpan),
      after: entitiesOf(sentence).map(withSource),
      checked: isChecked(sentence),
    }),
  );
}

function correctedLines() {
  return report.sentences.map((sentence) =>
    jsonLine({
      id: sentence.id,
      source_tokens: sentence.source,
      source_entities: sentence.sourceEntities.map(plainSpan),
      target_tokens: sentence.target,
      target_entities: entitiesOf(sentence).map((entity) => ({ ...withSource(entity), score: entity.score })),
      links: linkObjects(sentence),
      outcomes: outcomesNow(sentence),
      checked: isChecked(sentence),
    }),
  );
}

function linkObjects({ links }) {
  const found = [];
  for (let i = 0; i < links.length; i += 3)
    found.push({ source: links[i], target: links[i + 1], weight: links[i + 2] });
  return found;
}

// As changes.py: what a person changed is `corrected`, or `removed` if it labels nothing any more.
function outcomesNow(sentence) {
  const now = entitiesOf(sentence);
  return sentence.outcomes.map((code, source) => {
    const own = (entities) => entities.filter((entity) => entity.source === source);
    const [before, after] = [own(original(sentence)), own(now)];
    if (sameEntities(before, after)) return report.outcomes[code].name;
    return after.length ? "corrected" : "removed";
  });
}

function save(lines, name) {
  const blob = new Blob(
    lines.map((line) => `${line}\n`),
    { type: "application/jsonl" },
  );
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fileStem() {
  return report.methods[0].replace(/[^\p{L}\p{N}._-]+/gu, "-") || "report";
}

function saveChanges() {
  const lines = changeLines();
  if (!lines.length) return say("Nothing is changed or checked yet.");
  save(lines, `${fileStem()}.changes.jsonl`);
  say(`Saved the changes of ${counted(lines.length, "sentence")}.`);
}

function saveCorrected() {
  save(correctedLines(), `${fileStem()}.corrected.jsonl`);
  say(`Saved ${counted(report.sentences.length, "sentence")}.`);
}
