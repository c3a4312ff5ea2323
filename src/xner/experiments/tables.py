"""Result files: a page of Markdown, a CSV with a line per label, and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from xner.errors import OutputError
from xner.experiments.results import MEAN, Cell, Results, Row
from xner.experiments.schema import Published
from xner.formats.files import atomic

NAME = "results"
NONE = "–"
_FIELDS = (
    "system", "aligner", "language", "label", "precision", "recall", "f1", "deviation", "low",
    "high", "difference", "difference_low", "difference_high", "gold", "predicted", "correct",
    "seeds", "signature",
)  # fmt: skip


def figure(value: float | None) -> str:
    """Format a number from 0 to 1 with three digits, such as `.921`."""
    if value is None:
        return NONE
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def score(cell: Cell) -> str:
    """Format F1, its standard deviation over seeds, and its interval."""
    if cell.f1 is None:
        return NONE
    spread = "" if cell.deviation is None else f" ± {figure(cell.deviation)}"
    return f"{figure(cell.f1)}{spread} [{figure(cell.low)}, {figure(cell.high)}]"


def shares(cell: Cell) -> str:
    """Format precision and recall."""
    return NONE if cell.f1 is None else f"{figure(cell.precision)} / {figure(cell.recall)}"


def difference(cell: Cell) -> str:
    """Format F1 minus that of the baseline, and the interval of the difference."""
    if cell.difference is None:
        return NONE
    low, high = (_signed(value) for value in (cell.difference_low, cell.difference_high))
    return f"{_signed(cell.difference)} [{low}, {high}]"


def compared(cell: Cell) -> str:
    """Format the difference of two rows, its standard deviation over seeds, and its interval."""
    if cell.difference is None or cell.deviation is None:
        return difference(cell)
    value, bounds = difference(cell).split(" ", 1)
    return f"{value} ± {figure(cell.deviation)} {bounds}"


def head(results: Results) -> list[str]:
    """Return the names of the columns of a table."""
    more = [MEAN] if len(results.languages) > 1 else []
    return ["system", "aligner", *results.languages, *more]


def lines(
    results: Results, show: Callable[[Cell], str], rows: Sequence[Row] | None = None
) -> list[list[str]]:
    """Return the lines of a table of all rows, or of some, with each cell formatted by `show`."""
    averaged = len(results.languages) > 1
    return [
        [row.system, row.aligner or NONE, *map(show, row.cells.values())]
        + ([show(row.mean)] if averaged else [])
        for row in (results.rows if rows is None else rows)
    ]


def fact_lines(results: Results) -> list[list[str]]:
    """Return lines with the number of sentences and the lexical divergence of each language."""
    facts = [results.facts[name] for name in results.languages]
    more = [NONE] if len(facts) > 1 else []
    table = []
    if any(each.train is not None for each in facts):
        for title, name in (("training sentences", "train"), ("test sentences", "test")):
            counts = [getattr(each, name) for each in facts]
            table.append([title, NONE, *(NONE if n is None else f"{n:,}" for n in counts), *more])
    if any(each.divergence is not None for each in facts):
        divergences = [figure(each.divergence) for each in facts]
        table.append(["lexical divergence", NONE, *divergences, *more])
    return table


def question_lines(results: Results) -> list[list[str]]:
    """Return head and lines of a table of group means, their gap, and correlations."""
    if not results.rows or not (results.rows[0].groups or _correlated(results)):
        return []
    groups = list(results.rows[0].groups)
    gap = [f"{groups[0]} − {groups[-1]}"] if len(groups) > 1 else []
    r = ["r(gain, divergence)"] if _correlated(results) else []
    table = [["system", "aligner", *groups, *gap, *r]]
    for row in results.rows:
        cells = [row.system, row.aligner or NONE, *map(score, row.groups.values())]
        cells += [figure(row.gap)] if gap else []
        table.append(cells + ([figure(row.correlation)] if r else []))
    return table


def _correlated(results: Results) -> bool:
    return any(row.correlation is not None for row in results.rows)


def score_lines(results: Results) -> list[list[str]]:
    """Return the lines of the table of scores: each row with the published figures beside it."""
    table = []
    for row, line in zip(results.rows, lines(results, score), strict=True):
        beside = [p for p in results.published if _is_beside(p, row)]
        table += [line, *(_published_line(results, each) for each in beside)]
    free = [each for each in results.published if each.row is None]
    return table + [_published_line(results, each) for each in free]


def _is_beside(published: Published, row: Row) -> bool:
    return (published.row, published.aligner or "") == (row.system, row.aligner)


def _published_line(results: Results, given: Published) -> list[str]:
    """A line of published figures, with a mean if every language has a figure."""
    cells = [figure(given.f1.get(name)) for name in results.languages]
    complete = len(given.f1) == len(results.languages)
    mean = figure(fmean(given.f1.values())) if complete and cells else NONE
    more = [mean] if len(results.languages) > 1 else []
    return [f"published: {given.name}", given.aligner or NONE, *cells, *more]


def gap_lines(results: Results) -> list[list[str]]:
    """Return lines of F1 less the published figure; the mean is over the languages with both."""
    table = []
    for row in results.rows:
        for given in (p for p in results.published if _is_beside(p, row)):
            ours = {name: cell.f1 for name, cell in row.cells.items()}
            gaps = {
                name: value - given.f1[name]
                for name, value in ours.items()
                if value is not None and name in given.f1
            }
            shown = [_signed(gaps.get(name)) for name in results.languages]
            mean = [_signed(fmean(gaps.values()) if gaps else None)]
            more = mean if len(results.languages) > 1 else []
            where = f" ({given.source})" if given.source else ""
            title = f"{row.system} − {given.name}{where}"
            table.append([title, row.aligner or NONE, *shown, *more])
    return table


def _signed(value: float | None) -> str:
    return figure(value) if value is None or value < 0 else f"+{figure(value)}"


def write_tables(results: Results, folder: Path) -> None:
    """Write `results.md`, `.csv` and `.json` into a folder.

    Raises:
        OutputError: the folder cannot be written to.
    """
    contents = {
        ".md": page(results),
        ".csv": as_csv(results),
        ".json": json.dumps(results.as_dict(), indent=1, ensure_ascii=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from None
    for suffix, content in contents.items():
        with atomic(folder / f"{NAME}{suffix}") as partial:
            partial.write_text(content, encoding="utf-8")


def page(results: Results) -> str:
    """Return the results as a page of Markdown."""
    scores = score_lines(results) + fact_lines(results)
    parts = [
        f"# {results.title}",
        "Entity F1, strict (span and label). In brackets the bootstrap interval over sentences; "
        "± is the standard deviation over seeds.",
        markdown(head(results), scores),
        *results.notes,
    ]
    if results.compared:
        text = (
            "F1 of a row less that of another, seeds paired; the mean is over the languages that "
            "both have."
        )
        found = markdown(head(results), lines(results, compared, results.compared))
        parts += ["## Comparisons", text, found]
    if gaps := gap_lines(results):
        text = "F1 less the published figure; the mean is over the languages that have both."
        parts += ["## Published figures", text, markdown(head(results), gaps)]
    if questions := question_lines(results):
        text = _questions_text(results)
        parts += ["## Groups and divergence", text, markdown(questions[0], questions[1:])]
    parts += ["## Precision / recall", markdown(head(results), lines(results, shares))]
    if results.baseline is not None:
        text = f"F1 minus that of `{_baseline(results)}`, on the same resampled sentences."
        parts += ["## Differences", text, markdown(head(results), lines(results, difference))]
    parts += ["## F1 by label", _labels(results), "## Outcomes", _outcomes(results)]
    parts += ["## Signatures", f"Scores: `{results.signature}`", _signatures(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _questions_text(results: Results) -> str:
    text = "Mean F1 over groups of languages."
    if not _correlated(results):
        return text
    return (
        f"{text} r is Pearson's correlation, over languages, of the gain over "
        f"`{_baseline(results)}` with lexical divergence."
    )


def _baseline(results: Results) -> str:
    return ", ".join(part for part in results.baseline or () if part)


def markdown(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table whose first two columns are text."""
    rule = ["---", "---", *["---:"] * (len(names) - 2)]
    table = [names, rule, *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in table)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _labels(results: Results) -> str:
    labels = sorted(
        {label for row in results.rows for c in row.cells.values() for label in c.labels}
    )

    def shown(row: Row, language: str, label: str) -> str:
        scores = row.cells[language].labels.get(label)
        return NONE if scores is None else figure(scores.f1)

    body = [
        [
            f"{row.system}, {name}",
            row.aligner or NONE,
            *(shown(row, name, label) for label in labels),
        ]
        for row in results.rows
        for name in results.languages
        if row.cells[name].labels
    ]
    return markdown(["system, language", "aligner", *labels], body) if body else "No gold labels."


def _outcomes(results: Results) -> str:
    cells = [(row, name, cell) for row in results.rows for name, cell in row.cells.items()]
    names = list(dict.fromkeys(o for _, _, cell in cells for o, n in cell.outcomes.items() if n))
    body = [
        [
            f"{row.system}, {name}",
            row.aligner or NONE,
            *(f"{cell.outcomes.get(outcome, 0):,}" for outcome in names),
        ]
        for row, name, cell in cells
        if cell.outcomes
    ]
    if not body:
        return "No step reports outcomes of source entities."
    return "Source entities by outcome, for the first seed.\n\n" + markdown(
        ["system, language", "aligner", *names], body
    )


def _signatures(results: Results) -> str:
    """Format a line for each row, or for each of its languages if signatures differ."""
    items = []
    for row in results.rows:
        by_signature: dict[str, list[str]] = {}
        for name, cell in row.cells.items():
            by_signature.setdefault(cell.signature, []).append(name)
        for signature, names in by_signature.items():
            where = "" if len(by_signature) == 1 else f", {' '.join(names)}"
            aligner = f", {row.aligner}" if row.aligner else ""
            items.append(f"* {row.system}{aligner}{where}: `{signature}`")
    return "\n".join(items)


def as_csv(results: Results) -> str:
    """Format a line for each row, language and label; label `all` is the micro average."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in results.rows:
        for language, cell in [*row.cells.items(), (MEAN, row.mean)]:
            given = {name: getattr(cell, name) for name in Cell.__slots__ if name in _FIELDS}
            place = {"system": row.system, "aligner": row.aligner, "language": language}
            writer.writerow({**place, "label": "all", **given, **_totals(cell)})
            for label, s in cell.labels.items():
                scores = {n: getattr(s, n) for n in type(s).__slots__}
                writer.writerow({**place, "label": label, **scores, "seeds": cell.seeds})
    return text.getvalue()


def _totals(cell: Cell) -> dict[str, int]:
    if not cell.labels:
        return {}
    names = ("gold", "predicted", "correct")
    return {name: sum(getattr(s, name) for s in cell.labels.values()) for name in names}
