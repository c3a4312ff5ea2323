// Start: read the data, show the page, and connect what is on it.

let report = null;

async function begin() {
  try {
    report = readReport(await unpacked());
  } catch (error) {
    warn(`This report cannot be read: ${error.message}. It needs a browser from 2023 or later.`);
    return;
  }
  restoreTheme();
  restoreKept();
  byId("coverage").textContent = coverage();
  byId("corrected-note").textContent =
    `JSON lines, the ${counted(report.sentences.length, "sentence")} of this list`;
  if (report.repeats)
    warn("Some sentences repeat with id and target words. The list of changes cannot be applied to these.");
  showKeys();
  showFilters();
  watchWindow();
  watchHover(byId("list"));
  watchPointer(byId("list"));
  watchKeys();
  connect();
  if (matchMedia("(max-width: 60rem)").matches) byId("filters").open = false;
  list.width = Math.round(byId("list").getBoundingClientRect().width);
  refilter();
  document.documentElement.dataset.ready = "";
  setTimeout(prepareSearch, 500);
}

function coverage() {
  const shown = report.sentences.length;
  const how = { random: "a random sample", first: "the first", doubtful: "the most doubtful" }[report.sample];
  if (shown === report.total) return `${counted(shown, "sentence")} · ${report.methods.join(", ")}`;
  return `${shown.toLocaleString("en")} of ${counted(report.total, "sentence")} listed: ${how}. Figures cover all ${report.total.toLocaleString("en")}.`;
}

function showProgress() {
  const checked = [...edits.byIndex.values()].filter((state) => state.checked).length;
  const changedNow = [...edits.byIndex.keys()].filter((index) => isChanged(report.sentences[index])).length;
  const found = list.order.length;
  const all = report.sentences.length;
  const shown =
    found === all ? counted(all, "sentence") : `${found.toLocaleString("en")} of ${counted(all, "sentence")}`;
  byId("matches").textContent = `${shown} · ${changedNow} changed · ${checked} checked`;
  byId("undo").disabled = !edits.done.length;
  byId("redo").disabled = !edits.undone.length;
}

function connect() {
  const on = (id, act) => byId(id).addEventListener("click", act);
  on("undo", undo);
  on("redo", redo);
  on("save-changes", saveChanges);
  on("save-corrected", saveCorrected);
  on("discard", discardAll);
  on("theme", nextTheme);
  on("help", () => byId("keys").showModal());
  on("previous", () => stepSentence(-1));
  on("next", () => stepSentence(1));
  on("reset", resetFilters);
  on("tab-sentences", () => showView("sentences"));
  on("tab-figures", () => showView("figures"));
  byId("downloads").addEventListener("click", (event) => {
    if (event.target.closest(".sheet button")) byId("downloads").open = false;
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#downloads")) byId("downloads").open = false;
  });
  byId("filter-form").addEventListener("submit", (event) => event.preventDefault());
  byId("all-links").addEventListener("change", (event) => {
    lineOptions.words = event.target.checked;
    drawLines([...list.cards.values()]);
  });
  document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") switchView();
  });
  addEventListener("pagehide", keep);
  addEventListener("resize", () => {
    if (!byId("figures").hidden) showFigures();
  });
}

function showView(name) {
  for (const view of ["sentences", "figures"]) {
    byId(view).hidden = view !== name;
    byId(`tab-${view}`).setAttribute("aria-selected", String(view === name));
    byId(`tab-${view}`).tabIndex = view === name ? 0 : -1;
  }
  if (name === "figures") showFigures();
  else paint();
}

function switchView() {
  const next = byId("sentences").hidden ? "sentences" : "figures";
  showView(next);
  byId(`tab-${next}`).focus();
}

const THEMES = { "": ["◐", "as the system"], light: ["☀", "light"], dark: ["☾", "dark"] };

function setTheme(theme) {
  const [sign, name] = THEMES[theme];
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  byId("theme").textContent = sign;
  byId("theme").setAttribute("aria-label", `Colours: ${name}`);
  byId("theme").title = `Colours: ${name}`;
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length];
  setTheme(next);
  try {
    localStorage.setItem("xner-review-theme", next);
  } catch {
    // Without storage, the choice lasts until the page is closed.
  }
}

function restoreTheme() {
  let theme = "";
  try {
    theme = localStorage.getItem("xner-review-theme") ?? "";
  } catch {
    // As the system.
  }
  setTheme(theme in THEMES ? theme : "");
}

begin();
