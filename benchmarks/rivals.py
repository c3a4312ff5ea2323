"""Run the unmodified packages simalign and awesome-align on lists of sentence pairs."""

import contextlib
import io
import logging
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Pair = tuple[list[str], list[str]]
LinkSets = list[set[tuple[int, int]]]
METHODS = {"argmax": "inter", "itermax": "itermax", "match": "mwmf"}


def simalign_links(
    folder: str, pairs: list[Pair], token_type: str, methods: str = "mai", device: str = "cpu"
) -> dict[str, LinkSets]:
    """Return links by xner's name of each method; both sides of a pair must have words."""
    aligner = simalign_model(folder, token_type, methods, device)
    found = [aligner.get_word_aligns(source, target) for source, target in pairs]
    return {
        ours: [set(links[theirs]) for links in found]
        for ours, theirs in METHODS.items()
        if theirs in found[0]
    }


def simalign_model(
    folder: str, token_type: str, methods: str, device: str = "cpu", layer: int = 8
) -> Any:
    """Create a `SentenceAligner`."""
    import simalign

    logging.getLogger("simalign.simalign").setLevel(logging.WARNING)
    return simalign.SentenceAligner(
        model=folder, token_type=token_type, matching_methods=methods, device=device, layer=layer
    )


def awesome_model(folder: str, device: str = "cpu", tokenizer: Any = None) -> tuple[Any, Any]:
    """Create the package's model with the weights of a BERT folder, and its tokenizer.

    The package reads only pytorch_model.bin, so the weights are copied; nothing else changes.
    `tokenizer` replaces the package's own, which is WordPiece.
    """
    import torch
    from awesome_align import modeling
    from awesome_align.configuration_bert import BertConfig
    from awesome_align.tokenization_bert import BertTokenizer
    from transformers import BertModel

    config = BertConfig.from_pretrained(folder)
    tokenizer = tokenizer or BertTokenizer.from_pretrained(folder, do_lower_case=False)
    tokenizer.max_len = config.max_position_embeddings
    modeling.PAD_ID = tokenizer.pad_token_id
    modeling.CLS_ID = tokenizer.cls_token_id
    modeling.SEP_ID = tokenizer.sep_token_id
    # Skip the random initialisation, which would be overwritten.
    modeling.BertPreTrainedModel._init_weights = lambda self, module: None
    model = modeling.BertForMaskedLM(config)
    weights = BertModel.from_pretrained(folder, add_pooling_layer=False).state_dict()
    missing, unexpected = model.bert.load_state_dict(weights, strict=False)
    assert not missing, missing
    assert all("position_ids" in name for name in unexpected), unexpected
    return model.to(torch.device(device)).eval(), tokenizer


def awesome_links(
    model: Any, tokenizer: Any, pairs: list[Pair], extraction: str, *,
    layer: int = 8, device: str = "cpu", batch_size: int = 32, workers: int = 0,
) -> LinkSets:  # fmt: skip
    """Return links of the package's `word_align`, which reads and writes files."""
    import torch
    from awesome_align.run_align import word_align

    with tempfile.TemporaryDirectory() as scratch:
        text, out = Path(scratch, "text"), Path(scratch, "links")
        text.write_text("".join(f"{' '.join(s)} ||| {' '.join(t)}\n" for s, t in pairs), "utf-8")
        args = Namespace(
            data_file=str(text), output_file=str(out), output_prob_file=None,
            output_word_file=None, num_workers=workers, batch_size=batch_size, align_layer=layer,
            extraction=extraction, softmax_threshold=0.001, device=torch.device(device),
        )  # fmt: skip
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            word_align(args, model, tokenizer)
        lines = out.read_text("utf-8").splitlines()
    return [
        {(int(i), int(j)) for i, j in (link.split("-") for link in line.split())} for line in lines
    ]


def package_links(aligner: Any, pairs: list[Pair]) -> list[Any]:
    """Run what simalign does for each pair."""
    return [aligner.get_word_aligns(source, target) for source, target in pairs]


def package_batches(model: Any, batches: list[Any], extraction: str, layer: int = 8) -> list[Any]:
    """Run what awesome-align does for each batch."""
    return [
        model.get_aligned_word(*b, "cpu", 0, 0, align_layer=layer, extraction=extraction, test=True)
        for b in batches
    ]


def awesome_batches(tokenizer: Any, pairs: list[Pair]) -> Iterator[tuple[Any, ...]]:
    """Create batches of 32 for the package's `get_aligned_word`."""
    import torch

    for begin in range(0, len(pairs), 32):
        ids: list[list[torch.Tensor]] = [[], []]
        words: list[list[list[int]]] = [[], []]
        for pair in pairs[begin : begin + 32]:
            for side, sentence in enumerate(pair):
                pieces = [tokenizer.tokenize(word) for word in sentence]
                flat = tokenizer.convert_tokens_to_ids([p for own in pieces for p in own])
                ids[side].append(
                    torch.tensor([tokenizer.cls_token_id, *flat, tokenizer.sep_token_id])
                )
                words[side].append([i for i, own in enumerate(pieces) for _ in own])
        padded = [
            torch.nn.utils.rnn.pad_sequence(
                own, batch_first=True, padding_value=tokenizer.pad_token_id
            )
            for own in ids
        ]
        yield (*padded, *words)
