"""A tiny NLLB that tests build, untrained or overfitted on a few pairs."""

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

LANGUAGES = ["eng_Latn", "deu_Latn"]


def make_nllb(folder, texts, pairs=(), *, size=32, steps=150, seed=1, vocabulary=400, enough=0.0):
    """Save a model of about 50,000 weights to a folder.

    texts: what the tokenizer learns its parts from. pairs: `(text, language, text, language)`
    that the model is trained on, for `steps`, or until its loss is below `enough`.
    """
    folder = str(folder)
    tokenizer = _tokenizer(texts, vocabulary)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=size,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=2 * size,
        decoder_ffn_dim=2 * size,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        max_position_embeddings=128,
        scale_embedding=True,
        decoder_start_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = M2M100ForConditionalGeneration(config)
    if not pairs:  # as wide as trained weights, so that probabilities differ
        with torch.no_grad():
            for weights in model.parameters():
                weights.mul_(3.0)
    else:
        _train(model, tokenizer, pairs, steps, enough)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_endless_nllb(folder, texts, *, vocabulary=400, device="cpu", **sizes):
    """Save a random NLLB that ends no translation before its limit; returns the folder.

    `sizes` are fields of M2M100Config; `vocab_size` may exceed what the tokenizer learns, and is
    filled up with words that no text has. The special tokens' embeddings, which are also the
    weights of their logits, are 0, so that some other token is always likelier. The weights are
    drawn on `device`.
    """
    tokenizer = _tokenizer(texts, vocabulary, sizes.get("vocab_size", 0))
    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id,
               "eos_token_id": tokenizer.eos_token_id,
               "decoder_start_token_id": tokenizer.eos_token_id}  # fmt: skip
    shape = {"vocab_size": len(tokenizer), "scale_embedding": True, **sizes, **special}
    torch.manual_seed(1)
    with torch.device(device):
        model = M2M100ForConditionalGeneration(M2M100Config(**shape)).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer.all_special_ids] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _tokenizer(texts, vocabulary, whole=0):
    """A BPE tokenizer; its vocabulary is filled up to `whole` entries, if that is more."""
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.normalizer = normalizers.NFKC()
    learner.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=specials, show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    import json

    state = json.loads(learner.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in state["merges"]]
    vocab = state["vocab"]
    while len(vocab) < whole - len(LANGUAGES) - 1:  # <mask> is added too
        vocab[f"▁unused{len(vocab)}"] = len(vocab)
    return NllbTokenizer(
        vocab=vocab, merges=merges, extra_special_tokens=[*LANGUAGES], src_lang="eng_Latn"
    )


def _train(model, tokenizer, pairs, steps, enough):
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id

    def ids(text, language):
        own = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [tokenizer.convert_tokens_to_ids(language), *own, end]

    def rectangle(rows, filler):
        longest = max(map(len, rows))
        return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])

    sources = rectangle([ids(p[0], p[1]) for p in pairs], pad)
    labels = rectangle([ids(p[2], p[3]) for p in pairs], -100)
    model.train()
    for _ in range(steps):
        loss = model(input_ids=sources, attention_mask=sources != pad, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < enough:
            break
    model.eval()
