"""Tiny token classifiers of two families, trained on sentences made from lists of names."""

import contextlib
import random

import torch
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertTokenizer,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
    XLMRobertaTokenizer,
)

FIRST = ["Amina", "Jonas", "Wanjiru", "Peter", "Lucía", "Otieno", "Maren", "Emil"]
LAST = ["Okoro", "Keller", "Kamau", "Falk", "Ibarra", "Brandt", "Achieng", "Sommer"]
PLACES = ["Kisumu", "Nairobi", "Bremen", "Cádiz", "Mombasa", "Lübeck"]
FIRMS = ["Hafen", "Baobab", "Tide"]
WORDS = [
    "visits",
    "saw",
    "left",
    "for",
    "and",
    "boats",
    "the",
    "in",
    "today",
    "with",
    "market",
    ".",
]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "B-ORG", "I-ORG"]
POSITIONS = 48
"""Tokens that the models read at once, special ones included."""


def people(unseen):
    """First and last names that training sees together, or that it never does."""
    return [[f, n] for i, f in enumerate(FIRST) for j, n in enumerate(LAST)
            if ((i + j) % 4 == 0) == unseen]  # fmt: skip


def name(rng, unseen):
    """Words and tags of a name."""
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(people(unseen)), ["B-PER", "I-PER"]
    if kind < 0.8:
        return [rng.choice(PLACES)], ["B-LOC"]
    return [rng.choice(FIRMS), "Group"], ["B-ORG", "I-ORG"]


def clause(rng, unseen):
    """Words and tags: names between plain words."""
    words, tags = [], []
    for _ in range(rng.randint(1, 2)):
        plain = rng.choices(WORDS, k=rng.randint(1, 3))
        for more, their in ((plain, ["O"] * len(plain)), name(rng, unseen)):
            words += more
            tags += their
    return [*words, "."], [*tags, "O"]


def sentences(count, seed, unseen=False):
    """`count` sentences as `(words, tags)`, of one or more clauses."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        parts = [clause(rng, unseen) for _ in range(rng.randint(1, 3))]
        rows.append(([w for p in parts for w in p[0]], [t for p in parts for t in p[1]]))
    return rows


def vocabulary(inner):
    """Plain words whole, names in pieces of three letters; `inner` marks those within words."""
    names = [*FIRST, *LAST, *PLACES, *FIRMS, "Group"]
    letters = sorted({letter for word in names + WORDS for letter in word})
    heads = {name[:3] for name in names}
    tails = {name[i : i + 3] for name in names for i in range(3, len(name), 3)}
    return [*WORDS, *sorted(heads), *letters], [inner + t for t in [*sorted(tails), *letters]]


def bert_tokenizer():
    """WordPiece, as of BERT."""
    heads, tails = vocabulary("##")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *heads, *tails]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    return BertTokenizer(vocab=vocab, do_lower_case=False, model_max_length=POSITIONS)


def xlmr_tokenizer():
    """Unigram with a mark for spaces, as of XLM-R."""
    heads, tails = vocabulary("")
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *(f"▁{h}" for h in heads), *tails]
    vocab = [(p, -float(len(pieces)) if len(p) < 2 else -5.0) for p in dict.fromkeys(pieces)]
    return XLMRobertaTokenizer(vocab=[*vocab, ("<mask>", 0.0)])


SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "id2label": dict(enumerate(TAGS)),
    "label2id": {tag: i for i, tag in enumerate(TAGS)},
}


def bert(folder):
    """Train the BERT tagger and save it; returns the folder."""
    tokenizer = bert_tokenizer()
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=POSITIONS, **SIZES)
    return trained(BertForTokenClassification(config), tokenizer, folder)


def xlmr(folder):
    """Train the XLM-R tagger and save it; returns the folder."""
    tokenizer = xlmr_tokenizer()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=POSITIONS + 2, pad_token_id=1, **SIZES
    )
    return trained(XLMRobertaForTokenClassification(config), tokenizer, folder)


@contextlib.contextmanager
def one_thread(seed):
    """Torch with one thread and a seed; both as before afterwards."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    yield
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


def drawn(step):
    """The sentences of a step of training."""
    return sentences(32, seed=step)


def trained(model, tokenizer, folder, steps=60, examples=drawn):
    """Fit a model on `examples(step)`, by default `sentences`, and save it with its tokenizer."""
    with one_thread(0):
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for step in range(steps):
            words, tags = zip(*examples(step), strict=True)
            batch = tokenizer(
                list(words), is_split_into_words=True, padding=True, truncation=True,
                max_length=POSITIONS, return_tensors="pt",
            )  # fmt: skip
            labels = [first_labels(batch.word_ids(i), tags[i]) for i in range(len(tags))]
            loss = model(**batch, labels=torch.tensor(labels)).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def first_labels(word_ids, tags):
    """The label of every token: that of the word at its first subword, else none."""
    before = [None, *word_ids]
    return [
        TAGS.index(tags[word]) if word is not None and word != last else -100
        for word, last in zip(word_ids, before, strict=False)
    ]


def with_misc(folder, to):
    """Write a copy of a BERT tagger that also knows MISC, which it never finds; returns `to`."""
    model = BertForTokenClassification.from_pretrained(folder)
    old, size = model.classifier, model.config.num_labels
    model.classifier = torch.nn.Linear(old.in_features, size + 1)
    with torch.no_grad():
        model.classifier.weight[:size], model.classifier.bias[:size] = old.weight, old.bias
        model.classifier.bias[size] = -1e4
    model.config.id2label = {**model.config.id2label, size: "B-MISC"}
    model.config.label2id = {label: i for i, label in model.config.id2label.items()}
    model.save_pretrained(to)
    BertTokenizer.from_pretrained(folder).save_pretrained(to)
    return str(to)
