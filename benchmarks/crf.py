"""A fast tagger for comparing training labels: a linear-chain CRF, the same for every system.

Its features are the word, its affixes of 1 to 4 characters, its shape and the two words on either
side. It uses no gazetteers and no embeddings. Training (python-crfsuite, L-BFGS) is deterministic.
"""

import hashlib
import json
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter

Words = Sequence[str]
Tags = Sequence[str]
FEATURES = "1: word, affixes 1-4, shape, position; word and shape at -2, -1, +1, +2"


@dataclass(frozen=True, slots=True)
class Training:
    """Training settings of the CRF."""

    c1: float = 0.1
    c2: float = 0.1
    iterations: int = 80
    minimum: int = 1


def shape(word: str) -> str:
    """Return character classes, runs collapsed: `uNikolaus` is `aAa`, `1996-08` is `0-0`."""
    kinds = (_kind(character) for character in word)
    return "".join(kind for kind, _ in groupby(kinds))


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Lu":
        return "A"
    if category[0] in "LM":
        return "a"
    return "0" if category[0] == "N" else character


def features(words: Words) -> list[list[str]]:
    """Return the features of every word of a sentence."""
    return [list(_features(words, i)) for i in range(len(words))]


def _features(words: Words, i: int) -> Iterator[str]:
    word = words[i]
    yield "bias"
    yield f"w={word}"
    yield f"l={word.casefold()}"
    yield f"s={shape(word)}"
    for n in range(1, min(4, len(word)) + 1):
        yield f"p={word[:n]}"
        yield f"e={word[-n:]}"
    for step in (-2, -1, 1, 2):
        if 0 <= i + step < len(words):
            near = words[i + step]
            yield f"{step}l={near.casefold()}"
            yield f"{step}s={shape(near)}"
        else:
            yield f"{step}out"


def train_and_tag(
    words: Sequence[Words], tags: Sequence[Tags], test: Sequence[Words], training: Training
) -> list[list[str]]:
    """Train a CRF and tag the test sentences; empty sentences get no tags."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    for sentence, labels in zip(words, tags, strict=True):
        if sentence:
            trainer.append(features(sentence), list(labels))
    trainer.set_params(
        {
            "c1": training.c1,
            "c2": training.c2,
            "max_iterations": training.iterations,
            "feature.minfreq": training.minimum,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder, "model.crfsuite"))
        trainer.train(model)
        tagger = pycrfsuite.Tagger()
        tagger.open(model)
        found = [list(tagger.tag(features(sentence))) if sentence else [] for sentence in test]
        tagger.close()
    return found


def digest(
    words: Sequence[Words], tags: Sequence[Tags], test: Sequence[Words], training: Training
) -> str:
    """Return a digest of everything that determines the tags: text, labels and settings."""
    from importlib.metadata import version

    made_by = [FEATURES, version("python-crfsuite"), asdict(training)]
    told = json.dumps([made_by, list(words), list(tags), list(test)], ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()


def cached(
    words: Sequence[Words],
    tags: Sequence[Tags],
    test: Sequence[Words],
    training: Training,
    cache: Path,
) -> tuple[list[list[str]], float]:
    """Return the result of `train_and_tag` and the seconds of its run, cached in `cache`."""
    path = cache / f"crf-{digest(words, tags, test, training)[:32]}.json"
    if path.is_file():
        kept = json.loads(path.read_text("utf-8"))
        return kept["tags"], float(kept["seconds"])
    begin = perf_counter()
    found = train_and_tag(words, tags, test, training)
    seconds = perf_counter() - begin
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{id(found)}.part")
    part.write_text(json.dumps({"tags": found, "seconds": seconds}), "utf-8")
    part.replace(path)
    return found, seconds
