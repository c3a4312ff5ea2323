"""A small world for routes that end in a student, and experiments on it.

English gold, its translation into two made-up languages with links, and test sets of these.
"""

from tests.models import students as made
from tests.models import tagging

SCRATCH = {**made.FAST, "epochs": 6}
GOES_ON = {"learning_rate": 2e-3, "batch_size": 16, "epochs": 1, "device": "cpu"}
TRANSLATE_TRAIN = {"pipeline": "translate-train", "name": "projected"}


def foreign(words, ending):
    """Words of a made-up language: names stay, others end otherwise."""
    return [word + ending if word in tagging.WORDS[:-1] else word for word in words]


def conll(rows):
    return "".join("".join(f"{w}\t{t}\n" for w, t in zip(*row, strict=True)) + "\n" for row in rows)


def write_world(folder):
    """English gold, its translation into two languages with links, and test sets of these."""
    rows = tagging.sentences(160, seed=1)
    tests = tagging.sentences(60, seed=99, unseen=True)
    (folder / "en.conll").write_text(conll(rows))
    for name, ending in (("xx", "o"), ("yy", "u")):
        text = "".join(" ".join(foreign(words, ending)) + "\n" for words, _ in rows)
        (folder / f"{name}.txt").write_text(text)
        links = "".join(" ".join(f"{i}-{i}" for i in range(len(words))) + "\n" for words, _ in rows)
        (folder / f"{name}.align").write_text(links)
        gold = conll((foreign(words, ending), tags) for words, tags in tests)
        (folder / f"{name}.gold.conll").write_text(gold)
        labelled = conll((foreign(words, ending), tags) for words, tags in rows)
        (folder / f"{name}.labelled.conll").write_text(labelled)


def config(**changes):
    text = {"source": "en.conll", "target": "{language}.txt"}
    given = {
        "output": "out",
        "languages": {n: {"gold": "{language}.gold.conll", "train": text} for n in ("xx", "yy")},
        "aligners": {"given": {"links": "{language}.align"}},
        "models": {
            "en": {"data": {"target": "en.conll"}, "train": {"tokenizer_text": ["xx.txt"]}},
            "yy": {"pipeline": "translate-train", "language": "yy"},
            "own": {"pipeline": "translate-train"},
        },
        "stages": {
            "train": SCRATCH,
            "distill": {**SCRATCH, "epochs": 3},
            "self_train": {**GOES_ON, "top": 0.6, "rounds": 1},
            "project": {"preset": "paper-greedy"},
        },
        "bootstrap": {"samples": 20},
        "pipelines": [TRANSLATE_TRAIN],
    }
    return {**given, **changes}


ROUTES = [
    {"pipeline": "model-transfer", "name": "direct transfer", "tag": {"model": "en"}},
    TRANSLATE_TRAIN,
    {"pipeline": "translate-train", "name": "half", "languages": ["xx"],
     "train": {"also": ["en.conll"], "side": "both", "max_unprojected": 0.5, "epochs": 1}},
    {"pipeline": "distill", "name": "single", "distill": {"teachers": ["en"]}},
    {"pipeline": "distill", "name": "multi",
     "distill": {"teachers": ["en", "yy"], "weights": "domain"}, "languages": ["xx"]},
    {"pipeline": "self-train", "self_train": {"start": "own"}},
]  # fmt: skip


def scores(results, language="xx"):
    return {row.system: row.cells[language].f1 for row in results.rows}


def stages_made(results):
    return [step.stage for step in results.steps if step.made]


def distilled(*teachers, **more):
    return {"pipeline": "distill", "distill": {"teachers": list(teachers), **more}}
