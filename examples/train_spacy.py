"""Train a spaCy pipeline on projected labels, and score it on gold labels.

English labels are projected onto the German sentences of the demo. Two thirds of them train a
pipeline on the CPU; the rest, with gold labels, scores it. 48 sentences are enough to show how it
works, and far too few for a useful tagger.
"""

import random

import spacy
from spacy.training import Example

import xner
from xner.cli.demo import FOLDER as DEMO

EPOCHS = 30


def main() -> None:
    """Project, train, score."""
    nlp = spacy.blank("de")
    projected = xner.project(xner.read(DEMO / "en.conll", DEMO / "de.conll"))
    silver = list(projected.to_spacy(nlp))
    gold = list(xner.read(DEMO / "de.conll", side="source").to_spacy(nlp, side="source"))

    cut = 2 * len(silver) // 3
    train = [Example(nlp.make_doc(doc.text), doc) for doc in silver[:cut]]
    test = [Example(nlp.make_doc(doc.text), doc) for doc in gold[cut:]]

    nlp.add_pipe("ner")
    nlp.initialize(lambda: train)
    spacy.util.fix_random_seed(1)
    shuffled = random.Random(1)
    for _ in range(EPOCHS):
        shuffled.shuffle(train)
        for batch in spacy.util.minibatch(train, size=8):
            nlp.update(batch, drop=0.2)

    scores = nlp.evaluate(test)
    print(f"projected labels against gold: F1 {xner.evaluate(DEMO / 'de.conll', projected).f1:.3f}")
    print(f"pipeline on {len(test)} gold sentences: F1 {scores['ents_f']:.3f}")


if __name__ == "__main__":
    main()
