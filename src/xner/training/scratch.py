"""Students that need no download: a tokenizer trained on the data, and a small encoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from xner.training.options import SIZES

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_POSITIONS = 512


def make_tokenizer(texts: Iterable[Sequence[str]], vocabulary: int, folder: Path) -> int:
    """Train and save a byte-pair tokenizer; return the size of its vocabulary.

    Case is kept, because it marks names. Text is normalised to NFC.

    Args:
        texts: the words of each sentence.
        vocabulary: maximum size of the vocabulary.
        folder: folder for the tokenizer.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(unk_token="[UNK]"))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(_SPECIAL),
        limit_alphabet=1000,
        show_progress=False,
    )
    backend.train_from_iterator((" ".join(words) for words in texts), trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=_POSITIONS,
        **dict(zip(names, _SPECIAL, strict=True)),
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def make_config(name: str, vocabulary: int, folder: Path) -> None:
    """Save the configuration of a ModernBERT encoder with one of `SIZES`.

    Every second layer attends to nearby subwords only, with rotary (relative) positions. A small
    student learns these from a few thousand sentences; BERT's absolute positions need many more.

    Args:
        name: a key of `SIZES`.
        vocabulary: size of the tokenizer's vocabulary.
        folder: folder for the configuration.
    """
    from transformers import ModernBertConfig

    size = SIZES[name]
    config = ModernBertConfig(
        vocab_size=vocabulary,
        hidden_size=size.width,
        intermediate_size=2 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=_POSITIONS,
        local_attention=16,
        global_attn_every_n_layers=2,
        embedding_dropout=0.2,
        classifier_dropout=0.2,
        pad_token_id=0,
        bos_token_id=2,
        cls_token_id=2,
        sep_token_id=3,
        eos_token_id=3,
    )
    config.save_pretrained(folder)
