"""Jobs on small inputs, and ways to interrupt them."""

from pathlib import Path

import pytest

import xner
from xner.jobs import run_job
from xner.stages.translate import Translate
from xner.translation.fake import FakeTranslator

ROWS, PART = 100, 30


def run(stage, output, source="linked.jsonl", **options):
    """Run a job in parts of `PART` rows on a file of the fixture `job_folder`."""
    side = "source" if source == "labelled.jsonl" else None
    corpus = xner.scan(source, side=side)
    given = {"files": [source], "part_rows": PART, **options}
    return run_job(stage, corpus, output, **given)


def shards(output):
    """The content of each shard in a folder, in order."""
    return [path.read_bytes() for path in sorted(Path(output).glob("part-*"))]


def translate(**options):
    """A stage that translates word by word, without a model."""
    return Translate("eng", "deu", translator=FakeTranslator({"kaba": "Hund"}), **options)


class Failing(FakeTranslator):
    """Fails after a number of texts; counts the texts of all its instances."""

    left, seen = 0, 0

    def translate(self, texts, source, target):
        for one in super().translate(texts, source, target):
            if Failing.left == 0:
                raise KeyboardInterrupt
            Failing.left -= 1
            Failing.seen += 1
            yield one


def unfinished(stage, output="out/", source="labelled.jsonl", **options):
    """Interrupt a job with a `Failing` translator after its first part; it can be continued."""
    Failing.left = 40
    with pytest.raises(KeyboardInterrupt):
        run(stage, output, source, **options)
    Failing.left = 1000
