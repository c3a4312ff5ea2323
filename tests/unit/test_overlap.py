"""Threads that read ahead and write behind."""

import threading
from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xner
from xner import write
from xner.overlap import ahead, behind, in_order


def threads():
    own = ("xner-read", "xner-work", "xner-write")
    return [t for t in threading.enumerate() if t.name.startswith(own)]


def test_items_come_in_order_and_only_a_few_in_advance():
    made = []

    def numbers():
        for i in range(9):
            made.append(i)
            yield i

    items = ahead(numbers(), depth=2)
    assert next(items) == 0
    assert len(made) <= 3
    assert list(items) == list(range(1, 9))
    assert not threads()


def test_results_come_in_order_and_only_a_few_items_wait():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    results = in_order(lambda i: i * i, items(), 3)
    assert next(results) == 0
    assert len(taken) <= 4
    assert list(results) == [i * i for i in range(1, 20)]
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda i: 1 // i, [1, 0, 1], 2))
    assert not threads()


def test_an_error_while_reading_comes_after_the_items_before_it():
    def broken():
        yield 1
        raise xner.InputError("row 2")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(xner.InputError, match="row 2"):
        next(items)
    assert not threads()


def test_the_thread_ends_with_an_abandoned_generator():
    items = ahead(count())
    assert next(items) == 0
    items.close()
    assert not threads()


def test_items_are_consumed_in_order_and_only_a_few_wait():
    done = []
    ready = threading.Event()

    def slow(item):
        ready.wait()
        done.append(item)

    def numbers():
        for i in range(9):
            if i == 3:
                assert not done
                ready.set()
            yield i

    behind(slow, numbers(), depth=3)
    assert done == list(range(9))


def test_an_error_while_writing_ends_the_work():
    made = []

    def numbers():
        for i in count():
            made.append(i)
            yield i

    def full(item):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        behind(full, numbers())
    assert len(made) < 6
    assert not threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt, xner.InputError])
def test_an_interrupted_run_leaves_no_file(tmp_path, error):
    def batches():
        yield pa.record_batch({"id": ["a"]})
        raise error("stop")

    with pytest.raises(error):
        write.write_batches(tmp_path / "out.parquet", batches())
    assert not list(tmp_path.iterdir())


def test_only_strings_that_repeat_have_a_dictionary(tmp_path):
    table = pa.table(
        {
            "id": ["a", "b"],
            "source_tokens": [["x"], ["y", "x"]],
            "target_tokens": [["x"], ["y", "x"]],
            "links": [[{"source": 0, "target": 0, "weight": 0.5}], []],
        }
    )
    xner.Corpus.from_table(table).write(tmp_path / "out.parquet")
    group = pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    assert [c.path_in_schema for c in columns if c.has_dictionary_page] == [
        "source_tokens.list.element",
        "target_tokens.list.element",
    ]
    assert {c.compression for c in columns} == {"ZSTD"}
    assert [c.path_in_schema for c in columns if c.is_stats_set] == ["id"]
