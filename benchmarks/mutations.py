"""Valid files of every format, and ways to damage them; for `benchmarks.fuzz`."""

import decimal
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from xner.columns import ENTITIES, LINKS
from xner.corpus import Corpus
from xner.errors import MissingExtraError

WORDS = ("Peter", "sees", "Kisumu", "São", "ሰላም", "2020-01-02", "-", "0", "'s", '"', "#", "\u200b")
LABELS = ("PER", "LOC", "B-X", "Ö")
SNIPPETS = (
    *(b"\x00", b"\r", b"\r\n", b"\n", b"\n\n", b"\t", b" ", b"\xff", b"\xc3", b"\xef\xbb\xbf"),
    *(b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\x0b", b"\x1f", b"-", b"--", b":", b"p", b"nan", b"inf"),
    *(b"1e999", b"-1", b"2147483647", b"2147483648", b"9223372036854775808", b"9" * 400, b"0x1"),
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b"null", b"true", b"[" * 2000, b"B-", b"O"),
    *(b"-DOCSTART-", b"# xner: empty sentence", b"# ", b"en:", b"!!python/object:os.system", b"*a"),
    *(b"&a ", b"<<: ", b"? ", b"%", b"---\n", b"1_000", b"0-0:", b"0-0:1e-400"),
)


def rows(random: Random) -> list[dict[str, Any]]:
    """A few valid rows with both sides, entities and links."""
    made = []
    for i in range(random.randint(1, 5)):
        sides = [[random.choice(WORDS) for _ in range(random.randint(1, 6))] for _ in range(2)]
        last = len(sides[0])
        spans = [
            {"start": s, "end": random.randint(s + 1, last), "label": random.choice(LABELS)}
            for s in random.sample(range(last), random.randint(0, min(2, last)))
        ]
        links = [
            {"source": random.randrange(last), "target": random.randrange(len(sides[1])),
             "weight": random.choice([1.0, 0.5, 1e-5])}
            for _ in range(random.randint(0, 4))
        ]  # fmt: skip
        made.append({"id": f"r{i}", "source_tokens": sides[0], "source_entities": spans,
                     "target_tokens": sides[1], "links": links, "note": i})  # fmt: skip
    return made


def conll(random: Random) -> bytes:
    """A valid CoNLL file."""
    sentences = []
    for row in rows(random):
        tags = [random.choice(["O", "O", "B-PER", "I-PER", "B-LOC"]) for _ in row["source_tokens"]]
        words = zip(row["source_tokens"], tags, strict=True)
        sentences.append("".join(f"{word}\t{tag}\n" for word, tag in words))
    if random.random() < 0.2:
        sentences.insert(0, "-DOCSTART-\tO\n")
    return ("\n".join(sentences) + "\n").encode()


def panx(random: Random) -> bytes:
    """A valid PAN-X file."""
    return b"".join(
        b"en:" + line if line.strip() else line for line in conll(random).splitlines(keepends=True)
    )


def text(random: Random) -> bytes:
    """A valid text file."""
    return "".join(" ".join(row["source_tokens"]) + "\n" for row in rows(random)).encode()


def links(random: Random) -> bytes:
    """A valid file of links for three pairs of three words."""
    kinds = ["{}-{}", "{}-{}:0.5", "{}-{}:1e-05"]
    lines = [
        " ".join(random.choice(kinds).format(*np.array(random.choices(range(3), k=2)))
                 for _ in range(random.randint(0, 5)))
        for _ in range(3)
    ]  # fmt: skip
    return "\n".join([*lines, ""]).encode()


def gold(random: Random) -> bytes:
    """A valid file of hand alignments."""
    return links(random).replace(b":0.5", b"").replace(b":1e-05", b"").replace(b"1-", b"1p")


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, -(2**63), 2**70, 1e308, 0.5, "", "x", "\x00"),
    *("2020-01-01", [], {}, [None], [[]], [{}], ["a", 1], {"start": 0}, ["\ud800"]),
    *([{"start": 0, "end": 1, "label": None}], [{"source": -1, "target": 2**40}]),
    *([{"source": 0, "target": 0, "weight": "x"}], [[["deep"]]], {"a": {"b": [1]}}, "a" * 5000),
    [{"start": 0, "end": 1, "label": "A", "x": 1}],
)  # fmt: skip


def _swap(random: Random, value: Any) -> Any:
    """Replace one value at a random depth."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        key = random.choice(list(value))
        changed = {**value, key: _swap(random, value[key])}
        if random.random() < 0.1:
            changed[random.choice(["tokens", "tags", "source_tags", "outcomes", "x"])] = value[key]
        return changed
    if isinstance(value, list) and value and random.random() < 0.8:
        i = random.randrange(len(value))
        return [*value[:i], _swap(random, value[i]), *value[i + 1 :]]
    return random.choice(ODD_VALUES)


def jsonl(random: Random) -> bytes:
    """JSON lines, some with odd values."""
    made: Any = rows(random)
    for _ in range(random.choice([0, 0, 1, 2])):
        made = _swap(random, made)
    lines = made if isinstance(made, list) else [made]
    return "".join(json.dumps(line) + "\n" for line in lines).encode("utf-8", "surrogatepass")


def _strings(random: Random, n: int) -> pa.Array:
    raw = pa.array([random.choice([b"a", b"\xff", "ö".encode()]) for _ in range(n)], pa.binary())
    return pa.StringArray.from_buffers(n, *raw.buffers()[1:])


def _odd_columns(n: int, random: Random) -> list[Callable[[], pa.Array]]:
    numbers = [random.choice([-1, 0, 1, 2**31 - 1, None]) for _ in range(n)]
    flat = _strings(random, n)
    one_each = pa.array(np.arange(n + 1, dtype=np.int32))
    odd_links = [[{"source": 0, "target": 0, "weight": w}] for w in [float("nan")] * n]
    lists = [[["a"], None][random.randrange(2)] for _ in range(n)]
    return [
        lambda: pa.array(numbers, pa.int64()),
        lambda: pa.array([2**40] * n),
        lambda: pa.nulls(n),
        lambda: flat,
        lambda: pa.ListArray.from_arrays(one_each, flat),
        lambda: pa.LargeListArray.from_arrays(pa.array(np.arange(n + 1)), flat),
        lambda: pa.array(lists, pa.list_(pa.large_string())),
        lambda: pa.array([["a", None]] * n, pa.list_(pa.string(), 2)),
        lambda: pa.array([[("a", "b")]] * n, pa.map_(pa.string(), pa.string())),
        lambda: pa.array(["a"] * n).dictionary_encode(),
        lambda: pa.ListArray.from_arrays(one_each, pa.array(["a"] * n).dictionary_encode()),
        lambda: pa.array([b"\xff"] * n),
        lambda: pa.array([[b"\xff"]] * n),
        lambda: pa.array([decimal.Decimal("1.5")] * n),
        lambda: pa.array([1] * n, pa.date32()),
        lambda: pa.array([1] * n, pa.timestamp("ns", "UTC")),
        lambda: pa.array([1] * n, pa.duration("ms")),
        lambda: pa.array([float("nan")] * n, pa.float16()),
        lambda: pa.array(odd_links, LINKS),
        lambda: pa.array([[None]] * n, random.choice([LINKS, ENTITIES])),
        lambda: pa.array([[{"start": 0, "end": 2**31 - 1, "label": ""}]] * n, ENTITIES),
        lambda: pa.array([[{"start": -1, "end": 1}]] * n),
        lambda: pa.array([[[0.5, 2.0]]] * n),
        lambda: pa.array([{"a": 1}] * n),
        lambda: pa.array([[[["a"]]]] * n),
        lambda: pa.array([True, False] * n)[:n],
    ]


NAMES = (
    *("source_tokens", "target_tokens", "source_entities", "links", "id", "note", "tokens"),
    *("target_candidates", "source_text", "source_offsets", "source_tagset", "source_tags"),
    *("source_probabilities", "outcomes", "target_entities", "solution", "xner.fault", ""),
)


def table(random: Random) -> pa.Table:
    """An Arrow table, some of whose columns have odd types and values."""
    made = pa.Table.from_pylist(rows(random))
    for _ in range(random.choice([0, 0, 1, 1, 2, 3])):
        name = random.choice(NAMES)
        array = random.choice(_odd_columns(made.num_rows, random))()
        if name in made.column_names and random.random() < 0.95:
            made = made.set_column(made.column_names.index(name), name, array)
        else:
            made = made.append_column(name, array)
    first = random.randrange(made.num_rows) if random.random() < 0.2 else 0
    return made.slice(first)


def parquet(random: Random) -> bytes:
    """A Parquet file with a table of `table`."""
    sink = io.BytesIO()
    pq.write_table(
        table(random),
        sink,
        compression=random.choice(["none", "snappy", "zstd", "gzip"]),
        row_group_size=random.choice([1, 2, 100]),
        use_dictionary=random.random() < 0.5,
        data_page_version=random.choice(["1.0", "2.0"]),
    )
    return sink.getvalue()


def _corpus(random: Random) -> Corpus:
    """A corpus of `rows`, with labels on both sides."""
    made = rows(random)
    for row in made:
        row["target_entities"] = [{"start": 0, "end": 1, "label": random.choice(LABELS)}]
    return Corpus.from_table(pa.Table.from_pylist(made))


def written(name: str, random: Random) -> bytes:
    """A valid file of a format, as xner writes it; empty if its package is missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        try:
            _corpus(random).write(path, format=name)
        except MissingExtraError:
            return b""
        return path.read_bytes()


def brat(random: Random) -> bytes:
    """A text and annotations of brat, with a separator between them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        _corpus(random).write(path, format="brat")
        text, annotations = (path / "00001.txt").read_bytes(), (path / "00001.ann").read_bytes()
    more = random.choice([b"", b"T9\tX 0 1;2 3\tx\n", b"R1\tX Arg1:T1\n", b"#1\tNote T1\tx\n"])
    return b"\x1d".join([text, annotations + more])


def compressed(random: Random) -> bytes:
    """JSON lines, compressed."""
    return gzip.compress(jsonl(random), mtime=0)


@cache
def dataset_folder() -> str:
    """A folder with a saved dataset."""
    path = Path(tempfile.mkdtemp()) / "dataset"
    _corpus(Random(0)).write(path, format="hf")
    return str(path)


def dataset(random: Random) -> bytes:
    """The Arrow file of a saved dataset; empty if the package datasets is missing."""
    try:
        return (Path(dataset_folder()) / "data-00000-of-00001.arrow").read_bytes()
    except MissingExtraError:
        return b""


def experiment(random: Random) -> bytes:
    """An experiment file, some of whose values are odd."""
    made: Any = {
        "output": "out",
        "languages": {"de": {"source": "a.conll", "gold": "a.conll"}},
        "pipelines": ["project", {"pipeline": "project", "name": "x", "project": {"max_span": 3}}],
        "aligners": {"native": {"seed": 1}, "given": {"links": "c.align", "optional": True}},
        "seeds": [1, 2],
        "bootstrap": {"samples": 10, "level": 0.9},
        "groups": {"g": ["de"]},
        "stages": {"project": {"score": {"overlap": 1.0}, "method": "exact"}},
    }
    for _ in range(random.choice([1, 1, 2, 3])):
        made = _swap(random, made)
    written: str = yaml.safe_dump(made, allow_unicode=random.random() < 0.5)
    return written.encode("utf-8", "replace")


def damaged(random: Random, content: bytes, other: bytes) -> bytes:
    """Change a file at a few places.

    Args:
        random: decides.
        content: the file.
        other: another file, to take parts from.
    """
    made = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 6])):
        at = random.randrange(len(made) + 1)
        end = min(len(made), at + random.choice([1, 1, 4, 32]))
        kind = random.randrange(8)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            made[at:end] = random.choice(SNIPPETS)
        elif kind == 2:
            made[at:at] = random.choice(SNIPPETS)
        elif kind == 3:
            del made[at:end]
        elif kind == 4:
            made[at:at] = made[at:end] * random.choice([1, 2, 50])
        elif kind == 5 and other:
            first = random.randrange(len(other))
            made[at:end] = other[first : first + random.choice([1, 8, 64])]
        elif kind == 6:
            made[at:end] = bytes(random.randrange(256) for _ in range(end - at))
        elif random.random() < 0.3:
            del made[at:]
    return bytes(made)
