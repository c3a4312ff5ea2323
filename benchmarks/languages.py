"""Score projected labels in many languages, with the ceiling of each and intervals.

    python -m benchmarks.languages                                  # everything
    python -m benchmarks.languages --sets massive --languages ja tr --aligners native
    python -m benchmarks.languages --encoder FOLDER --before TREE   # also mixtures; also a checkout
    python -m benchmarks.languages --page-only                      # what is kept, as a page

Writes benchmarks/results/languages.md and languages.png. Every result is kept in `--cache` until
text, settings or code change, so the tables can be completed over several runs; the page shows what
is kept. Aligners whose package is not installed are left out, and the page says so. `mixture` needs
`--encoder`, in every run that shall show it: `real_models.encoder_in` makes the one of the page.
"""

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from benchmarks import common
from benchmarks.language_pieces import (
    GIVEN,
    Language,
    Piece,
    Pieces,
    code_of,
    f1_of,
    languages_of,
)
from benchmarks.language_versions import section
from benchmarks.systems import ABLATION, DEFAULT, GREEDY, HEURISTIC, System
from xner import MissingExtraError
from xner.aligners import make_aligner
from xner.evaluation.bootstrap import interval, resampled

DEVELOPMENT = {
    "massive": "de es sw tr fi hi zh-CN ja ko am km th ar cy jv af",
    "europarl-ner": "de",
    "absa train": "es fr",
}
"""Languages that weights and constants may be chosen on, by set; the others are only reported."""
SETS = {
    "massive": ("massive", "parallel-gold/massive", "test"),
    "xsid": ("xsid", "parallel-gold/xsid", "test"),
    "uner-pud": ("uner-pud", "parallel-gold/uner-pud", "test"),
    "europarl-ner": ("europarl-ner", "europarl-ner", "test"),
    "absa-train": ("absa", "absa", "train"),
    "absa-test": ("absa", "absa", "test"),
}
"""Loader, folder and split of each set."""
ILP = System("ilp", {"preset": "paper-ilp"})
SYSTEMS = {system.name: system for system in (HEURISTIC, GREEDY, ILP, DEFAULT)}
ABLATED = [system for system in ABLATION if system.project and system.name != "greedy for exact"]
"""Parts of the projection that are left out; those of the aligner have their own page."""
ALIGNERS = ("native", "eflomal", "fast_align", "mixture", *GIVEN)
LAYER = 7
"""Layer of the encoder in mixtures; the best of e5-small on Europarl-NER (real_models.md)."""
SAMPLES, SEED = 1000, 1
WORSE = 0.003


def text(value: float, sign: bool = False) -> str:
    """Format a share with three digits and no leading zero."""
    rounded = f"{value:+.3f}" if sign else f"{value:.3f}"
    return rounded.replace("0.", ".", 1) if abs(value) < 0.9995 else rounded


def difference(ours: Piece, theirs: Piece) -> NDArray[np.float64]:
    """The difference in F1 on resampled sentences (paired bootstrap), float64 (SAMPLES)."""
    both = resampled(np.stack([ours.counts, theirs.counts], axis=1), SAMPLES, SEED)
    return np.asarray(f1_of(both[:, 0]) - f1_of(both[:, 1]))


class Table:
    """The pieces of one set and one aligner, by language and system."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.rows: dict[str, dict[str, Piece]] = {}
        for piece in pieces:
            self.rows.setdefault(piece.language, {})[piece.system] = piece
        self.systems = [name for name in SYSTEMS if any(name in row for row in self.rows.values())]

    def mean(self, system: str, languages: Iterable[str] | None = None) -> float:
        """Mean F1 of a system over the languages that have it."""
        kept = self.rows if languages is None else [n for n in languages if n in self.rows]
        found = [self.rows[name][system].f1 for name in kept if system in self.rows[name]]
        return fmean(found) if found else float("nan")

    @property
    def ceiling(self) -> float:
        """Mean ceiling."""
        return fmean(next(iter(row.values())).ceiling for row in self.rows.values())

    def worse(self) -> list[str]:
        """Languages where the default is below greedy by more than `WORSE`."""
        compared = {n: r for n, r in self.rows.items() if {"default", "greedy"} <= r.keys()}
        return [n for n, r in compared.items() if r["greedy"].f1 - r["default"].f1 > WORSE]

    def seconds(self, kind: str) -> str:
        """Processor seconds per 1,000 pairs of aligning or of projecting with the default."""
        told = [row["default"] for row in self.rows.values() if "default" in row]
        pairs = sum(piece.pairs for piece in told)
        spent = sum(getattr(piece, f"{kind}_seconds") for piece in told)
        return f"{1000 * spent / pairs:.2f}" if pairs and spent else "–"

    def markdown(self) -> str:
        """A row for each language, and the mean."""
        head = ["language", "ceiling", *self.systems, "default − greedy", "95 % interval"]
        lines = [[name, *self._cells(row)] for name, row in self.rows.items()]
        means = [text(self.mean(name)) for name in self.systems]
        lines.append(["**mean**", text(self.ceiling), *means, "", ""])
        return common.markdown(head, lines)

    def _cells(self, row: dict[str, Piece]) -> Iterator[str]:
        yield text(next(iter(row.values())).ceiling)
        for name in self.systems:
            yield text(row[name].f1) if name in row else ""
        if {"default", "greedy"} <= row.keys():
            low, high = interval(difference(row["default"], row["greedy"]))
            yield text(row["default"].f1 - row["greedy"].f1, sign=True)
            yield f"{text(low, sign=True)} to {text(high, sign=True)}"
        else:
            yield from ("", "")


def summary(tables: dict[tuple[str, str], Table]) -> str:
    """A row for each set and aligner."""
    head = [
        "set", "aligner", "languages", "ceiling", *SYSTEMS, f"below greedy by more than {WORSE}",
        "processor s per 1,000 pairs: align", "project",
    ]  # fmt: skip
    rows = [
        [
            data,
            aligner,
            str(len(table.rows)),
            text(table.ceiling),
            *(text(table.mean(name)) if name in table.systems else "" for name in SYSTEMS),
            ", ".join(table.worse()) or "none",
            table.seconds("align"),
            table.seconds("project"),
        ]
        for (data, aligner), table in tables.items()
    ]
    return common.markdown(head, rows)


def ablation(pieces: Pieces, languages: Sequence[Language]) -> str:
    """Mean F1 of each set without parts of the default, native links; empty if none is kept."""
    sets = list(dict.fromkeys(language.data for language in languages))
    rows = []
    for system in (DEFAULT, *ABLATED):
        cells = []
        for data in sets:
            own = [language for language in languages if language.data == data]
            kept = [pieces.find(language, "native", system) for language in own]
            found = [piece.f1 for piece in kept if piece is not None]
            cells.append(text(fmean(found)) if len(found) == len(own) else "")
        if any(cells):
            rows.append([system.name, *cells])
    if len(rows) < 2:
        return ""
    head = ["mean F1, links of native", *sets]
    return f"## Ablation\n\n{common.markdown(head, rows)}"


def plot(tables: dict[tuple[str, str], Table], path: Path) -> None:
    """Draw F1 by language for every set, with the ceiling as a line."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    drawn = [(data, table) for (data, aligner), table in tables.items() if aligner == "native"]
    widths = [max(2, len(table.rows)) for _, table in drawn]
    figure, axes = plt.subplots(
        1, len(drawn), figsize=(2 + 0.28 * sum(widths), 4), sharey=True, squeeze=False,
        width_ratios=widths,
    )  # fmt: skip
    for axis, (data, table) in zip(axes[0], drawn, strict=True):
        names = sorted(table.rows, key=lambda n: -max(p.f1 for p in table.rows[n].values()))
        for system, marker in zip(table.systems, "v^s*", strict=False):
            have = [n for n in names if system in table.rows[n]]
            values = [table.rows[n][system].f1 for n in have]
            axis.plot([names.index(n) for n in have], values, marker, markersize=5, label=system)
        tops = [next(iter(table.rows[n].values())).ceiling for n in names]
        axis.plot(range(len(names)), tops, "k-", linewidth=1, label="ceiling")
        axis.set(xticks=range(len(names)), title=data, xlim=(-0.7, len(names) - 0.3))
        axis.set_xticklabels(names, rotation=90, fontsize=8)
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("strict F1")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def page(tables: dict[tuple[str, str], Table], parts: Iterable[str], missing: Iterable[str]) -> str:
    """Format the page; `parts` stand before the tables of languages, if they are not empty."""
    chosen = "; ".join(f"{data}: {names}" for data, names in DEVELOPMENT.items())
    notes = [
        "Command: `python -m benchmarks.languages`. English gold entities are projected onto each "
        "language and scored against its gold entities: strict F1 (seqeval, IOB2). The aligner is "
        "fitted only on the text that it aligns. Names of aligners such as `awesome` stand for "
        "links that the data sets provide; `mixture` is the native aligner with the similarities "
        f"of multilingual-e5-small, layer {LAYER} ([real_models.md](real_models.md)).",
        "`ceiling` is the F1 of a projection that gives every entity its gold span where gold has "
        "one: for each sentence and label, the smaller number of source and gold entities is "
        "correct. The interval is that of the difference on "
        f"{SAMPLES:,} resamples of the sentences (paired bootstrap).",
        "The network of the score `likelihood` and `min_precision`, which the default uses, were "
        f"fitted and chosen on these languages: {chosen}. Their rows are not held out; "
        "[calibration.md](calibration.md) has their F1 with networks that were fitted without "
        "them. All other languages and sets are only reported.",
        summary(tables),
        "![F1 by language](languages.png)",
        *(part for part in parts if part),
        *(
            f"## {data}, links of {aligner}\n\n{table.markdown()}"
            for (data, aligner), table in tables.items()
        ),
        *(
            f"Not measured, because a package or `--encoder` is missing: {name}."
            for name in missing
        ),
        common.made_by("pyarrow"),
    ]
    return "\n\n".join(notes)


def ready_of(aligners: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The aligners that can run here; `mixture` needs options."""
    found = []
    for name in aligners:
        if name == "mixture" and name not in options:
            continue
        try:
            if name not in GIVEN:
                make_aligner(name, options.get(name, {}))
        except MissingExtraError:
            continue
        found.append(name)
    return found


def all_languages(data: Path, sets: Iterable[str]) -> list[Language]:
    """The languages of the sets whose folders exist."""
    found = []
    for name in sets:
        loader, folder, split = SETS[name]
        if (data / folder).is_dir():
            found += languages_of(loader, data / folder, split)
    return found


def collected(
    pieces: Pieces, languages: Iterable[Language], aligners: Iterable[str]
) -> dict[tuple[str, str], Table]:
    """All pieces that are kept, by set and aligner."""
    found: dict[tuple[str, str], list[Piece]] = {}
    for language in languages:
        for aligner in aligners:
            if aligner in GIVEN and aligner not in language.aligners:
                continue
            kept = [pieces.find(language, aligner, system) for system in SYSTEMS.values()]
            found.setdefault((language.data, aligner), []).extend(p for p in kept if p)
    return {key: Table(kept) for key, kept in found.items() if kept}


def measure(pieces: Pieces, given: Namespace, ready: Sequence[str]) -> None:
    """Measure what the command line chooses, unless it is kept."""
    chosen = [SYSTEMS[name] for name in given.presets]
    for language in all_languages(given.data, given.sets):
        if given.languages and language.name not in given.languages:
            continue
        for aligner in (name for name in ready if name in given.aligners):
            if aligner not in GIVEN or aligner in language.aligners:
                more = ABLATED if given.ablation and aligner == "native" else []
                pieces.measure(language, aligner, [*chosen, *more])


def compared(given: Namespace, languages: Sequence[Language]) -> str:
    """The comparison with an earlier commit, which is kept; empty if there is none."""
    path = given.cache / f"before-{code_of('**')}.md"
    if given.before is not None and not given.page_only:
        given.cache.mkdir(parents=True, exist_ok=True)
        path.write_text(section(languages, given.before), "utf-8")
    return path.read_text("utf-8") if path.is_file() else ""


def arguments() -> ArgumentParser:
    """The command line."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="data sets")
    options.add_argument("--languages", nargs="+", metavar="NAME", help="default: all")
    options.add_argument("--aligners", nargs="+", choices=ALIGNERS, default=list(ALIGNERS))
    options.add_argument("--presets", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    options.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-languages"),
        help="folder of results that are kept (default: %(default)s)",
    )
    options.add_argument("--ablation", action="store_true", help="also measure what parts add")
    options.add_argument("--encoder", metavar="FOLDER", help="pretrained encoder of `mixture`")
    options.add_argument(
        "--before", type=Path, metavar="DIR", help="checkout of an earlier commit to compare with"
    )
    options.add_argument("--page-only", action="store_true", help="measure nothing")
    return options


def main() -> None:
    """Measure what is chosen, and write what is kept."""
    options = arguments()
    given = options.parse_args()
    encoder = {"model": given.encoder, "layer": LAYER, "device": "cpu"}
    made = {"mixture": encoder} if given.encoder else {}
    pieces = Pieces(given.cache, lambda line: print(line, flush=True), made)
    ready = ready_of(ALIGNERS, made)
    everything = all_languages(given.data, SETS)
    if not given.page_only:
        measure(pieces, given, ready)
    tables = collected(pieces, everything, ready)
    if not tables:
        options.error(f"nothing is kept in {given.cache}; run without --page-only")
    given.results.mkdir(parents=True, exist_ok=True)
    plot(tables, given.results / "languages.png")
    parts = compared(given, everything), ablation(pieces, everything)
    missing = [name for name in ALIGNERS if name not in ready]
    common.save(given.results, "languages.md", "Languages", page(tables, parts, missing))


if __name__ == "__main__":
    main()
