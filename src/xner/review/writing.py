"""`xner.write_report`: one HTML file to look at a projection and to correct it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xner._version import __version__
from xner.corpus import StrPath
from xner.errors import UsageError
from xner.formats.files import atomic
from xner.outcomes import Outcome
from xner.report import silent
from xner.review.figures import Figures
from xner.review.inputs import Review
from xner.review.options import ReportOptions
from xner.review.records import FIELDS, Records
from xner.review.template import render
from xner.stages.base import unfit
from xner.stages.documented import documented
from xner.write import check_writable

_SEED = 0
_FIRST = (
    (
        "projected",
        "Both sides with target_entities: a corpus, or what `xner.project` takes; a file, folder "
        "or pattern.",
    ),
    ("output", "File to write, `.html`."),
)


@dataclass(frozen=True, slots=True)
class Written:
    """A report that was written.

    Attributes:
        path: the file.
        sentences: number of sentences of the input; the figures cover all of them.
        shown: number of sentences in the list.
        sample: how these were chosen, or `all`.
        bytes: size of the file.
        figures: the figures of the report, as JSON.
    """

    path: Path
    sentences: int
    shown: int
    sample: str
    bytes: int
    figures: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The report as printed by `--json`."""
        return {
            "output": str(self.path), "sentences": self.sentences, "shown": self.shown,
            "sample": self.sample, "bytes": self.bytes, "figures": self.figures,
        }  # fmt: skip


def _write_report(projected: Any, output: StrPath, **given: Any) -> Written:
    try:
        options = ReportOptions(**given)
    except TypeError as error:
        raise unfit(ReportOptions, given, error) from None
    path = Path(output)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: a report is an HTML file; name it {path.with_suffix('.html')}")
    check_writable(path)
    review = Review.open(projected, options)
    figures, groups = _count(review, options)
    shown = _chosen(figures, len(review), options)
    sample = options.sample if len(shown) < len(review) else "all"
    data = _data(review, figures.as_dict(groups), groups, shown, sample, options)
    page = render(data, data["title"]).encode()
    with atomic(path) as partial:
        partial.write_bytes(page)
    return Written(path, len(review), len(shown), sample, len(page), data["figures"])


write_report = documented(_write_report, ReportOptions, _FIRST)


def _count(review: Review, options: ReportOptions) -> tuple[Figures, list[str]]:
    tell = options.progress or silent
    figures, groups = Figures(review), [name for name, _ in review.files]
    for rows, found in review.counted().batches():
        groups = found
        figures.add(rows)
        tell("count", (rows.first + rows.methods[0].num_rows) / max(1, len(review)))
    return figures, groups


def _chosen(figures: Figures, rows: int, options: ReportOptions) -> NDArray[np.int64]:
    """The numbers of the rows to list, in order."""
    if rows <= options.limit or options.sample == "first":
        return np.arange(min(rows, options.limit))
    if options.sample == "doubtful":
        return np.sort(np.argsort(figures.doubt, kind="stable")[: options.limit])
    return np.sort(np.random.default_rng(_SEED).choice(rows, options.limit, replace=False))


def _data(
    review: Review,
    figures: dict[str, Any],
    groups: list[str],
    shown: NDArray[np.int64],
    sample: str,
    options: ReportOptions,
) -> dict[str, Any]:
    records = Records()
    rows = list(_rows(review, records, shown, options))
    named, words = FIELDS.index("id"), FIELDS.index("target")
    same = {(row[named], tuple(row[words])) for row in rows}
    known = review.methods[0].schema.metadata or {}
    made: dict[str, Any] = {
        "version": 1,
        "xner": __version__,
        "title": options.title or review.names[0],
        "origin": review.methods[0].origin,
        "signature": known.get(b"xner.projection", b"").decode(),
        "sample": sample,
        "total": len(review),
        "methods": list(review.names),
        "groups": groups,
        "labels": list(records.labels),
        "outcomes": [_outcome(name) for name in records.outcomes],
        "fates": records.fates,
        "hasGold": review.gold is not None,
        "repeats": len(same) < len(rows),
        "figures": figures,
        "fields": FIELDS,
        "rows": rows,
    }
    # Names the stored corrections of this very report in the browser.
    made["key"] = hashlib.sha256(repr(made).encode("utf-8", "replace")).hexdigest()[:16]
    return made


def _rows(
    review: Review, records: Records, shown: NDArray[np.int64], options: ReportOptions
) -> Any:
    tell = options.progress or silent
    for rows, _ in review.batches():
        last = rows.first + rows.methods[0].num_rows
        own = shown[np.searchsorted(shown, rows.first) : np.searchsorted(shown, last)]
        yield from records.of(rows, (own - rows.first).tolist())
        tell("write", last / max(1, len(review)))
        if not len(shown) or last > shown[-1]:
            break


def _outcome(name: str) -> list[Any]:
    known = {outcome.value: outcome for outcome in Outcome}.get(name)
    return [
        name,
        known.meaning.replace("`", "") if known else "",
        known.labelled if known else False,
    ]
