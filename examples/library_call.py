"""Project labels inside another program, one sentence pair at a time.

A word aligner learns from much text. So the program fits one once, keeps it, and applies it to each
pair that comes in.
"""

import tempfile
from pathlib import Path

import xner
from xner.cli.demo import FOLDER as DEMO

Span = tuple[int, int, str]


class Projector:
    """Project labels from one language to another with an aligner that is fitted once."""

    def __init__(self, bitext: xner.Corpus, model: Path) -> None:
        xner.align(bitext, save_model=model)
        self.model = model

    def __call__(self, source: list[str], spans: list[Span], target: list[str]) -> list[Span]:
        """The labelled spans of the target: start, end (half-open) and label."""
        out = xner.project([(source, spans, target)], model=self.model)
        return [(entity.start, entity.end, entity.label) for entity in out[0].entities]


def main() -> None:
    """Fit an aligner on the demo corpus and label two new sentences."""
    with tempfile.TemporaryDirectory() as folder:
        bitext = xner.read(DEMO / "en.conll", DEMO / "de.conll")
        project = Projector(bitext, Path(folder) / "en-de.npz")

        source = ["The", "minister", "Jonas", "Keller", "visited", "Nairobi", "yesterday", "."]
        target = ["Minister", "Jonas", "Keller", "besuchte", "gestern", "Nairobi", "."]
        for start, end, label in project(source, [(2, 4, "PER"), (5, 6, "LOC")], target):
            print(f"{label}: {' '.join(target[start:end])}")

        # With links of its own, nothing is aligned. An entity without a link has an outcome.
        links = [(0, 0), (1, 1)]
        print(xner.project([(source, [(2, 4, "PER")], target, links)])[0].outcomes)


if __name__ == "__main__":
    main()
