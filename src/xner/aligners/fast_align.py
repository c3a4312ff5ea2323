"""fast_align (Dyer et al. 2013) from the package systran-align (extra `systran`)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from xner.aligners.bitext import Bitext, Links, Side
from xner.aligners.outside import links_from_lines, plain_words, require_package
from xner.options import declare, option, settle

_CHUNK = 10_000


@declare
class FastAlignAligner:
    """fast_align fitted in both directions, with the package's symmetrised links.

    It is deterministic and takes no seed.
    """

    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = False
    pivots: ClassVar[bool] = False

    iterations: int = option(
        5,
        "Number of iterations of expectation maximisation.",
        ge=1,
        unit="N",
        rare=True,
    )
    favor_diagonal: bool = option(True, "Prefer links near the diagonal.")

    def __post_init__(self) -> None:
        settle(self)
        require_package("systran_align", "systran")

    @property
    def signature(self) -> str:
        """Name, version and settings."""
        from importlib.metadata import version

        return (
            f"fast_align(systran-align:{version('systran-align')},"
            f"iterations:{self.iterations},favor_diagonal:{self.favor_diagonal})"
        )

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Return the links of every pair; a pair with an empty side has none."""
        import systran_align

        source, target = _sentences(bitext.source), _sentences(bitext.target)
        with tempfile.TemporaryDirectory() as folder:
            text, links = Path(folder, "text"), Path(folder, "links")
            forward, backward = str(Path(folder, "forward")), str(Path(folder, "backward"))
            with text.open("w", encoding="utf-8") as file:
                for s, t in zip(source, target, strict=True):
                    if s and t:
                        file.write(f"{' '.join(s)} ||| {' '.join(t)}\n")
            systran_align.generate_alignment_probabilities(
                str(text),
                forward,
                backward,
                iterations=self.iterations,
                favor_diagonal=self.favor_diagonal,
                optimize_tension=self.favor_diagonal,
                variational_bayes=True,
            )
            aligner = systran_align.Aligner(forward, backward)
            with links.open("w") as file:
                for first in range(0, bitext.pairs, _CHUNK):
                    last = first + _CHUNK
                    for pair in aligner.align_batch(source[first:last], target[first:last]):
                        file.write(" ".join(f"{i}-{j}" for i, j in pair["alignments"]) + "\n")
                    if progress:
                        progress(min(1.0, last / bitext.pairs))
            return links_from_lines(links, bitext).head(bitext.aligned)


def _sentences(side: Side) -> list[list[str]]:
    words = plain_words(side)
    return [
        [words[i] for i in side.ids[first:last]]
        for first, last in zip(side.offsets[:-1], side.offsets[1:], strict=True)
    ]
