// Lines between the two sides: source entity to target entity, and word to word.

const lineOptions = { words: false };
const FAR = 110; // pixels; a longer line crosses lines of text

// Draw the lines of cards in one go: all places are read before anything is written.
function drawLines(cards) {
  const drawings = cards.map((element) => [element, linesOf(element)]);
  for (const [element, paths] of drawings) element.querySelector("svg.lines").replaceChildren(...paths);
}

function linesOf(element) {
  const sentence = report.sentences[element.dataset.index];
  const pair = element.querySelector(".pair");
  const box = pair.getBoundingClientRect();
  const lit = litPair(sentence, element);
  const paths = [];
  if (lineOptions.words || lit) paths.push(...wordLines(sentence, pair, box, lit));
  entitiesOf(sentence).forEach((entity, k) => {
    if (entity.source < 0) return;
    const from = pair.querySelector(`.source [data-side][data-k="${entity.source}"]`);
    const to = pair.querySelector(`.target [data-side][data-k="${k}"]`);
    if (!from || !to) return;
    const isLit = lit !== null && lit.source === entity.source;
    const [start, end] = [leaves(from, box), arrives(to, box)];
    const far = end.y - start.y > FAR ? " far" : "";
    const state = isLit ? " lit" : lit === null ? far : " dim";
    paths.push(
      makeSvg("path", { class: `${colour(entity.label).slice(0, 2)}${state}`, d: curve(start, end) }),
    );
  });
  return paths;
}

function wordLines(sentence, pair, box, lit) {
  const flat = sentence.links;
  const paths = [];
  const at = (name, i) => pair.querySelector(`.${name} [data-i="${i}"]`);
  for (let i = 0; i < flat.length; i += 3) {
    const isLit = lit !== null && (lit.words.has(`s${flat[i]}`) || lit.words.has(`t${flat[i + 1]}`));
    if (!isLit && !lineOptions.words) continue;
    const from = at("source", flat[i]);
    const to = at("target", flat[i + 1]);
    if (from && to)
      paths.push(
        makeSvg("path", {
          class: `word${isLit ? " lit" : ""}`,
          d: curve(leaves(from, box), arrives(to, box)),
        }),
      );
  }
  return paths;
}

// The entities that the pointer or the focus is on, or that are selected, and their words.
function litPair(sentence, element) {
  const chipUnder =
    element.querySelector(".entity:hover, .entity:focus-visible, .entity:has(.tag:focus-visible)") ??
    element.querySelector(".entity.selected");
  if (!chipUnder) return null;
  const now = entitiesOf(sentence);
  const k = Number(chipUnder.dataset.k);
  const source = chipUnder.dataset.side === "source" ? k : (now[k]?.source ?? -1);
  const words = new Set();
  const span = sentence.sourceEntities[source];
  if (span) for (let i = span.start; i < span.end; i++) words.add(`s${i}`);
  else if (now[k]) for (let i = now[k].start; i < now[k].end; i++) words.add(`t${i}`);
  return { source: span ? source : NaN, words };
}

// The last line of a chip is where its line leaves, the first where a line arrives.
function leaves(element, box) {
  const rect =
    [...element.getClientRects()].filter((r) => r.width > 0).at(-1) ?? element.getBoundingClientRect();
  return { x: rect.x + rect.width / 2 - box.x, y: rect.bottom - box.y };
}

function arrives(element, box) {
  const rect = [...element.getClientRects()].find((r) => r.width > 0) ?? element.getBoundingClientRect();
  return { x: rect.x + rect.width / 2 - box.x, y: rect.top - box.y };
}

function curve(from, to) {
  const bend = Math.max(10, (to.y - from.y) / 2);
  const round = (n) => Math.round(n * 10) / 10;
  return `M${round(from.x)} ${round(from.y)}C${round(from.x)} ${round(from.y + bend)} ${round(to.x)} ${round(to.y - bend)} ${round(to.x)} ${round(to.y)}`;
}

// Redraw a card when the pointer or the focus moves to another entity.
function watchHover(container) {
  let last = null;
  const update = (event) => {
    const chipNow = event.target.closest?.(".entity") ?? null;
    if (chipNow === last) return;
    const cards = new Set(
      [last, chipNow].map((each) => each?.closest(".card")).filter((each) => each?.isConnected),
    );
    last = chipNow;
    for (const each of cards) lightUp(each);
    drawLines([...cards]);
  };
  for (const type of ["pointerover", "focusin", "focusout"]) container.addEventListener(type, update);
  container.addEventListener("pointerleave", update);
}

function lightUp(element) {
  const sentence = report.sentences[element.dataset.index];
  const lit = litPair(sentence, element);
  const now = entitiesOf(sentence);
  for (const each of element.querySelectorAll(".entity")) {
    const k = Number(each.dataset.k);
    const source = each.dataset.side === "source" ? k : now[k]?.source;
    each.classList.toggle("lit", lit !== null && source === lit.source);
  }
}
