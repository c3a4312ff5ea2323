"""Compare neural aligners with simalign and awesome-align: links, and speed on a CPU.

    PYTHONPATH=…/rivals OMP_NUM_THREADS=1 python -m benchmarks.neural_aligners

Writes benchmarks/results/neural_aligners.md and neural_aligners_speed.md. The packages simalign and
awesome-align must be importable. The models are random and built here. The sentences are English
and German from Europarl.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from tests.models.encoder import save_bert, save_xlmr

import xner
from benchmarks import common, rivals
from benchmarks.rivals import LinkSets, Pair
from xner.aligners import make_aligner
from xner.aligners.bitext import Bitext, Links, Side, offsets_from
from xner.aligners.embedding import (
    EmbeddingEngine,
    Extraction,
    align_by_states,
    unit_states,
    word_links,
)

SIZES: dict[str, dict[str, int]] = {
    "tiny": {"hidden_size": 64, "num_hidden_layers": 9, "num_attention_heads": 4,
             "intermediate_size": 128},
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
             "intermediate_size": 3072, "vocab_size": 30_000},
}  # fmt: skip
SIMALIGN = [(m, t) for t in ("bpe", "word") for m in ("argmax", "itermax", "match")]
AWESOME = ["softmax", "entmax15"]
NOISES = (1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4)
BATCH = 4096
Cells = tuple[Any, Any, Any, Any]


def europarl(data: Path, count: int) -> list[Pair]:
    """Return the first pairs with words on both sides and at most 120 words."""
    folder = data / "europarl-ner"
    table = xner.read(folder / "en.conll", folder / "de.conll").table
    pairs = zip(table["source_tokens"].to_pylist(), table["target_tokens"].to_pylist(), strict=True)
    return [(s, t) for s, t in pairs if s and t and max(len(s), len(t)) <= 120][:count]


def as_side(rows: list[list[str]]) -> Side:
    """Encode sentences as integers."""
    types: dict[str, int] = {}
    ids = [types.setdefault(word, len(types)) for row in rows for word in row]
    sizes = np.array([len(row) for row in rows], np.int64)
    return Side(np.array(ids, np.int32), offsets_from(sizes), list(types))


def as_bitext(pairs: list[Pair]) -> Bitext:
    """Convert sentence pairs to the input of an aligner."""
    return Bitext(as_side([s for s, _ in pairs]), as_side([t for _, t in pairs]))


def as_sets(links: Links) -> LinkSets:
    """Return the links of every pair."""
    rows = list(zip(links.source.tolist(), links.target.tolist(), strict=True))
    bounds = links.offsets.tolist()
    return [set(rows[a:b]) for a, b in pairwise(bounds)]


class Remembering:
    """An encoder that computes the hidden states of a batch once for all methods."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self.known: dict[bytes, torch.Tensor] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.encoder, name)

    def states(self, worker: int, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """As `Encoder.states`."""
        key = bytes(ids.numpy().data) + repr(tuple(ids.shape)).encode()
        if key not in self.known:
            self.known[key] = self.encoder.states(worker, ids, mask)
        return self.known[key]


def remember(function: Callable[..., Any], key: Callable[..., Any]) -> Callable[..., Any]:
    """Cache the results of `function` by `key` of its arguments."""
    known: dict[Any, Any] = {}

    def called(*args: Any, **options: Any) -> Any:
        name = key(*args, **options)
        if name not in known:
            known[name] = function(*args, **options)
        return known[name]

    return called


@dataclass(frozen=True)
class Noisy:
    """An extraction with noise on its scores, relative to the largest score."""

    rule: Any
    noise: float
    seed: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rule, name)

    def scores(self, *states: torch.Tensor) -> torch.Tensor:
        """Return the scores of the rule, multiplied by 1 + noise."""
        scores: torch.Tensor = self.rule.scores(*states)
        made = torch.Generator().manual_seed(self.seed)
        shake = torch.rand(scores.shape, generator=made) * 2 - 1
        return scores + shake * (self.noise * float(scores.abs().max()))


def smallest_noise(
    pair: Pair, encoder: Any, rule: Extraction, wanted: set[Any], draws: int = 200
) -> float | None:
    """Return the smallest of `NOISES` that yields the wanted links, or None."""
    for noise in NOISES:
        for seed in range(draws):
            shaken: Any = Noisy(rule, noise, seed)
            if as_sets(align_by_states(as_bitext([pair]), encoder, shaken, BATCH))[0] == wanted:
                return noise
    return None


def compare(
    name: str, pairs: list[Pair], ours: LinkSets, theirs: LinkSets, encoder: Any, rule: Extraction
) -> list[str]:
    """Return one row: method, identical sentences, links, and the noise for the others."""
    apart = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    found = [smallest_noise(pairs[i], encoder, rule, theirs[i]) for i in apart]
    why = ", ".join("unexplained" if n is None else f"{n:.0e}" for n in found) or "-"
    same = len(pairs) - len(apart)
    return [name, f"{same} / {len(pairs)}", f"{sum(map(len, ours)):,}", why]


def rule_of(name: str, folder: str, **options: str) -> Extraction:
    """Return how an aligner with these options extracts links."""
    aligner: Any = make_aligner(name, {"model": folder, **options})
    rule: Extraction = aligner.rule
    return rule


def identical(kind: str, folder: str, pairs: list[Pair]) -> Iterator[list[str]]:
    """Return rows of `compare` for every method that supports the model."""
    bitext = as_bitext(pairs)
    first: Any = make_aligner("simalign", {"model": folder, "device": "cpu"})
    encoder: Any = Remembering(first.encoder)
    rival = rivals.simalign_model(folder, "bpe", "mai")
    rival.embed_loader.get_embed_list = remember(
        rival.embed_loader.get_embed_list, lambda sides: str(sides)
    )
    for token_type in ("bpe", "word"):
        rival.token_type = token_type
        found = [rival.get_word_aligns(source, target) for source, target in pairs]
        for matching, theirs in rivals.METHODS.items():
            rule = rule_of("simalign", folder, matching=matching, token_type=token_type)
            ours = as_sets(align_by_states(bitext, encoder, rule, BATCH))
            wanted = [set(links[theirs]) for links in found]
            yield compare(f"{kind}: simalign {matching}, {token_type}", pairs, ours, wanted,
                          encoder, rule)  # fmt: skip
    if "BERT" not in kind:
        return
    model, tokenizer = rivals.awesome_model(folder)
    model.bert.forward = remember(model.bert.forward, lambda ids, **_: bytes(ids.numpy().data))
    for extraction in AWESOME:
        rule = rule_of("awesome", folder, extraction=extraction)
        ours = as_sets(align_by_states(bitext, encoder, rule, BATCH))
        wanted = rivals.awesome_links(model, tokenizer, pairs, extraction)
        yield compare(f"{kind}: awesome {extraction}", pairs, ours, wanted, encoder, rule)


def best(work: Callable[[], Any], times: int) -> float:
    """Return seconds of CPU time of the fastest of several runs."""
    seconds = []
    for _ in range(times):
        begin = process_time()
        work()
        seconds.append(process_time() - begin)
    return min(seconds)


def whole(folder: str, pairs: list[Pair], times: int) -> Iterator[list[str]]:
    """Measure pairs per second with tokenisation and forward pass, without model loading."""
    model, tokenizer = rivals.awesome_model(folder)

    def package(token_type: str, method: str) -> Callable[[], Any]:
        return partial(
            rivals.package_links, rivals.simalign_model(folder, token_type, method), pairs
        )

    for name, options, theirs in (
        ("simalign argmax, bpe", {"matching": "argmax"}, package("bpe", "a")),
        ("simalign itermax, word", {"matching": "itermax", "token_type": "word"},
         package("word", "i")),
        ("awesome softmax", {}, partial(rivals.awesome_links, model, tokenizer, pairs, "softmax")),
    ):  # fmt: skip
        own: Any = make_aligner(name.split()[0], {"model": folder, "device": "cpu", **options})
        own.align(as_bitext(pairs[:2]))
        mine = best(lambda own=own: own.align(as_bitext(pairs)), times)  # type: ignore[misc]
        other = best(theirs, times)
        rates = f"{len(pairs) / mine:.1f}", f"{len(pairs) / other:.1f}"
        yield [name, *rates, f"{other / mine:.1f}"]


def extraction_alone(folder: str, pairs: list[Pair], times: int) -> Iterator[list[str]]:
    """Measure ms per pair from hidden states: xner in Numba, xner in torch, the package."""
    aligner: Any = make_aligner("simalign", {"model": folder, "device": "cpu"})
    other = rivals.simalign_model(folder, "bpe", "a")
    loader = other.embed_loader
    loader.get_embed_list = remember(loader.get_embed_list, lambda sides: str(sides))
    loader.tokenizer.tokenize = remember(loader.tokenizer.tokenize, lambda word: word)
    for matching, token_type in SIMALIGN:
        rule = rule_of("simalign", folder, matching=matching, token_type=token_type)
        other.token_type = token_type
        other.matching_methods = [rivals.METHODS[matching]]
        work = partial(rivals.package_links, other, pairs)
        work()
        yield _alone(
            f"simalign {matching}, {token_type}", pairs, aligner.encoder, rule, work, times
        )
    model, tokenizer = rivals.awesome_model(folder)
    model.bert.forward = remember(model.bert.forward, lambda ids, **_: bytes(ids.numpy().data))
    batches = list(rivals.awesome_batches(tokenizer, pairs))
    for extraction in AWESOME:
        rule = rule_of("awesome", folder, extraction=extraction)
        work = partial(rivals.package_batches, model, batches, extraction)
        with torch.no_grad():
            work()
            yield _alone(f"awesome {extraction}", pairs, aligner.encoder, rule, work, times)


def _alone(
    name: str, pairs: list[Pair], encoder: Any, rule: Any, rival: Callable[[], Any], times: int
) -> list[str]:
    remembering: Any = Remembering(encoder)
    engine = EmbeddingEngine(remembering, as_bitext(pairs), rule)
    engine.encode(range(len(pairs)))
    order = np.argsort(-engine.costs, kind="stable")
    batches = [engine.collate(order[i : i + 16].tolist()) for i in range(0, len(order), 16)]
    with torch.inference_mode():
        states = [engine.encoder.states(0, b.ids, b.mask).flatten(0, 1) for b in batches]

        def ours(find: Callable[..., Cells]) -> None:
            for batch, own in zip(batches, states, strict=True):
                source, rows = unit_states(own, batch.source)
                target, columns = unit_states(own, batch.target)
                cells = find(rule.scores(source, target, rows, columns), rows, columns)
                word_links(*cells, batch.source.words, batch.target.words)

        ways = [partial(ours, engine._on_host), partial(ours, engine._on_device)]
        for way in ways:
            way()
        seconds = [best(way, times) for way in ways]
    seconds.append(best(rival, 1))
    cells = [f"{1000 * s / len(pairs):.3f}" for s in seconds]
    return [name, *cells, f"{seconds[2] / seconds[0]:.0f}"]


def main() -> None:
    """Run everything and write the pages."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=300, help="number of pairs to compare")
    options.add_argument("--timed", type=int, default=64, help="number of pairs to time")
    options.add_argument("--words", type=int, default=30_000, help="size of the vocabulary")
    options.add_argument(
        "--sizes", nargs="+", default=list(SIZES), choices=list(SIZES), help="model sizes"
    )
    options.add_argument("--spread", type=float, default=5.0, help="scale of the word embeddings")
    options.add_argument(
        "--parts",
        nargs="+",
        default=["links", "speed"],
        choices=["links", "speed"],
        help="pages to write",
    )
    given = options.parse_args()
    torch.set_num_threads(1)
    text = [" ".join(side) for pair in europarl(given.data, 10**6) for side in pair]
    with tempfile.TemporaryDirectory() as scratch:
        models = {
            f"{size} BERT": save_bert(
                Path(scratch, size), text, words=given.words, positions=512, spread=given.spread,
                **SIZES[size],
            )
            for size in given.sizes
        }  # fmt: skip
        timed = models[f"{given.sizes[-1]} BERT"]
        if "tiny" in given.sizes:
            models["tiny XLM-R"] = save_xlmr(
                Path(scratch, "xlmr"), text, pieces=8000, positions=512, spread=given.spread,
                **SIZES["tiny"],
            )  # fmt: skip
        if "links" in given.parts:
            links_page(given, models)
        if "speed" in given.parts:
            speed_page(given, timed)


def setting(given: Any, pairs: list[Pair]) -> str:
    """Return the first paragraph of both pages."""
    words = np.mean([len(side) for pair in pairs for side in pair])
    return (
        f"Command: `OMP_NUM_THREADS=1 python -m benchmarks.neural_aligners "
        f"{' '.join(sys.argv[1:])}`. simalign 0.4 and awesome-align 0.1.7 run in the same process "
        f"as xner, with one torch thread, float32 and layer 8, on {len(pairs)} pairs of Europarl "
        f"en-de with {words:.0f} words per side. The models are random (seed 1). Their word "
        f"embeddings are multiplied by {given.spread:g}, so that similarities differ between "
        "words, and their WordPiece or Unigram vocabulary is learned from the same text. The "
        "weights are copied into awesome-align's model class, which reads only pytorch_model.bin; "
        "neither package is changed."
    )


def made_by() -> str:
    """Describe machine and versions."""
    return common.made_by("torch", "transformers", "tokenizers", "scipy", "scikit-learn")


def links_page(given: Any, models: dict[str, str]) -> None:
    """Write the page with the number of sentences that have the packages' links."""
    pairs = europarl(given.data, given.pairs)
    rows = [row for kind, folder in models.items() for row in identical(kind, folder, pairs)]
    parts = [
        setting(given, pairs),
        "The table counts sentences with identical links. For each other sentence, it gives the "
        "smallest noise on xner's scores, relative to the largest score, that yields the package's "
        "links (200 draws at 1e-7, 3e-7, 1e-6 …). Small values mean that the links depend on the "
        "rounding of float32.",
        common.markdown(["model and method", "identical", "links", "others: noise"], rows),
        "Speed: [neural_aligners_speed.md](neural_aligners_speed.md).",
        made_by(),
    ]
    common.save(given.results, "neural_aligners.md", "Neural aligners: identical links",
                "\n\n".join(parts))  # fmt: skip


def speed_page(given: Any, folder: str) -> None:
    """Write the page with the speed."""
    pairs = europarl(given.data, given.timed)
    speed = list(whole(folder, pairs, 2))
    alone = list(extraction_alone(folder, pairs, 3))
    parts = [
        setting(given, pairs) + " Times are CPU times.",
        f"## One core, {given.sizes[-1]} model, tokenisation and forward pass included\n\n"
        "Without model loading, fastest of 2 runs. simalign processes one pair at a time through "
        "12 layers, awesome-align 32 pairs through 8.",
        common.markdown(["method", "xner, pairs/s", "package, pairs/s", "ratio"], speed),
        "## Extraction only\n\nFrom hidden states to links of words, in ms per pair; xner in "
        "batches of 16 pairs, fastest of 3 runs. The packages' tokenisation is cached and not "
        "counted. xner uses Numba on a CPU and torch on a GPU.",
        common.markdown(["method", "Numba", "torch on CPU", "package", "ratio"], alone),
        made_by(),
    ]
    common.save(given.results, "neural_aligners_speed.md", "Neural aligners: speed on a CPU",
                "\n\n".join(parts))  # fmt: skip


if __name__ == "__main__":
    main()
