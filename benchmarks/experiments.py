"""Europarl-NER without models: the heuristic's grid, and candidates by method and constraint.

    python -m benchmarks.experiments    # writes benchmarks/results/europarl_grid.md

Rows and settings stand in benchmarks/europarl_grid.yaml, which `xner run` reads as well. Beside
the aligners named there, links come from a file: those of the native aligner fitted on conll-mt
too, written by xner and read back. eflomal is run where it is installed; it takes no seed, and is
run as often as the native aligner has seeds.
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
    """The configuration with its data elsewhere, and links from a file as a further aligner."""
    content: dict[str, Any] = yaml_files.load(CONFIG)
    content["data"]["folder"] = str(data / "europarl-ner")
    content["output"] = str(output)
    content["aligners"] = {**content["aligners"], FILE: {"links": str(output / "links.align")}}
    return {**content, "seeds": list(seeds)}


def write_links(data: Path, output: Path) -> str:
    """Make the file of links, unless it is there; returns what made it."""
    path, said = output / "links.align", output / "links.txt"
    if not path.is_file():
        output.mkdir(parents=True, exist_ok=True)
        linked = xner.align(europarl_pairs(data), fit_on=[bulk_pairs(data)]).collect()
        linked.write(path)
        said.write_text((linked.schema.metadata or {})[b"xner.links"].decode())
    return said.read_text()


def settings_of(name: str) -> dict[str, str]:
    """The settings that the name of a row tells: `greedy, constraint <=1`."""
    return dict(part.rsplit(" ", 1) for part in name.split(", ")[1:])


def cells(results: Results, aligner: str, system: str) -> list[tuple[dict[str, str], Cell]]:
    """The cells of an aligner whose row's name starts with `system`, with their settings."""
    return [
        (settings_of(row.system), row.cells[LANGUAGE])
        for row in results.rows
        if row.aligner == aligner and row.system.split(", ")[0] == system
    ]


def spread(cell: Cell) -> str:
    """F1, and its deviation where there are several seeds."""
    more = "" if cell.deviation is None else f" ± {figure(cell.deviation)}"
    return figure(cell.f1) + more


def heuristic_table(results: Results, aligner: str) -> str:
    """Merge distance and top k down, length ratio across."""
    found = cells(results, aligner, "heuristic")
    ratios = list(dict.fromkeys(settings["length_ratio"] for settings, _ in found))
    rows: dict[tuple[str, str], list[str]] = {}
    for settings, cell in found:
        key = (settings["merge_distance"], settings["top_k"].replace("none", "all"))
        rows.setdefault(key, []).append(spread(cell))
    head = [f"{aligner}: merge distance, top k", *(f"ratio > {ratio}" for ratio in ratios)]
    return common.markdown(head, [[", ".join(key), *row] for key, row in rows.items()])


def candidate_table(results: Results, aligners: Sequence[str]) -> str:
    """Method and constraint down, aligners across; then xner's default."""
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
    """The rows with the published settings in full, with those of others."""
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
    rows += [[f"published: {p.name}", figure(p.cells[LANGUAGE]), "", ""] for p in results.published]
    head = ["published settings", "F1 [95 %]", "precision / recall", "F1 less default's, native"]
    return common.markdown(head, rows)


def page(results: Results, links: str) -> str:
    """The three tables, and what made them."""
    aligners = list(dict.fromkeys(row.aligner for row in results.rows))
    grid = "\n\n".join(heuristic_table(results, aligner) for aligner in aligners)
    seeds = max(row.cells[LANGUAGE].seeds for row in results.rows)
    return "\n\n".join(
        [
            "`python -m benchmarks.experiments`: 799 sentences, English gold onto German, strict "
            f"F1. ± is the standard deviation over {seeds} seeds of the native aligner, or "
            "runs of eflomal, which takes none; the interval is the bootstrap over sentences. "
            f"`file` is the native aligner fitted on conll-mt too (`{links}`), its links written "
            "to a file and read back. Rows marked published were not computed here; T-Projection "
            "(mT5-xl) is published with about .91, the mean over de, es and it.",
            best_table(results, aligners),
            f"## Candidates\n\n{candidate_table(results, aligners)}",
            f"## Heuristic\n\nRuns longer than the ratio times the entity are kept.\n\n{grid}",
            *results.notes,
            f"`{results.signature}`",
            f"{results.seconds:.0f} s. {common.made_by('pyarrow', 'ortools')}",
        ]
    )


def main() -> None:
    """Run the grid and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=3, help="seeds of the native aligner")
    options.add_argument(
        "--output",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-europarl-grid"),
        help="folder in which every step is kept",
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
