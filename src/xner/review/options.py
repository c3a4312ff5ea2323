"""The options of a report: declared once, for `xner.write_report` and `xner report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from xner.options import declare, option, settle
from xner.report import Progress

Sample = Literal["random", "first", "doubtful"]


@declare
class ReportOptions:
    """Write a report: one HTML file to look at a projection and to correct it.

    The report holds its data, styles and scripts, and uses no network. Its figures cover all
    sentences; the list of sentences covers at most `limit` of them.

    Returns:
        What was written: `.sentences`, `.shown`, `.bytes` and `.figures`.

    Raises:
        InputError: a column is missing, or the inputs differ in sentences or words.
        UsageError: an option is unknown, out of its range or without effect.
        OutputError: the file cannot be written.

    Example:
        >>> out = xner.project(xner.read("en.conll", "de.txt"), keep_candidates=5)
        >>> xner.write_report(out, "report.html").shown
        72
    """

    name: ClassVar[str] = "write_report"

    others: Sequence[Any] = option(
        (),
        "Projections of the same sentences by other methods, to compare with; each as `projected`.",
        flag="",
    )
    gold: Any = option(
        None,
        "Gold labels of the same target sentences. Adds F1, calibration and a filter.",
        unit="FILE",
        group="input",
    )
    limit: int = option(
        10_000,
        "Maximum number of sentences that are listed. Figures cover all sentences.",
        ge=1,
        unit="N",
    )
    sample: Sample = option(
        "random",
        "Which sentences are listed if there are more than the limit: `random`, the same in every "
        "run; `first`, those at the top; `doubtful`, those where others or gold disagree, then "
        "those with a lost entity, then those with the lowest confidence.",
    )
    language_column: str = option(
        "language",
        "Column with the language of each sentence. Without it, the files of an input are its "
        "languages if there are several.",
        unit="NAME",
        group="input",
    )
    title: str | None = option(
        None, "Title of the report.", default_text="name of the input", unit="TEXT"
    )
    progress: Progress | None = option(
        None,
        "Function that is called with the name of the work and the share that is done.",
        flag="",
    )

    def __post_init__(self) -> None:
        settle(self)
