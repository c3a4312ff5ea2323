"""Random encoders with tokenizers built from text: like mBERT, and like XLM-R."""

import math
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)
from transformers.utils import logging

TEXT = """
Anna Keller visits the old harbour of Kisumu . The ships leave at noon , and she waits .
Anna Keller besucht den alten Hafen von Kisumu . Die Schiffe fahren mittags ab , und sie wartet .
Peter writes a letter to the university of Nairobi about the weather , the water and the wind .
Peter schreibt der Universität von Nairobi einen Brief über das Wetter , das Wasser und den Wind .
Nobody knows where the committee met yesterday ; its members are silent .
Niemand weiß , wo der Ausschuss gestern tagte ; seine Mitglieder schweigen .
""".strip().splitlines()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def _pieces(text, size):
    """At most `size` byte pairs of cased text, the most frequent first; `▁` begins a word.

    The trainers of WordPiece and Unigram order ties at random, and random models would differ
    with the order.
    """
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Metaspace()]
    )
    made.train_from_iterator(text, trainers.BpeTrainer(vocab_size=size, show_progress=False))
    vocabulary = made.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)


def wordpieces(text, size):
    """A cased WordPiece vocabulary of at most `size` entries, as a dict."""
    letters = sorted(set("".join(text)) - {" "})
    pieces = _pieces(text, size - len(SPECIAL) - len(letters))
    parts = [piece[1:] if piece[0] == "▁" else f"##{piece}" for piece in pieces]
    entries = dict.fromkeys([*SPECIAL, *letters, *filter(None, parts)])
    return {piece: i for i, piece in enumerate(entries)}


def _scaled(model, spread):
    """Larger embeddings, so that states differ from word to word as trained ones do."""
    with torch.no_grad():
        model.base_model.embeddings.word_embeddings.weight.mul_(spread)
    return model


def _save(folder, *parts):
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    for part in parts:
        part.save_pretrained(folder)
    if bars:
        logging.enable_progress_bar()
    return str(folder)


def save_bert(folder, text=TEXT, *, words=300, seed=1, spread=1.0, positions=64, **sizes):
    """A random BERT with its tokenizer; returns the folder.

    `sizes` are fields of BertConfig, such as hidden_size; `spread` scales the word embeddings.
    `vocab.txt` is written for tools that read only that.
    """
    vocab = wordpieces(text, words)
    shape = {"hidden_size": 32, "num_hidden_layers": 9, "num_attention_heads": 4,
             "intermediate_size": 64, "vocab_size": len(vocab), **sizes}  # fmt: skip
    torch.manual_seed(seed)
    config = BertConfig(max_position_embeddings=positions, **shape)
    model = _scaled(BertModel(config).eval(), spread)
    tokenizer = BertTokenizer(vocab=vocab, do_lower_case=False, model_max_length=positions)
    _save(folder, model, tokenizer)
    ordered = sorted(vocab, key=vocab.get)
    Path(folder, "vocab.txt").write_text("\n".join(ordered) + "\n", "utf-8")
    return str(folder)


def save_xlmr(
    folder, text=TEXT, *, pieces=200, seed=1, spread=1.0, positions=64, kind=XLMRobertaModel,
    device="cpu", **sizes,
):  # fmt: skip
    """A random XLM-R with a Unigram tokenizer; returns the folder.

    `kind` is a class of transformers; the weights are drawn on `device`.
    """
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    # Scores by rank, as of words whose frequencies follow Zipf's law.
    scored = [(piece, -math.log(i + 2)) for i, piece in enumerate(_pieces(text, pieces - 4))]
    vocabulary = [*((name, 0.0) for name in special), *scored]
    tokenizer = XLMRobertaTokenizer(vocab=vocabulary, model_max_length=positions)
    shape = {"hidden_size": 32, "num_hidden_layers": 9, "num_attention_heads": 4,
             "intermediate_size": 64, "vocab_size": len(tokenizer), **sizes}  # fmt: skip
    torch.manual_seed(seed)
    config = XLMRobertaConfig(max_position_embeddings=positions + 2, pad_token_id=1, **shape)
    with torch.device(device):
        model = kind(config).eval()
    return _save(folder, _scaled(model, spread), tokenizer)
