"""Stages and scores of corpora larger than memory: only a few batches are held at a time."""

import pyarrow as pa
import pytest

import xner
from tests.corpora import SameWords, labelled
from tests.streams import BATCHES, NOTE, ROWS, Stream
from xner.columns import COLUMNS
from xner.corpus import Corpus
from xner.evaluation.sentences import count_sentences
from xner.stages.back_translate import AlignTarget, BackTranslate
from xner.stages.easyproject import EasyProject
from xner.stages.refine import Refine
from xner.translation.base import Translated
from xner.translation.fake import FakeTranslator

FEW = 13
SENTENCES = [("Anna visits Rome .", [(0, 1, "PER"), (2, 3, "LOC")]), ("It rains .", [])]
WORDS = {"visits": "visitiert", "Rome": "Rom", "It": "Es", "rains": "regnet"}


class Careless(FakeTranslator):
    """Loses the markers of the second entity."""

    def translate(self, texts, source, target):
        for made in super().translate(texts, source, target):
            yield Translated(made.text.replace("[Rom]", "Rom"), made.outcome)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("xner.corpus.joining.BATCH", ROWS)


def table(**columns):
    """ROWS sentences with further columns."""
    made = labelled(SENTENCES * (ROWS // 2)).table
    for name, rows in columns.items():
        made = made.append_column(name, pa.array(rows * (ROWS // 2), COLUMNS[name]))
    return made


def written(stage, stream, path):
    """Run a stage as a command does; returns the result, which is read from the file."""
    made = stage.stream(stream)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, made.schema) as writer:
        for batch in made.batches():
            writer.write_batch(batch.replace_schema_metadata(made.schema.metadata))
            del batch
            stream.look()
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_stream(file).read_all(), made.report


def same_rows(made, stage, stream):
    """Whether the stage makes the same of all rows in memory."""
    whole = stage(Corpus.from_batches(list(stream.batches()), "stream")).table
    assert made.num_rows == ROWS * BATCHES
    assert made.equals(whole.select(made.column_names))


TRANSLATED = {
    "target_tokens": [["Anna", "visitiert", "Rom", "."], ["Es", "regnet", "."]],
    "back_tokens": [["Anna", "visitiert", "Rom", "."], ["Es", "regnet", "."]],
}
LINKED = [
    [{"source": i, "target": i, "weight": 1.0} for i in range(len(words))]
    for words in TRANSLATED["target_tokens"]
]


@pytest.mark.parametrize("fallback", ["align", "none"])
def test_easyproject(tmp_path, fallback):
    options = {"fallback": fallback, "translator": Careless(WORDS)}
    options |= {"aligner": SameWords()} if fallback == "align" else {}
    stage = EasyProject(source_language="eng", target_language="deu", **options)
    stream = Stream(table())
    made, report = written(stage, stream, tmp_path / "made.arrow")
    assert stream.held < FEW
    lost = {"align": "projected", "none": "marker_lost"}[fallback]
    assert +report.outcomes == {"marked": ROWS * BATCHES // 2, lost: ROWS * BATCHES // 2}
    same_rows(made, stage, stream)


def test_back_translate_and_align_tgt(tmp_path):
    stage = BackTranslate(
        source_language="eng", target_language="deu", translator=FakeTranslator(WORDS)
    )
    stream = Stream(table(target_tokens=TRANSLATED["target_tokens"]))
    made, _ = written(stage, stream, tmp_path / "back.arrow")
    assert stream.held < FEW
    same_rows(made, stage, stream)
    stage, stream = (
        AlignTarget(aligner=SameWords()),
        Stream(made.drop_columns(["note"]), heavy="id"),
    )
    made, report = written(stage, stream, tmp_path / "made.arrow")
    assert stream.held < FEW
    assert report.outcomes["projected"] == ROWS * BATCHES
    same_rows(made, stage, stream)


def test_refine(tmp_path):
    stage, stream = Refine(aligner=SameWords()), Stream(table(**TRANSLATED, links=LINKED))
    made, _ = written(stage, stream, tmp_path / "made.arrow")
    assert stream.held < FEW
    same_rows(made, stage, stream)


def labels(labels):
    """A stream with long words, and an entity of each label in turn."""
    rows = [[{"start": 0, "end": 1, "label": label}] for label in labels]
    words = [["." * NOTE, "a"] for _ in labels]
    return Stream(
        pa.table(
            {
                "tokens": pa.array(words * (ROWS // 2), COLUMNS["tokens"]),
                "entities": pa.array(rows * (ROWS // 2), COLUMNS["entities"]),
            }
        )
    )


def test_evaluate_and_counts():
    for score in (xner.evaluate, count_sentences):
        gold, predicted = labels(["PER", "LOC"]), labels(["PER", "ORG"])
        made = score(gold, predicted)
        assert max(gold.held, predicted.held) < FEW
    assert made.counts.shape == (ROWS * BATCHES, 3, 3)
    assert made.counts.dtype == "int32"
    assert made.scores()[0] == xner.evaluate(gold, predicted).overall
    assert made.scores()[0].correct == ROWS * BATCHES // 2


def test_evaluate_files(tmp_path, monkeypatch):
    """Files are read as they are scored."""
    monkeypatch.setattr("xner.formats.files.BLOCK_BYTES", 1 << 16)
    path = tmp_path / "gold.conll"
    row = "".join(f"{'w' * 50}{i}\tB-PER\n" for i in range(20))
    path.write_text((row + "\n") * 2_000)
    base, most = pa.total_allocated_bytes(), []
    from xner.evaluation import counts

    whole = counts.paired_batches

    def watched(gold, predicted):
        for pair in whole(gold, predicted):
            most.append(pa.total_allocated_bytes() - base)
            yield pair

    monkeypatch.setattr(counts, "paired_batches", watched)
    assert xner.evaluate(path, path).overall.correct == 40_000
    assert len(most) > 20
    assert max(most) < path.stat().st_size / 3


def test_evaluate_links(tmp_path):
    (tmp_path / "gold").write_text("1-1 2-2 3p3 4-4\n1-1 2-2 3-3\n" * (ROWS * BATCHES // 2))
    stream = Stream(table(links=LINKED))
    made = xner.evaluate_links(tmp_path / "gold", stream)
    assert (made.aer, made.sentences, made.predicted) == (0, ROWS * BATCHES, 7 * ROWS * BATCHES / 2)
    assert stream.held < FEW
