"""A small world in English and German, and tiny models that know all of it.

Two dozen labelled sentence pairs with word links; a translator that has memorised them in both
directions, with markers around entities and without; taggers; an encoder for aligners.
"""

import random
from dataclasses import dataclass

import torch
from transformers import BertConfig, BertForTokenClassification, BertModel, BertTokenizer

from tests.models.seq2seq import make_nllb
from tests.models.tagging import SIZES, TAGS, one_thread, trained
from xner.languages import find_language
from xner.translation.text import join_words

PEOPLE = [("Peter Falk",) * 2, ("Amina Okoro",) * 2, ("Maren Keller",) * 2, ("Emil",) * 2]
PLACES = [("Munich", "München"), ("Geneva", "Genf"), ("Vienna", "Wien"), ("Cologne", "Köln"),
          ("Nairobi", "Nairobi")]  # fmt: skip
FIRMS = [("Tide Group", "Tide Gruppe"), ("Baobab", "Baobab"), ("Old Bank", "Alte Bank")]
NAMES = {"PER": PEOPLE, "LOC": PLACES, "ORG": FIRMS}
# English, German, and for every German part which English one it translates.
TEMPLATES = [
    ("PER lives in LOC .", "PER wohnt in LOC .", [0, 1, 2, 3, 4]),
    ("PER has visited LOC .", "PER hat LOC besucht .", [0, 1, 3, 2, 4]),
    ("Yesterday PER came from LOC .", "Gestern kam PER aus LOC .", [0, 2, 1, 3, 4, 5]),
    ("PER works for ORG in LOC .", "PER arbeitet in LOC für ORG .", [0, 1, 4, 5, 2, 3, 6]),
    ("In LOC it rains , says PER .", "In LOC regnet es , sagt PER .", [0, 1, 3, 2, 4, 5, 6, 7]),
    ("ORG has a house in LOC .", "ORG hat ein Haus in LOC .", [0, 1, 2, 3, 4, 5, 6]),
    ("Today ORG called PER .", "Heute rief ORG PER an .", [0, 2, 1, 3, None, 4]),
]
LANGUAGES = [find_language("eng"), find_language("deu")]


@dataclass(frozen=True)
class Pair:
    """Words and tags of both sides, `links` between them, and the names as (English, German)."""

    words: tuple
    tags: tuple
    links: list
    names: list

    def text(self, side, marked=False):
        """A side as it is written, with `[` `]` around its names on request."""
        words = list(self.words[side])
        for i, tag in enumerate(self.tags[side] if marked else ()):
            ends = i + 1 == len(words) or not self.tags[side][i + 1].startswith("I-")
            words[i] = ("[" if tag[0] == "B" else "") + words[i]
            words[i] += "]" if tag != "O" and ends else ""
        return join_words(words, LANGUAGES[side])


def pairs(count=28, seed=7):
    """As many different sentence pairs, each template as often as any other."""
    rng, made = random.Random(seed), {}
    while len(made) < count:
        pair = _pair(TEMPLATES[len(made) % len(TEMPLATES)], rng)
        made.setdefault(" ".join(pair.words[0]), pair)
    return list(made.values())


def _pair(template, rng):
    english, german, order = template
    parts = [(part, rng.choice(NAMES[part]) if part in NAMES else (part, None))
             for part in english.split()]  # fmt: skip
    words, tags, places = ([], []), ([], []), []
    for label, (name, _) in parts:
        places.append(_add(words[0], tags[0], label, name))
    links = []
    for own, part in zip(german.split(), order, strict=True):
        name = parts[part][1][1] if own in NAMES else own
        at = _add(words[1], tags[1], own, name)
        links += zip(places[part], at, strict=True) if part is not None else ()
    return Pair(words, tags, links, [name for label, name in parts if label in NAMES])


def _add(words, tags, label, name):
    """Append a part; gives the places of its words."""
    own, first = name.split(), len(words)
    words += own
    tags += [f"{'I' if i else 'B'}-{label}" if label in NAMES else "O" for i in range(len(own))]
    return range(first, len(words))


def conll(rows):
    """Rows of (words, tags) in CoNLL form."""
    return "".join("".join(f"{w}\t{t}\n" for w, t in zip(*row, strict=True)) + "\n" for row in rows)


def rows(known, side):
    """Words and tags of one side."""
    return [(pair.words[side], pair.tags[side]) for pair in known]


def translator(folder, known, steps=160):
    """A translator that knows sentences, plain and marked, names, and how to copy single words."""
    codes = [language.flores for language in LANGUAGES]
    texts = [[pair.text(side) for pair in known] for side in (0, 1)]
    marked = [[pair.text(side, marked=True) for pair in known] for side in (0, 1)]
    names = sorted({name for pair in known for name in pair.names})
    plain = [*zip(*texts, strict=True), *names]
    learnt = [(a, codes[0], b, codes[1]) for a, b in [*plain, *zip(*marked, strict=True)]]
    learnt += [(b, codes[1], a, codes[0]) for a, b in plain]
    for side, code in enumerate(codes):
        alone = {word for pair in known for word in pair.words[side]} | {n[side] for n in names}
        learnt += [(phrase, code, phrase, code) for phrase in sorted(alone)]
    own = [text for pair in learnt for text in (pair[0], pair[2])]
    return make_nllb(folder, own, learnt, steps=steps, vocabulary=300, enough=0.005)


def tokenizer(known):
    """Every word of the world is one piece."""
    words = sorted({word for pair in known for side in pair.words for word in side})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    return BertTokenizer(vocab=vocab, do_lower_case=False, model_max_length=48)


def _config(words):
    return BertConfig(vocab_size=len(words), max_position_embeddings=48, **SIZES)


def tagger(folder, known, labelled, steps=40):
    """A tagger that has seen rows of (words, tags)."""
    words = tokenizer(known)
    model = BertForTokenClassification(_config(words))
    return str(trained(model, words, folder, steps, lambda step: labelled))


def encoder(folder, known, steps=60):
    """An encoder whose states are alike for words that translate each other."""
    words = tokenizer(known)
    with one_thread(3):
        model = BertModel(_config(words), add_pooling_layer=False)
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
        for _ in range(steps):
            loss = _alignment_loss(model, words, known)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


def _alignment_loss(model, words, known):
    """Cross-entropy of the links under a softmax over the words of the other side."""
    batches = [words([pair.words[side] for pair in known], is_split_into_words=True, padding=True,
                     return_tensors="pt") for side in (0, 1)]  # fmt: skip
    states = [model(**batch).last_hidden_state for batch in batches]
    scores = states[0] @ states[1].transpose(1, 2)
    at = [(s, i + 1, j + 1) for s, pair in enumerate(known) for i, j in pair.links]
    row, i, j = torch.tensor(at).T
    held = [batch["attention_mask"][row] == 0 for batch in batches]
    across = scores[row, i].masked_fill(held[1], -1e4)
    back = scores[row, :, j].masked_fill(held[0], -1e4)
    loss = torch.nn.functional.cross_entropy
    return loss(across, j) + loss(back, i)


assert {f"B-{label}" for label in NAMES} <= set(TAGS)
