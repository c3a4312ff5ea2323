// Keyboard: one table for the keys and for the help that lists them.

const KEYS = [
  [
    "Move",
    [
      [["j", "ArrowDown"], "Next sentence", () => stepSentence(1)],
      [["k", "ArrowUp"], "Previous sentence", () => stepSentence(-1)],
      [["l", "ArrowRight"], "Next entity", () => stepEntity(1)],
      [["h", "ArrowLeft"], "Previous entity", () => stepEntity(-1)],
      [["/"], "Search", () => focusSearch()],
      [["Escape"], "Leave the entity or the search", () => leave()],
    ],
  ],
  [
    "Correct the entity",
    [
      [["a"], "Start one word earlier", () => resize(-1, 0)],
      [["s"], "Start one word later", () => resize(1, 0)],
      [["d"], "End one word earlier", () => resize(0, -1)],
      [["f"], "End one word later", () => resize(0, 1)],
      [["1"], "First label; 2 to 9 for the others", () => labelKey(0)],
      [["x", "Delete"], "Remove the entity", () => removeSelected()],
      [["i"], "Add a lost entity to the target", () => insertLost()],
    ],
  ],
  [
    "Sentence",
    [
      [["c"], "Mark as checked, and go to the next", () => checkAndGo()],
      [["u"], "Undo (also Ctrl+Z)", () => undo()],
      [["r"], "Redo (also Ctrl+Shift+Z)", () => redo()],
    ],
  ],
  [
    "Page",
    [
      [["g"], "Sentences or figures", () => switchView()],
      [["w"], "All word links on or off", () => byId("all-links").click()],
      [["?"], "This help", () => byId("keys").showModal()],
    ],
  ],
  [
    "Pointer",
    [
      [[], "Click an entity: its candidates and actions"],
      [[], "Drag the end of a selected entity: change its span"],
      [[], "Drag over words, or double-click a word: add an entity"],
    ],
  ],
];

function showKeys() {
  const names = {
    ArrowDown: "↓",
    ArrowUp: "↑",
    ArrowRight: "→",
    ArrowLeft: "←",
    Escape: "Esc",
    Delete: "Del",
  };
  byId("key-list").replaceChildren(
    ...KEYS.map(([title, rows]) =>
      make(
        "div",
        {},
        make("h3", {}, title),
        make(
          "dl",
          {},
          rows.flatMap(([keys, text]) => [
            make(
              "dt",
              {},
              keys.flatMap((key, i) => [i ? " " : "", make("kbd", {}, names[key] ?? key)]),
            ),
            make("dd", {}, text),
          ]),
        ),
      ),
    ),
  );
}

function watchKeys() {
  const actionOf = new Map(
    KEYS.flatMap(([, rows]) => rows.flatMap(([keys, , act]) => keys.map((key) => [key, act]))),
  );
  addEventListener("keydown", (event) => {
    if (byId("keys").open) return;
    const field = event.target.closest("input[type=search], select");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !field) {
      event.preventDefault();
      return event.shiftKey ? redo() : undo();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (field && event.key !== "Escape") return;
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("[role=button]")) {
      event.preventDefault();
      return event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    }
    if (event.key.startsWith("Arrow") && event.target.closest("[role=tablist], input, summary")) return;
    const key = latinKey(event);
    const act = /^[2-9]$/.test(key) ? () => labelKey(Number(key) - 1) : actionOf.get(key);
    if (!act || (byId("sentences").hidden && !["g", "?"].includes(key))) return;
    event.preventDefault();
    act();
  });
}

// The key on a Latin keyboard: people who review Arabic or Russian may have another layout.
function latinKey({ key, code, shiftKey }) {
  if (key.length > 1 || /^[!-~]$/.test(key)) return key.length > 1 ? key : key.toLowerCase();
  if (code === "Slash") return shiftKey ? "?" : "/";
  return code.replace(/^(Key|Digit)/, "").toLowerCase();
}

function labelKey(code) {
  if (code >= report.labels.length) return;
  const picked = selectable()[selection.entity];
  if (picked?.side === "target") relabel(code);
  else if (picked) addHere(code);
}

function insertLost() {
  const picked = selectable()[selection.entity];
  if (picked?.side === "source") return addHere(selection.sentence.sourceEntities[picked.index].label);
  const at = selectable().findIndex((each) => each.side === "source");
  if (at < 0)
    return say("Every source entity of this sentence has a target entity. Drag over words to add another.");
  select(selection.sentence, at);
  insertLost();
}

function checkAndGo() {
  const sentence = selection.sentence;
  if (!sentence) return say("Choose a sentence first.");
  setChecked(sentence, !isChecked(sentence));
  if (isChecked(sentence)) stepSentence(1);
}

function focusSearch() {
  byId("filters").open = true;
  byId("search").focus();
}

function leave() {
  if (document.activeElement?.id === "search") return document.activeElement.blur();
  if (byId("downloads").open) byId("downloads").open = false;
  else if (selection.entity >= 0) goTo(selection.sentence);
  else if (selection.sentence) select(null);
}
