"""Run the settings of the heuristic, and candidates by method and constraint, on Europarl-NER.

    python -m benchmarks.experiments    # writes benchmarks/results/europarl_grid.md

Rows and settings are in benchmarks/europarl_grid.yaml, which `xner run` also reads. In addition to
the aligners named there, the benchmark uses links from a file: those of the native aligner, also
fitted on conll-mt, written by xner and read back. eflomal is run if it is installed; it takes no
seed and is run once per seed of the native aligner.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import xner
from benchmarks import common
from benchmarks.quality import bulk_pairs, europarl_pairs
from xner.experiments import yaml_files
from xner.experiments.results import Cell, Results
from xner.experiments.tables import NONE, difference, figure, score, shares

CONFIG = Path(__file__).with_name("europarl_grid.yaml")
LANGUAGE = "de"
FILE = "file"


def configured(data: Path, output: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the configuration with other data folders, and links from a file as an aligner."""
    content: dict[str, Any] = yaml_files.load(CONFIG)
    content["data"]["folder"] = str(data / "europarl-ner")
    content["output"] = str(output)
    content["aligners"] = {**content["aligners"], FILE: {"links": str(output / "links.align")}}
    return {**content, "seeds": list(seeds)}


def write_links(data: Path, output: Path) -> str:
    """Write the file of links unless it exists; return the signature of the aligner."""
    path, said = output / "links.align", output / "links.txt"
    if not path.is_file():
        output.mkdir(parents=True, exist_ok=True)
        linked = xner.align(europarl_pairs(data), fit_on=[bulk_pairs(data)]).collect()
        linked.write(path)
        said.write_text((linked.schema.metadata or {})[b"xner.links"].decode())
    return said.read_text()


def settings_of(name: str) -> dict[str, str]:
    """Parse the settings in the name of a row, such as `greedy, constraint <=1`."""
    return dict(part.rsplit(" ", 1) for part in name.split(", ")[1:])


def cells(results: Results, aligner: str, system: str) -> list[tuple[dict[str, str], Cell]]:
    """Return the cells of an aligner in rows whose name starts with `system`, with settings."""
    return [
        (settings_of(row.system), row.cells[LANGUAGE])
        for row in results.rows
        if row.aligner == aligner and row.system.split(", ")[0] == system
    ]


def spread(cell: Cell) -> str:
    """Format F1 and, for several seeds, its standard deviation."""
    more = "" if cell.deviation is None else f" ± {figure(cell.deviation)}"
    return figure(cell.f1) + more


def heuristic_table(results: Results, aligner: str) -> str:
    """Format merge distance and top k in rows, length ratio in columns."""
    found = cells(results, aligner, "heuristic")
    ratios = list(dict.fromkeys(settings["length_ratio"] for settings, _ in found))
    rows: dict[tuple[str, str], list[str]] = {}
    for settings, cell in found:
        key = (settings["merge_distance"], settings["top_k"].replace("none", "all"))
        rows.setdefault(key, []).append(spread(cell))
    head = [f"{aligner}: merge distance, top k", *(f"ratio > {ratio}" for ratio in ratios)]
    return common.markdown(head, [[", ".join(key), *row] for key, row in rows.items()])


def candidate_table(results: Results, aligners: Sequence[str]) -> str:
    """Format method and constraint in rows, aligners in columns; xner's default last."""
    rows: dict[str, list[str]] = {}
    for i, aligner in enumerate(aligners):
        named = [
            (f"{method}, {settings['constraint']}", cell)
            for method in ("greedy", "exact")
            for settings, cell in cells(results, aligner, method)
        ]
        named += [("xner's default", cell) for _, cell in cells(results, aligner, "default")]
        for name, cell in named:
            rows.setdefault(name, [NONE] * len(aligners))[i] = spread(cell)
    return common.markdown(
        ["n-gram candidates: method, constraint", *aligners], [[k, *v] for k, v in rows.items()]
    )


def best_table(results: Results, aligners: Sequence[str]) -> str:
    """Format the rows with the published settings in full, with published figures."""
    wanted = {
        "default": {},
        "heuristic": {"merge_distance": "1", "top_k": "none", "length_ratio": "0.8"},
        "greedy": {"constraint": "<=1"},
        "exact": {"constraint": "<=1"},
    }
    rows = [
        [f"{system}, {aligner}", score(cell), shares(cell), difference(cell)]
        for system, settings in wanted.items()
        for aligner in aligners
        for own, cell in cells(results, aligner, system)
        if own == settings
    ]
    rows += [[f"published: {p.name}", figure(p.f1[LANGUAGE]), "", ""] for p in results.published]
    head = [
        "published settings",
        "F1 [95 %]",
        "precision / recall",
        "F1 minus F1 of default, native",
    ]
    return common.markdown(head, rows)


def page(results: Results, links: str) -> str:
    """Return the three tables and their provenance."""
    aligners = list(dict.fromkeys(row.aligner for row in results.rows))
    grid = "\n\n".join(heuristic_table(results, aligner) for aligner in aligners)
    seeds = max(row.cells[LANGUAGE].seeds for row in results.rows)
    return "\n\n".join(
        [
            "Command: `python -m benchmarks.experiments`. 799 sentences, English gold labels "
            f"projected onto German, strict F1. ± is the standard deviation over {seeds} seeds of "
            "the native aligner, or runs of eflomal, which takes no seed. The interval is a "
            "bootstrap over sentences. `file` is the native aligner, also fitted on conll-mt "
            f"(`{links}`), with its links written to a file and read back. Rows marked published "
            "were not computed here. The published figure for T-Projection (mT5-xl) is about .91, "
            "the mean over de, es and it.",
            best_table(results, aligners),
            f"## Candidates\n\n{candidate_table(results, aligners)}",
            "## Heuristic\n\nRuns are kept if they are longer than the ratio times the entity.\n\n"
            f"{grid}",
            *results.notes,
            f"`{results.signature}`",
            f"{results.seconds:.0f} s. {common.made_by('pyarrow', 'ortools')}",
        ]
    )


def main() -> None:
    """Run the grid and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--seeds", type=int, default=3, help="number of seeds (default: %(default)s)"
    )
    options.add_argument(
        "--output",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-europarl-grid"),
        help="folder for the cached steps",
    )
    chosen = options.parse_args()
    begin = perf_counter()
    links = write_links(chosen.data, chosen.output)
    print(f"# links: {perf_counter() - begin:.1f} s", flush=True)
    given = configured(chosen.data, chosen.output, range(1, chosen.seeds + 1))
    results = xner.run(given)
    common.save(chosen.results, "europarl_grid.md", results.title, page(results, links))


if __name__ == "__main__":
    main()
