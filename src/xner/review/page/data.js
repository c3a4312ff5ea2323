// The data of the report: unpacked, with names instead of positions. See records.py.

async function unpacked() {
  const text = atob(document.getElementById("data").textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function readReport(data) {
  const at = Object.fromEntries(data.fields.map((name, i) => [name, i]));
  const outcomes = data.outcomes.map(([name, meaning, labelled]) => ({ name, meaning, labelled }));
  const sentences = data.rows.map((row, index) => readSentence(row, index, at));
  return { ...data, rows: null, outcomes, sentences };
}

function readSentence(row, index, at) {
  const methods = row[at.methods].map(([flat, solution]) => ({
    entities: readEntities(flat),
    solution: solution
      ? { objective: solution[0], bound: solution[1], route: solution[2], status: solution[3] }
      : null,
  }));
  return {
    index,
    row: row[at.row],
    id: row[at.id],
    group: row[at.group],
    source: row[at.source],
    target: row[at.target],
    sourceSpaces: row[at.sourceSpaces] || null,
    targetSpaces: row[at.targetSpaces] || null,
    sourceEntities: readSpans(row[at.sourceEntities]),
    outcomes: row[at.outcomes],
    links: row[at.links],
    flatCandidates: row[at.candidates],
    methods,
    gold: row[at.gold] === 0 ? null : readSpans(row[at.gold]),
    searched: null,
  };
}

function readSpans(flat) {
  const spans = [];
  for (let i = 0; i < flat.length; i += 3) {
    spans.push({ start: flat[i], end: flat[i + 1], label: flat[i + 2] });
  }
  return spans;
}

function readEntities(flat) {
  const entities = [];
  for (let i = 0; i < flat.length; i += 6) {
    const [start, end, label, source, score, probability] = flat.slice(i, i + 6);
    entities.push({ start, end, label, source, score, probability });
  }
  return entities;
}

// The candidates of one source entity that were kept, the chosen ones first.
function candidatesOf(sentence, source) {
  const flat = sentence.flatCandidates;
  const found = [];
  for (let i = 0; i < flat.length; i += 6) {
    if (flat[i] !== source) continue;
    found.push({
      start: flat[i + 1],
      end: flat[i + 2],
      score: flat[i + 3],
      fate: report.fates[flat[i + 4]],
      rival: flat[i + 5],
    });
  }
  return found;
}

function sameSpan(a, b) {
  return a.start === b.start && a.end === b.end && a.label === b.label;
}

function sameEntities(some, others) {
  return some.length === others.length && some.every((a) => others.some((b) => sameSpan(a, b)));
}

function overlap(a, b) {
  return a.start < b.end && b.start < a.end;
}

// How sure the least certain entity is: 0 if an entity was lost, Infinity without entities.
function doubtOf(sentence) {
  if (sentence.outcomes.some((code) => !report.outcomes[code].labelled)) return 0;
  let least = Infinity;
  for (const entity of sentence.methods[0].entities) {
    const sure = entity.probability ?? entity.score;
    if (sure !== null && sure < least) least = sure;
  }
  return least;
}

// Scripts that are written without spaces between words.
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3000-\u303f\uff00-\uffef]/u;

function spaceBetween(tokens, spaces, i) {
  if (spaces) return gap(spaces[i]);
  if (i === 0 || i === tokens.length) return "";
  const before = [...tokens[i - 1]].pop() ?? "";
  return UNSPACED.test(before) && UNSPACED.test(tokens[i]) ? "" : " ";
}

// The text between two words: white space, and rarely something that no word covers.
function gap(text) {
  const spaced = text.replace(/\s+/g, " ");
  return spaced.trim() ? visible(spaced) : spaced;
}

// Control and direction characters as pictures, so that no word can reorder or hide its neighbours.
function visible(token) {
  if (token === "") return "∅";
  return token.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => {
      const code = c.charCodeAt(0);
      return code < 32
        ? String.fromCharCode(0x2400 + code)
        : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
    },
  );
}

function textOf(tokens, spaces, start = 0, end = tokens.length) {
  let text = "";
  for (let i = start; i < end; i++)
    text += (i > start ? spaceBetween(tokens, spaces, i) : "") + visible(tokens[i]);
  return text;
}

function sourceText(sentence, span) {
  return textOf(sentence.source, sentence.sourceSpaces, span.start, span.end);
}

function targetText(sentence, span) {
  return textOf(sentence.target, sentence.targetSpaces, span.start, span.end);
}

// Elements: attributes, listeners given as functions, and children that are nodes or plain text.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  return fill(element, attributes, children);
}

function makeSvg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);
const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const shownNumber = (value, digits) => (value === null ? "–" : value.toFixed(digits));
const confidence = (probability) => (probability >= 0.995 && probability < 1 ? ">99%" : percent(probability));
const percent = (share) => `${(100 * share).toFixed(0)}%`;
const colour = (label) => `k${label % 8}${label >= 8 ? " more" : ""}`;

let sayTimer = 0;
function say(text) {
  clearTimeout(sayTimer);
  byId("status").textContent = text;
  sayTimer = setTimeout(() => {
    byId("status").textContent = "";
  }, 4000);
}
