"""The NMT score and its model: likelihoods, sharing, cache, and entities that it finds."""

from pathlib import Path

import numpy as np
import pytest

import xner
from xner.cli import main
from xner.errors import ResourceError
from xner.stages.project import Project

torch = pytest.importorskip("torch")

from tests.models.seq2seq import make_nllb  # noqa: E402 - needs torch
from xner.languages import find_language  # noqa: E402
from xner.score.nmt import NmtOptions, NmtScorer  # noqa: E402
from xner.translation.likelihood import Likelihood, Question  # noqa: E402

ENGLISH, GERMAN = find_language("eng"), find_language("deu")
NAMES = [
    ("Angela Merkel", "Angela Merkel"),
    ("Berlin", "Berlin"),
    ("the European Union", "die Europäische Union"),
    ("the Black Sea", "das Schwarze Meer"),
    ("Bavaria", "Bayern"),
    ("the Court of Auditors", "der Rechnungshof"),
]
TARGETS = ["Bayern erwartet Angela Merkel", "tief ist das Schwarze Meer"]
PHRASES = [text for pair in NAMES for text in pair] + ["die", "die Europäische", "visits", "lobt"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pairs = [(a, "eng_Latn", b, "deu_Latn") for a, b in NAMES]
    pairs += [(b, "deu_Latn", a, "eng_Latn") for a, b in NAMES]
    rows = [line.split() for line in TARGETS]
    spans = [" ".join(row[i:j]) for row in rows for j in range(len(row) + 1) for i in range(j)]
    copies = [*PHRASES, *spans]
    pairs += [(t, code, t, code) for t in copies for code in ("eng_Latn", "deu_Latn")]
    return make_nllb(tmp_path_factory.mktemp("nllb"), PHRASES * 3, pairs)


@pytest.fixture(scope="module")
def likelihood(model):
    return Likelihood(model)


def plainly(model, question, answer):
    """Mean log-probability by one pass of the whole model, as the equation says."""
    from transformers import M2M100ForConditionalGeneration

    network = M2M100ForConditionalGeneration.from_pretrained(model).eval()
    wanted = torch.tensor([*answer, network.config.eos_token_id])
    with torch.no_grad():
        logits = network(
            input_ids=torch.tensor([question.source]),
            decoder_input_ids=torch.tensor([[network.config.decoder_start_token_id, *answer]]),
        ).logits[0]
    found = logits.log_softmax(-1)[range(len(wanted)), wanted]
    return float(found[1:].mean())


def framed(likelihood, ids, language):
    return tuple(likelihood.vocabulary.framed(ids, language))


def questions(likelihood):
    english, german = (
        likelihood.vocabulary.language_token(ENGLISH),
        likelihood.vocabulary.language_token(GERMAN),
    )
    tokens = likelihood.vocabulary.encode([*PHRASES, ""])
    answers = [(german, *ids) for ids in tokens]
    return [Question(framed(likelihood, ids, english), answers) for ids in tokens[:3]]


def test_likelihoods_are_those_of_the_whole_model(likelihood, model):
    asked = questions(likelihood)
    for question, found in zip(asked, likelihood.log_likelihoods(asked), strict=True):
        wanted = [plainly(model, question, answer) for answer in question.answers]
        assert found == pytest.approx(wanted, abs=1e-5)


def test_prefixes_share_a_row(model):
    likelihood = Likelihood(model)
    german = likelihood.vocabulary.language_token(GERMAN)
    whole = likelihood.vocabulary.encode(["die Europäische Union"])[0]
    answers = [(german, *whole[:n]) for n in range(len(whole) + 1)]
    source = framed(likelihood, whole, german)
    (shared,) = likelihood.log_likelihoods([Question(source, answers)])
    assert likelihood.forward_tokens.decoder == len(whole) + 2
    assert likelihood.forward_tokens.encoder == len(source)
    alone = [Question(source, [answer]) for answer in answers]
    apart = np.concatenate(list(likelihood.log_likelihoods(alone)))
    assert shared == pytest.approx(apart, abs=1e-5)
    assert likelihood.forward_tokens.padded >= likelihood.forward_tokens.total


def test_batches_of_any_size_give_the_same(likelihood, model):
    asked = [q for q in questions(likelihood) for _ in range(30)]
    many = np.concatenate(list(likelihood.log_likelihoods(asked)))
    few = np.concatenate(list(Likelihood(model, batch_tokens=1).log_likelihoods(asked)))
    assert many == pytest.approx(few, abs=1e-5)
    assert list(likelihood.log_likelihoods([])) == []
    (nothing,) = likelihood.log_likelihoods([Question(asked[0].source, [])])
    assert nothing.shape == (0,)


def test_many_answers_come_in_pieces(likelihood):
    german = likelihood.vocabulary.language_token(GERMAN)
    rng = np.random.default_rng(7)
    answers = [(german, *rng.integers(10, 60, 3).tolist()) for _ in range(200)]
    question = Question(framed(likelihood, answers[0][1:], german), answers)
    assert len(likelihood.encode([question])[0]) > 1
    (found,) = likelihood.log_likelihoods([question])
    single = [Question(question.source, [answer]) for answer in answers]
    assert found == pytest.approx(
        np.concatenate(list(likelihood.log_likelihoods(single))), abs=1e-5
    )


def test_a_batch_that_does_not_fit_is_halved(model, monkeypatch):
    likelihood = Likelihood(model)
    whole = likelihood.forward
    sizes = []

    def forward(worker, batch):
        sizes.append(len(batch.pieces))
        if len(batch.pieces) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(worker, batch)

    monkeypatch.setattr(likelihood, "forward", forward)
    asked = questions(likelihood)
    found = list(likelihood.log_likelihoods(asked))
    assert max(sizes) > 1
    assert np.concatenate(found) == pytest.approx(
        np.concatenate(list(Likelihood(model).log_likelihoods(asked))), abs=1e-5
    )

    def full(worker, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(likelihood, "forward", full)
    with pytest.raises(ResourceError, match="the phrase 'Angela Merkel' does not fit"):
        list(likelihood.log_likelihoods(asked[:1]))


def test_scores_follow_the_equation(model, likelihood):
    scorer = NmtScorer(NmtOptions(model, "en", "de"))
    english, german = (
        likelihood.vocabulary.language_token(ENGLISH),
        likelihood.vocabulary.language_token(GERMAN),
    )
    codes = {0: english, 1: german}

    def p(b, to, a, of):
        a, b = likelihood.vocabulary.encode([a, b])
        question = Question(framed(likelihood, a, codes[of]), [])
        return 2 ** plainly(model, question, (codes[to], *b))

    for a, b in [("Berlin", "Bayern"), ("the Black Sea", "die Europäische"), ("Berlin", "Berlin")]:
        there = p(b, 1, a, 0) / p(b, 1, b, 1)
        back = p(a, 0, b, 1) / p(a, 0, a, 0)
        wanted = min(1.0, (there + back) / 2)
        assert scorer.scores([(a, b)])[0] == pytest.approx(wanted, abs=1e-5)


def test_a_pair_is_scored_once(model, tmp_path):
    options = NmtOptions(model, "eng", "deu", cache=tmp_path / "pairs.sqlite")
    scorer = NmtScorer(options)
    pairs = [("Berlin", "Bayern"), ("Bavaria", "Bayern"), ("Berlin", "Bayern")]
    first = scorer.scores(pairs)
    assert first[0] == first[2] != first[1]
    spent = scorer.forward_tokens.total
    assert spent > 0
    assert scorer.scores(pairs[:2]).tolist() == first[:2].tolist()
    assert scorer.scores([]).shape == (0,)
    assert scorer.forward_tokens.total == spent
    again = NmtScorer(options)
    assert again.scores(pairs).tolist() == first.tolist()
    assert again.forward_tokens.total == 0
    with pytest.raises(xner.UsageError, match=r"contains scores of .*eng_Latn-deu_Latn"):
        NmtScorer(NmtOptions(model, "deu", "eng", cache=tmp_path / "pairs.sqlite"))
    (tmp_path / "not.sqlite").write_text("not a database, but long enough to be read as one" * 9)
    with pytest.raises(xner.UsageError, match="cannot be used as a cache"):
        NmtScorer(NmtOptions(model, "eng", "deu", cache=tmp_path / "not.sqlite"))


def linked_everywhere(tmp_path):
    """Sentences in which every word of an entity is linked to every target word."""
    (tmp_path / "en.conll").write_text(
        "Angela\tB-PER\nMerkel\tI-PER\nvisits\tO\nBavaria\tB-LOC\n\n"
        "the\tB-LOC\nBlack\tI-LOC\nSea\tI-LOC\nis\tO\ndeep\tO\n\n",
        "utf-8",
    )
    (tmp_path / "de.txt").write_text("\n".join(TARGETS) + "\n", "utf-8")
    rows = [
        [(i, j) for i in (0, 1, 3) for j in range(4)],
        [(i, j) for i in range(3) for j in range(5)],
    ]
    lines = [" ".join(f"{i}-{j}" for i, j in row) for row in rows]
    (tmp_path / "links.align").write_text("\n".join(lines) + "\n", "utf-8")
    return [tmp_path / name for name in ("en.conll", "de.txt", "links.align")]


@pytest.mark.parametrize("candidates", ["links", "ngrams"])
def test_entities_are_found_by_translation_alone(model, tmp_path, candidates, monkeypatch):
    monkeypatch.setattr("xner.stages.project.SLICE", 1)
    source, target, links = linked_everywhere(tmp_path)
    out = xner.project(
        xner.read(source, target, links=links if candidates == "links" else None),
        score={"nmt": 1.0},
        candidates=candidates,
        nmt=NmtOptions(model, "eng", "deu"),
    )
    found = [
        sorted((e["start"], e["end"], e["label"]) for e in row)
        for row in out.table["target_entities"].to_pylist()
    ]
    assert found == [[(0, 1, "LOC"), (2, 4, "PER")], [(2, 5, "LOC")]]
    assert "|nmt(" in out.report.signature
    assert "eng_Latn-deu_Latn,auto,threshold:0.1" in out.report.signature


def test_what_scores_nothing_is_no_candidate(model, tmp_path):
    source, target, links = linked_everywhere(tmp_path)
    out = xner.project(
        xner.read(source, target, links=links),
        score={"nmt": 1.0},
        nmt=NmtOptions(model, "eng", "deu", threshold=0.999999),
    )
    kept = sum(row is not None for rows in out.table["target_entities"].to_pylist() for row in rows)
    assert out.report.outcomes["below_threshold"] == out.report.entities - kept > 0


def test_options_that_make_no_sense(model):
    with pytest.raises(xner.UsageError, match="score nmt needs a model and both languages"):
        Project(score={"nmt": 1.0})
    with pytest.raises(xner.UsageError, match="the score is not used"):
        Project(nmt=NmtOptions(model, "eng", "deu"))
    with pytest.raises(xner.UsageError, match="unknown language ''"):
        NmtOptions(model, "eng", "")
    given = {"model": model, "source_language": "eng", "target_language": "deu", "cache": "x"}
    made = Project(score={"nmt": 1.0}, nmt=given)
    assert made.nmt == NmtOptions(model, "eng", "deu", cache=Path("x"))
    with pytest.raises(xner.UsageError, match="score nmt: unknown option 'speed'"):
        NmtOptions.of({**given, "speed": 9})
    with pytest.raises(xner.UsageError, match="score nmt: source_language is missing"):
        NmtOptions.of({"model": model})
    with pytest.raises(xner.UsageError, match="threshold is 1; it must be at least 0 and below 1"):
        NmtOptions(model, "eng", "deu", threshold=1)
    with pytest.raises(xner.UsageError, match="batch_tokens is 0"):
        NmtOptions(model, "eng", "deu", batch_tokens=0)
    with pytest.raises(xner.UsageError, match="does not know Swahili"):
        NmtScorer(NmtOptions(model, "eng", "swa"))


def test_the_command(model, tmp_path, capsys):
    source, target, links = linked_everywhere(tmp_path)
    line = ["project", source, target, "-o", tmp_path / "out.conll", "--links", links, "--quiet"]
    line = [str(part) for part in line]
    assert main([*line, "--score", "nmt=1", "--nmt-model", model]) == 2
    assert "--source-language" in capsys.readouterr().err
    languages = ["--source-language", "en", "--target-language", "deu"]
    assert main([*line, "--nmt-model", model, *languages]) == 2
    assert "--score nmt=1" in capsys.readouterr().err
    cache = ["--nmt-cache", str(tmp_path / "pairs.sqlite"), "--nmt-threshold", "0.05"]
    assert main([*line, "--score", "nmt=1", "--nmt-model", model, *languages, *cache]) == 0
    assert "Bayern\tB-LOC" in (tmp_path / "out.conll").read_text("utf-8")
    assert (tmp_path / "pairs.sqlite").stat().st_size > 0


def test_where_the_model_runs(model, tmp_path, capsys):
    source, target, links = linked_everywhere(tmp_path)
    line = ["project", source, target, "-o", tmp_path / "out.conll", "--links", links, "--json"]
    line = [str(part) for part in line]
    where = ["--device", "cpu,cpu", "--precision", "bfloat16", "--batch-tokens", "64"]
    assert main([*line, *where]) == 2
    assert "device has no effect" in capsys.readouterr().err
    nmt = ["--score", "nmt=1", "--nmt-model", model, "--source-language", "en"]
    nmt += ["--target-language", "deu"]
    assert main([*line, *nmt, *where]) == 0
    assert "eng_Latn-deu_Latn,bfloat16" in capsys.readouterr().out
    assert main([*line, *nmt, "--device", "tpu9"]) == 2
    assert "'tpu9' cannot be used" in capsys.readouterr().err
    assert main([*line, *nmt, "--batch-tokens", "0"]) == 2
    assert main([*line, *nmt, "--layer", "3"]) == 2
    assert "layer has no effect" in capsys.readouterr().err
