// The list: only the cards near the window are in the document, so that 10,000 are no burden.

const SPARE = 700; // pixels above and below the window
const BETWEEN = 12;

const list = {
  order: [],
  place: new Map(),
  heights: new Float64Array(0),
  tops: new Float64Array(0),
  cards: new Map(),
  width: 0,
  asked: false,
};
const selection = { sentence: null, entity: -1 };

function setOrder(sentences) {
  list.order = sentences;
  list.place = new Map(sentences.map((sentence, i) => [sentence.index, i]));
  list.heights = Float64Array.from(sentences, guessHeight);
  list.tops = new Float64Array(sentences.length + 1);
  for (const element of list.cards.values()) element.remove();
  list.cards.clear();
  if (selection.sentence && !list.place.has(selection.sentence.index))
    Object.assign(selection, { sentence: null, entity: -1 });
  stack();
  paint();
}

// Close enough for the scroll bar; a card is measured when it is drawn.
function guessHeight(sentence) {
  const line = Math.max(20, (list.width || 800) / 8.5);
  const rows = (tokens) => Math.max(1, Math.ceil((tokens.length * 6.5) / line));
  return 92 + 33 * (rows(sentence.source) + rows(sentence.target));
}

function stack() {
  let top = 0;
  for (let i = 0; i < list.heights.length; i++) {
    list.tops[i] = top;
    top += list.heights[i] + BETWEEN;
  }
  list.tops[list.heights.length] = top;
  byId("list").style.height = `${top}px`;
}

function indexAt(y) {
  let low = 0;
  let high = list.order.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (list.tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

function paintSoon() {
  if (list.asked) return;
  list.asked = true;
  requestAnimationFrame(() => {
    list.asked = false;
    paint();
  });
}

// Bring the cards near the window into the document; keep the first visible one where it is.
function paint() {
  if (byId("sentences").hidden || !list.order.length) return;
  for (let round = 0; round < 4; round++) {
    const y = -byId("list").getBoundingClientRect().top;
    const anchor = indexAt(Math.max(0, y));
    const before = list.tops[anchor];
    const first = indexAt(y - SPARE);
    const last = indexAt(y + innerHeight + SPARE);
    const added = exchange(first, last);
    if (!measure(added)) break;
    stack();
    place();
    const moved = list.tops[anchor] - before;
    if (moved && y > 0) scrollBy({ top: moved, behavior: "instant" });
  }
}

function exchange(first, last) {
  const added = [];
  for (const [index, element] of list.cards) {
    const at = list.place.get(index);
    const held = element.contains(document.activeElement) || report.sentences[index] === selection.sentence;
    if (at >= first && at <= last) continue;
    if (held && at !== undefined) continue;
    element.remove();
    list.cards.delete(index);
  }
  for (let i = first; i <= last; i++) {
    const sentence = list.order[i];
    if (list.cards.has(sentence.index)) continue;
    const element = card(sentence);
    list.cards.set(sentence.index, element);
    added.push(element);
    insert(element, i);
  }
  place();
  return added;
}

// Cards stand in the document in the order of the list, for the order of focus.
function insert(element, at) {
  element.setAttribute("aria-posinset", at + 1);
  element.setAttribute("aria-setsize", list.order.length);
  const next = [...byId("list").children].find((other) => list.place.get(Number(other.dataset.index)) > at);
  byId("list").insertBefore(element, next ?? null);
}

function place() {
  for (const [index, element] of list.cards)
    element.style.transform = `translateY(${list.tops[list.place.get(index)]}px)`;
}

// Take the heights of new cards, and draw their lines; true if a height was not as guessed.
function measure(elements) {
  let changed = false;
  for (const element of elements) {
    const at = list.place.get(Number(element.dataset.index));
    const height = element.offsetHeight;
    if (Math.abs(height - list.heights[at]) < 0.5) continue;
    list.heights[at] = height;
    changed = true;
  }
  drawLines(elements);
  return changed;
}

// Draw cards again after a change of their sentences or of the selection.
function refreshCards(indices) {
  const drawn = [];
  const held = heldCard();
  const before = list.tops[held];
  for (const index of new Set(indices)) {
    const old = list.cards.get(index);
    if (!old) continue;
    const focus = focusPath(old);
    const element = card(report.sentences[index]);
    old.replaceWith(element);
    list.cards.set(index, element);
    element.setAttribute("aria-posinset", list.place.get(index) + 1);
    element.setAttribute("aria-setsize", list.order.length);
    restoreFocus(element, focus);
    drawn.push(element);
  }
  place();
  if (measure(drawn)) stack();
  place();
  const moved = list.tops[held] - before;
  if (moved) scrollBy({ top: moved, behavior: "instant" });
  for (const element of drawn) lightUp(element);
  paint();
}

// The place in the list of the card that stays where it is on the screen when others change their
// height: the active one if it can be seen, otherwise the first in view.
function heldCard() {
  const top = -byId("list").getBoundingClientRect().top;
  const active = selection.sentence ? list.place.get(selection.sentence.index) : undefined;
  const seen = active !== undefined && list.tops[active + 1] > top && list.tops[active] < top + innerHeight;
  return seen ? active : indexAt(Math.max(0, top));
}

// Where the focus is in a card, in terms that hold after it was drawn again.
function focusPath(element) {
  const focused = document.activeElement;
  if (!element.contains(focused)) return null;
  if (focused.matches(CHIP)) return { entity: true };
  const kind = focused.getAttribute("aria-label") ?? focused.textContent;
  return { kind, tag: focused.tagName };
}

function restoreFocus(element, focus) {
  if (!focus) return;
  const found = focus.entity
    ? selectedChip(element)
    : [...element.querySelectorAll(focus.tag)].find(
        (other) => (other.getAttribute("aria-label") ?? other.textContent) === focus.kind,
      );
  (found ?? element).focus({ preventScroll: true });
}

// What can be selected in the active sentence: target entities, then lost source entities.
function selectable(sentence = selection.sentence) {
  if (!sentence) return [];
  const now = entitiesOf(sentence);
  const lost = sentence.sourceEntities
    .map((_, i) => i)
    .filter((i) => !now.some((entity) => entity.source === i));
  return [
    ...now.map((_, index) => ({ side: "target", index })),
    ...lost.map((index) => ({ side: "source", index })),
  ];
}

function select(sentence, entity = -1) {
  const old = selection.sentence;
  selection.sentence = sentence;
  selection.entity = entity;
  refreshCards([old, sentence].filter(Boolean).map((each) => each.index));
}

// Make a sentence the active one and bring it into view.
function goTo(sentence, entity = -1) {
  const at = list.place.get(sentence.index);
  if (at === undefined) return;
  select(sentence, entity);
  const top = byId("list").getBoundingClientRect().top + list.tops[at];
  const roof = matchMedia("(max-width: 34rem)").matches ? 12 : 84;
  if (top < roof || top + Math.min(list.heights[at], innerHeight - roof) > innerHeight) {
    scrollBy({ top: top - roof, behavior: "instant" });
    paint();
  }
  list.cards.get(sentence.index)?.focus({ preventScroll: true });
}

function stepSentence(by) {
  if (!list.order.length) return;
  const at = selection.sentence ? list.place.get(selection.sentence.index) : undefined;
  const first = indexAt(Math.max(0, 90 - byId("list").getBoundingClientRect().top));
  const next = at === undefined ? first : Math.min(list.order.length - 1, Math.max(0, at + by));
  goTo(list.order[next]);
}

function stepEntity(by) {
  if (!selection.sentence) stepSentence(0);
  const all = selectable();
  if (!all.length) return say("This sentence has no entity.");
  const next =
    selection.entity < 0 ? (by > 0 ? 0 : all.length - 1) : (selection.entity + by + all.length) % all.length;
  select(selection.sentence, next);
  focusEntity();
}

// What has the focus of an entity: its chip, or the label of one with entities inside.
const CHIP = ".entity[tabindex], .tag[tabindex]";

function selectedChip(element) {
  return element.querySelector(
    ".entity.selected[tabindex], .entity.selected > .tag[tabindex], .entity.selected > .keep > .tag[tabindex]",
  );
}

function focusEntity() {
  const element = list.cards.get(selection.sentence.index);
  (element && selectedChip(element))?.focus({ preventScroll: true });
}

function watchWindow() {
  addEventListener("scroll", paintSoon, { passive: true });
  addEventListener("resize", paintSoon);
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (!width || width === list.width) return;
    list.width = width;
    list.heights = Float64Array.from(list.order, guessHeight);
    measure([...list.cards.values()]);
    stack();
    place();
    paint();
  }).observe(byId("list"));
}
