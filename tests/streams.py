"""Corpora whose batches are made when they are asked for, to measure what a stage holds."""

import pyarrow as pa

from xner.conforming import conform
from xner.corpus import Corpus

ROWS, BATCHES = 16, 20
NOTE = 1 << 16
"""Bytes of one column in each row: a batch takes 1 MiB, and all of them 20."""


class Stream(Corpus):
    """Copies of one table, batch by batch, and the most Arrow memory in use meanwhile."""

    def __init__(self, table, heavy="note"):
        self._made = table.slice(0, ROWS).combine_chunks().to_batches()[0]
        assert self._made.num_rows == ROWS
        self._heavy = heavy
        self._base = pa.total_allocated_bytes()
        self.most = 0
        super().__init__(self._each, ROWS * BATCHES, "stream", self._batch(0).schema)

    def _batch(self, number):
        columns = {name: self._made[name] for name in self._made.schema.names}
        ids = [f"{number}-{row}" for row in range(ROWS)]
        columns["id"] = pa.array(ids)
        columns[self._heavy] = pa.array([one + "." * NOTE for one in ids])
        return conform(pa.RecordBatch.from_pydict(columns))

    def _each(self):
        for number in range(BATCHES):
            yield self._batch(number)
            self.look()

    def look(self):
        """Note how much memory is in use."""
        self.most = max(self.most, pa.total_allocated_bytes() - self._base)

    @property
    def held(self):
        """About how many batches were in memory at once."""
        return self.most / (ROWS * NOTE)
