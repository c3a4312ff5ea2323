"""Measure reports: how long they take to write, to open in Chromium, and to react.

python -m benchmarks.review                 # writes benchmarks/results/review.md; 5 minutes
python -m benchmarks.review --rows 100000   # with fewer rows in the large input
"""

import os
import shutil
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import xner
from benchmarks import common, synthetic
from benchmarks.processes import run

LISTED = 10_000
TIMES = 15
_READY = "html[data-ready]"

# The time from an action to the end of the frame that shows it.
_TIMED = """
async ([name, times, argument]) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const press = (key) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true }));
  const type = (text) => {
    const field = document.querySelector("#search");
    field.value = text;
    field.dispatchEvent(new Event("input"));
  };
  const box = (text) => [...document.querySelectorAll("#filter-form .tick")]
    .find((each) => each.textContent.startsWith(text)).querySelector("input");
  const height = document.documentElement.scrollHeight;
  const acts = {
    key: (i) => press(argument[i % argument.length]),
    search: (i) => type(argument.slice(0, 1 + (i % argument.length))),
    filter: () => box(argument).click(),
    jump: (i) => scrollTo(0, (height * ((i * 7919) % 100)) / 100),
    wheel: () => scrollBy(0, 600),
    nothing: () => {},
  };
  const taken = [];
  for (let i = 0; i < times; i++) {
    await frame();
    const begin = performance.now();
    acts[name](i);
    await frame();
    taken.push(performance.now() - begin);
  }
  return taken;
}
"""
ACTIONS = [
    ("nothing", "nothing", ""),
    ("next sentence (key)", "key", "j"),
    ("next entity, with its candidates (key)", "key", "l"),
    ("change a span (keys)", "key", "df"),
    ("undo and redo (keys)", "key", "ur"),
    ("scroll by 600 pixels", "wheel", ""),
    ("jump to another place of the list", "jump", ""),
    ("search, a letter more or less", "search", "minister"),
    ("filter on or off", "filter", "PER"),
    ("only what differs from greedy", "filter", "differs from"),
]


def real(folder: Path, data: Path) -> tuple[Path, float]:
    """Write a report of real sentences, exact against greedy; return it and the seconds."""
    pairs = xner.Corpus.from_table(common.conll_mt(data).slice(0, LISTED))
    files = [folder / "exact.parquet", folder / "greedy.parquet"]
    xner.project(pairs, method="exact", keep_candidates=5).write(files[0])
    xner.project(pairs, method="greedy").write(files[1])
    report = folder / "real.html"
    begin = perf_counter()
    made = xner.write_report(files[0], report, others=files[1:])
    assert made.shown == LISTED
    return report, perf_counter() - begin


def opened(report: Path) -> tuple[list[float], list[list[str]], dict[str, Any]]:
    """Open a report several times, and measure each action in the last."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        loads, used = [], []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            begin = perf_counter()
            page.goto(report.as_uri())
            page.wait_for_selector(_READY)
            loads.append(perf_counter() - begin)
            used.append(_processor(session))
        facts: dict[str, Any] = page.evaluate(
            "() => ({elements: document.getElementsByTagName('*').length, "
            "heap: performance.memory.usedJSHeapSize / 2**20})"
        )
        facts["version"] = browser.version
        facts["processor"] = median(used)
        lines = []
        page.keyboard.press("j")
        for title, name, argument in ACTIONS:
            before = _processor(session)
            taken = page.evaluate(_TIMED, [name, TIMES, argument])
            own = 1000 * (_processor(session) - before) / TIMES
            lines.append([title, f"{own:.0f}", f"{median(taken):.0f}", f"{max(taken):.0f}"])
        browser.close()
    return loads, lines, facts


def _processor(session: Any) -> float:
    """Processor time that the main thread of a page has used, in seconds."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def large(folder: Path, rows: int) -> list[list[str]]:
    """Project a large input, and write reports by sample; the costs of the whole commands."""
    source, projected = folder / "pairs.parquet", folder / "projected.parquet"
    synthetic.write_pairs(source, rows)
    lines = []
    for kept in ("0", "5"):
        options = ["-o", str(projected), "--score", "alignment=1", "--keep-candidates", kept]
        cost = run("project", str(source), *options)
        size = projected.stat().st_size / 1e6
        name = f"project --keep-candidates {kept}"
        lines.append([name, f"{cost.seconds:.1f}", f"{cost.memory:,.0f}", f"{size:.1f}"])
    for sample in ("random", "first", "doubtful"):
        output = folder / f"{sample}.html"
        cost = run("report", str(projected), "-o", str(output), "--sample", sample)
        size = output.stat().st_size / 1e6
        lines.append(
            [
                f"report --sample {sample}",
                f"{cost.seconds:.1f}",
                f"{cost.memory:,.0f}",
                f"{size:.1f}",
            ]
        )
    return lines


def main() -> None:
    """Measure both inputs and write the page."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large input")
    options = parser.parse_args()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report, seconds = real(folder, options.data)
        size = report.stat().st_size / 1e6
        loads, lines, facts = opened(report)
        big = large(folder, options.rows)
    head = [f"action, {TIMES} times", "processor, ms", "median, ms", "longest, ms"]
    body = [
        f"Chromium {facts['version']}, headless. {common.made_by('pyarrow', 'playwright')}. Other "
        f"programs ran on the machine: its load was {busy:.0f} at the start.",
        f"## {LISTED:,} sentences",
        f"The first {LISTED:,} pairs of conll-mt, exact against greedy, with five candidates of "
        f"each entity. The report was written in {seconds:.1f} s and has {size:.1f} MB. From "
        f"the request to a list that can be used it takes {median(loads):.2f} s (median of "
        f"{len(loads)}, longest {max(loads):.2f} s), of which the page's main thread computes "
        f"{facts['processor']:.2f} s. Then the document has "
        f"{facts['elements']:,} elements, and its scripts hold {facts['heap']:.0f} MiB.",
        "*Processor* is the time that the page's main thread computes for an action, on average; "
        "it depends little on other programs. The other times are from the action to the end of "
        "the frame that shows it. *Nothing* is a frame in which nothing happens.",
        common.markdown(head, lines),
        f"## {options.rows:,} sentences",
        f"Whole commands on {options.rows:,} synthetic pairs in Parquet with links. The reports "
        f"are of the projection with five candidates of each entity: they list {LISTED:,} "
        f"sentences, and their figures count all.",
        common.markdown(["command", "seconds", "peak MiB", "output, MB"], big),
    ]
    common.save(options.results, "review.md", "Reports", "\n\n".join(body))


if __name__ == "__main__":
    main()
