"""Compare the cost and the values of the NMT score with the published loop over pairs.

    pip install --target DIR --no-deps nmtscore sqlitedict tqdm
    python -m benchmarks.nmt_score --nmtscore DIR     # writes benchmarks/results/nmt_score.md

Both run the same NLLB with random weights (2+2 layers) and subwords learned from the corpus. The
number of tokens depends only on the texts, and the scores are compared directly. Without --nmtscore
a plain loop replaces the package: one pair at a time, with four passes of encoder and decoder.
"""

import os
import sys
import tempfile
import types
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.models.seq2seq import make_nllb

import xner
from benchmarks import common
from xner.languages import find_language
from xner.score.alignment import linked_ngrams
from xner.score.nmt import NmtOptions, NmtScorer
from xner.score.scene import Text
from xner.translation.text import join_words

MAX_WORDS = 7
CANDIDATES = {
    "all": f"All n-grams of at most {MAX_WORDS} words, as in the thesis",
    "linked": "Only candidates that begin and end on a linked word",
}
Pairs = list[tuple[str, str]]


@dataclass
class Cost:
    """Forward tokens without and with padding."""

    name: str
    tokens: int
    padded: int
    scores: np.ndarray | None = None


def sentences(corpus: xner.Corpus, candidates: str) -> list[Pairs]:
    """Return the pairs of texts `(entity, candidate)` of every sentence."""
    english, german = find_language("eng"), find_language("deu")
    rows = []
    for batch in corpus.batches():
        linked = linked_ngrams(Text(batch), MAX_WORDS).problem
        sides = batch["source_tokens"].to_pylist(), batch["target_tokens"].to_pylist()
        entity = 0
        for source, target, found in zip(*sides, batch["source_entities"].to_pylist(), strict=True):
            pairs = []
            for e in found:
                name = join_words(source[e["start"] : e["end"]], english)
                lo, hi = linked.candidate_offsets[entity : entity + 2]
                spans = list(zip(linked.start[lo:hi], linked.end[lo:hi], strict=True))
                if candidates == "all":
                    ends = product(range(len(target)), range(1, MAX_WORDS + 1))
                    spans = [(i, i + n) for i, n in ends if i + n <= len(target)]
                pairs += [(name, join_words(target[i:j], german)) for i, j in spans]
                entity += 1
            rows.append(pairs)
    return rows


def shared(model: str, rows: list[Pairs]) -> Cost:
    """Score all pairs at once with xner."""
    scorer = NmtScorer(NmtOptions(model, "eng", "deu", device="cpu"))
    scores = scorer.scores([pair for row in rows for pair in row])
    spent = scorer.forward_tokens
    return Cost("xner", spent.total, spent.padded, scores)


class Watched:
    """Counts the tokens that go into a model."""

    def __init__(self, network: Any) -> None:
        self.tokens = self.padded = 0
        network.register_forward_pre_hook(self.count, with_kwargs=True)

    def count(self, _: Any, args: Any, inputs: dict[str, torch.Tensor]) -> None:
        own, decoded = inputs["input_ids"], inputs["decoder_input_ids"]
        self.tokens += int(inputs["attention_mask"].sum()) + int((decoded != 1).sum())
        self.padded += own.numel() + decoded.numel()


def published(model: str, rows: list[Pairs], folder: Path, cache: bool) -> Cost:
    """Call the package sentence by sentence, as in the thesis."""
    scorer, network = nmtscore(model, folder)
    watched = Watched(network)
    scores = []
    for row in rows:
        if row:
            a, b = zip(*row, strict=True)
            options = {"batch_size": 8, "use_cache": cache}
            scores += list(
                scorer.score_direct(
                    list(a), list(b), a_lang="eng_Latn", b_lang="deu_Latn", score_kwargs=options
                )
            )
    name = f"nmtscore 0.3.3, {'its cache' if cache else 'no cache'}"
    return Cost(name, watched.tokens, watched.padded, np.array(scores))


def nmtscore(model: str, folder: Path) -> tuple[Any, Any]:
    """Create the package's scorer, which was written for transformers 4.

    Names that newer versions lack and that are not used here (its translation pipeline, the
    tokenizer of another model) are replaced by stubs."""
    import transformers
    from transformers import NllbTokenizer

    sys.path.insert(0, str(folder))
    transformers.TranslationPipeline = lambda *args, **options: None
    small = types.ModuleType("nmtscore.models.tokenization_small100")
    small.SMALL100Tokenizer = type("SMALL100Tokenizer", (), {})  # type: ignore[attr-defined]
    sys.modules[small.__name__] = small
    from nmtscore import NMTScorer
    from nmtscore.models import m2m100

    m2m100.tqdm = lambda items, **options: items

    class Nllb(m2m100.M2M100Model):  # type: ignore[misc]
        def _load_tokenizer(self) -> Any:
            return NllbTokenizer.from_pretrained(self.model_name_or_path)

    wrapped = Nllb(model)
    return NMTScorer(wrapped), wrapped.model


def plainly(model: str, rows: list[Pairs]) -> Cost:
    """Score one pair at a time, following the equation."""
    from transformers import M2M100ForConditionalGeneration, NllbTokenizer

    tokenizer = NllbTokenizer.from_pretrained(model)
    network = M2M100ForConditionalGeneration.from_pretrained(model).eval()
    watched = Watched(network)

    def likely(text: str, to: str, given: str, of: str) -> float:
        ids = [tokenizer(t, add_special_tokens=False)["input_ids"] for t in (given, text)]
        codes = [tokenizer.convert_tokens_to_ids(code) for code in (of, to)]
        source = torch.tensor([[codes[0], *ids[0], 2]])
        inputs = torch.tensor([[2, codes[1], *ids[1]]])
        with torch.inference_mode():
            logits = network(
                input_ids=source,
                attention_mask=torch.ones_like(source),
                decoder_input_ids=inputs,
            ).logits[0, 1:]
        wanted = torch.tensor([*ids[1], 2])
        return float(2 ** logits.log_softmax(-1).gather(1, wanted[:, None]).mean())

    scores = []
    de, en = "deu_Latn", "eng_Latn"
    for a, b in (pair for row in rows for pair in row):
        there = likely(b, de, a, en) / likely(b, de, b, de)
        back = likely(a, en, b, de) / likely(a, en, a, en)
        scores.append((there + back) / 2)
    return Cost("plain loop", watched.tokens, watched.padded, np.array(scores))


def table(costs: list[Cost], count: int) -> list[str]:
    """Format one row per method, with ratios to the first."""
    best = costs[0]
    head = ["", "tokens per sentence", "with padding", "ratio", "ratio, padding"]
    rows = [
        [
            cost.name,
            f"{cost.tokens / count:,.0f}",
            f"{cost.padded / count:,.0f}",
            f"{cost.tokens / best.tokens:.1f}",
            f"{cost.padded / best.padded:.1f}",
        ]
        for cost in costs
    ]
    return [common.markdown(head, rows)]


def agreement(costs: list[Cost]) -> str:
    """Describe the largest difference between the scores of the first and the last method."""
    ours, theirs = costs[0].scores, costs[-1].scores
    assert ours is not None
    assert theirs is not None
    gap = float(np.abs(ours - np.minimum(theirs, 1.0)).max(initial=0.0))
    over = int((theirs > 1).sum())
    return (
        f"{len(ours):,} pairs; largest difference of a score {gap:.1e} ({over:,} published scores "
        f"above 1 are 1 in xner)."
    )


def compare(model: str, rows: list[Pairs], folder: Path | None) -> list[str]:
    """Compare the methods on the same pairs."""
    costs = [shared(model, rows)]
    if folder is None:
        costs.append(plainly(model, rows))
    else:
        costs += [published(model, rows, folder, cache) for cache in (True, False)]
    return [*table(costs, len(rows)), agreement(costs)]


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--sentences", type=int, default=100, help="number of sentences (default: %(default)s)"
    )
    options.add_argument("--nmtscore", type=Path, help="folder with the package nmtscore")
    given = options.parse_args(arguments)
    folder = given.data / "europarl-ner"
    pairs = xner.read(folder / "en.conll", folder / "de.conll")
    texts = [
        " ".join(w)
        for side in ("source", "target")
        for w in pairs.table[f"{side}_tokens"].to_pylist()
    ]
    linked = xner.align(pairs).collect()
    rows = [i for i, found in enumerate(pairs.table["source_entities"].to_pylist()) if found]
    corpus = xner.Corpus.from_table(linked.table.take(rows[: given.sentences]), "europarl-ner")
    with tempfile.TemporaryDirectory() as temporary:
        model = make_nllb(Path(temporary) / "nllb", texts, vocabulary=8000)
        parts = [
            common.made_by("torch", "transformers"),
            f"{len(corpus)} sentences of Europarl-NER.",
        ]
        for name, title in CANDIDATES.items():
            own = sentences(corpus, name)
            os.environ["NMTSCORE_CACHE"] = str(Path(temporary) / name)
            parts += [f"## {title}", *compare(model, own, given.nmtscore)]
    common.save(given.results, "nmt_score.md", "The NMT score: forward tokens", "\n\n".join(parts))


if __name__ == "__main__":
    main()
