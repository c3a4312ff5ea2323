"""Write distinct sentence pairs of real text and its recombinations, for benchmarks of scale.

    python -m benchmarks.scale_data 1000000 pairs.parquet
    python -m benchmarks.scale_data 1000000 mixed.parquet --languages de es fr sw yo xh

The pairs are all pairs of the bitexts of the languages, though at most half of the rows, and pairs
made from them by `benchmarks.recombine`, in random order. The file has the columns `id`,
`source_tokens` (English), `source_entities` and `target_tokens`. No two rows have the same words
on both sides. The same arguments give the same file.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import xner
from benchmarks import common
from benchmarks.recombine import Bitext, Block, Hashes
from xner.columns import BATCH

LANGUAGES = ("de", "es", "fr", "sw", "yo", "xh")
_TRANSLATED = {"sw": "swa", "yo": "yor", "xh": "xho"}
_TRIES = 100
"""Blocks in a row that may add nothing before the bitext counts as exhausted."""


class Statistics(NamedTuple):
    """What was written, at some number of pairs."""

    pairs: int
    made: int
    real: int
    tokens: tuple[int, int]
    types: tuple[int, int]


def bitext(language: str, data: Path) -> Bitext:
    """Read the bitexts of English and a language, with links.

    Uses the AWESOME links of conll-mt and ABSA, and the native aligner for the translations of
    masakhaner2, which have no links.
    """
    tables = []
    for split in ("train", "test"):
        if language in ("de", "es"):
            folder = data / "conll-mt"
            links = folder / f"en-{language}.{split}.awesome.align"
            source, target = folder / f"en.{split}.conll", folder / f"{language}.{split}.txt"
            tables.append(xner.read(source, target, links=links, docstart="keep").table)
        if language in ("es", "fr"):
            folder = data / "absa"
            links = folder / f"en-{language}.{split}.awesome.align"
            source, target = folder / f"en.{split}.conll", folder / f"{language}.{split}.conll"
            tables.append(xner.read(source, target, links=links).table)
    if code := _TRANSLATED.get(language):
        folder = data / "masakhaner2" / f"en-{code}"
        pairs = xner.read(folder / "en.conll", folder / f"{code}.t-projection.conll")
        tables.append(xner.align(pairs).table)
    columns = ["source_tokens", "source_entities", "target_tokens", "links"]
    table = pa.concat_tables([t.select(columns).replace_schema_metadata() for t in tables])
    kept = [
        source != ["-DOCSTART-"] and bool(source) and bool(target)
        for source, target in zip(
            table["source_tokens"].to_pylist(), table["target_tokens"].to_pylist(), strict=True
        )
    ]
    return Bitext(table.filter(pa.array(kept)), language)


class Seen:
    """A growing set of 64-bit hashes."""

    def __init__(self) -> None:
        self.sorted: Hashes = np.zeros(0, np.uint64)

    def __len__(self) -> int:
        return len(self.sorted)

    def new(self, hashes: Hashes) -> np.ndarray:
        """Add hashes; return the places of those that were not in the set, each once."""
        values, first = np.unique(hashes, return_index=True)
        at = np.searchsorted(self.sorted, values)
        known = np.zeros(len(values), bool)
        inside = at < len(self.sorted)
        known[inside] = self.sorted[at[inside]] == values[inside]
        self.sorted = np.insert(self.sorted, at[~known], values[~known])
        return np.sort(first[~known])


class Generator:
    """Distinct pairs of some bitexts, block by block.

    Attributes:
        statistics: counts at each power of ten and at the end, complete after `batches`.
    """

    def __init__(self, bitexts: Sequence[Bitext], rows: int, seed: int) -> None:
        self._bitexts, self._rows = bitexts, rows
        self._rng = np.random.default_rng(seed)
        self._pairs, self._types = Seen(), (Seen(), Seen())
        pairs = sum(text.pairs for text in bitexts)
        self._weights = np.array([text.pairs / pairs for text in bitexts])
        self._real_share = min(0.5, pairs / rows)
        self._unused = [self._rng.permutation(text.pairs) for text in bitexts]
        self._made = self._real = 0
        self._tokens = np.zeros(2, np.int64)
        self.statistics: list[Statistics] = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield `rows` pairs in batches of at most `BATCH`.

        Raises:
            SystemExit: the bitexts are too small for so many distinct pairs.
        """
        done = tries = 0
        marks = {10**power for power in range(4, 10)} | {self._rows}
        while done < self._rows:
            mark = min(mark for mark in marks if mark > done)
            batch = self._next(min(BATCH, mark - done))
            tries = 0 if batch.num_rows else tries + 1
            if tries == _TRIES:
                raise SystemExit(f"these bitexts give only {done:,} distinct pairs; add languages")
            ids = pa.array(map(str, range(done, done + batch.num_rows)), pa.string())
            done += batch.num_rows
            if done == mark:
                self._note(done)
            yield batch.add_column(0, "id", ids)

    def _note(self, pairs: int) -> None:
        tokens = int(self._tokens[0]), int(self._tokens[1])
        types = len(self._types[0]), len(self._types[1])
        self.statistics.append(Statistics(pairs, self._made, self._real, tokens, types))

    def _next(self, rows: int) -> pa.RecordBatch:
        """Make `rows` pairs in random order and keep those that are new."""
        blocks = []
        for number, count in enumerate(self._rng.multinomial(rows, self._weights)):
            text = self._bitexts[number]
            wanted = self._rng.binomial(count, self._real_share)
            real, self._unused[number] = np.split(self._unused[number], [wanted])
            blocks.append(text.real(real))
            blocks.append(text.recombined(count - len(real), self._rng))
            self._real += len(real)
        return self._distinct(blocks)

    def _distinct(self, blocks: Sequence[Block]) -> pa.RecordBatch:
        pairs = pa.Table.from_batches([block.pairs for block in blocks]).combine_chunks()
        hashes = np.concatenate([block.hashes for block in blocks])
        order = self._rng.permutation(len(hashes))
        self._made += len(order)
        kept = order[self._pairs.new(hashes[order])]
        for side in (0, 1):
            self._types[side].new(np.concatenate([block.types[side] for block in blocks]))
        batch = pairs.to_batches()[0].take(pa.array(kept))
        self._tokens += [len(batch[f"{side}_tokens"].flatten()) for side in ("source", "target")]
        return batch


def write(
    path: Path, bitexts: Sequence[Bitext], rows: int, seed: int = 20260101
) -> list[Statistics]:
    """Write `rows` distinct pairs to a Parquet file; return statistics at growing sizes."""
    generator = Generator(bitexts, rows, seed)
    writer = None
    for batch in generator.batches():
        if writer is None:
            writer = pq.ParquetWriter(path, batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer is not None:
        writer.close()
    return generator.statistics


def report(statistics: Sequence[Statistics]) -> str:
    """Describe the pairs in a table."""
    lines = [
        [
            f"{at.pairs:,}",
            f"{at.real:,}",
            f"{at.tokens[0]:,}",
            f"{at.tokens[1]:,}",
            f"{at.types[0]:,}",
            f"{at.types[1]:,}",
            f"{at.pairs / at.made:.1%}",
        ]
        for at in statistics
    ]
    head = ["pairs", "real pairs", "source tokens", "target tokens", "source types", "target types"]
    return common.markdown([*head, "distinct, of those made"], lines)


def main() -> None:
    """Write a file and print its statistics."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("rows", type=int, help="number of pairs")
    options.add_argument("output", type=Path, help="Parquet file to write")
    options.add_argument(
        "--languages", nargs="+", choices=LANGUAGES, default=["de"],
        help="target languages, mixed in proportion to their bitexts (default: de)",
    )  # fmt: skip
    options.add_argument("--seed", type=int, default=20260101, help="default: %(default)s")
    given = options.parse_args()
    begin = perf_counter()
    bitexts = [bitext(language, given.data) for language in given.languages]
    middle = perf_counter()
    statistics = write(given.output, bitexts, given.rows, given.seed)
    seconds = perf_counter() - middle
    print(report(statistics))
    print(
        f"\n{middle - begin:.1f} s to read, {seconds:.1f} s to make and write: "
        f"{given.rows / seconds:,.0f} pairs/s"
    )


if __name__ == "__main__":
    main()
