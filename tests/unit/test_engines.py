"""Parts that threads of this process make at the same time, and their memory."""

import platform
import subprocess
import sys
import threading
import time

import pytest

from xner.cli.memory import one_heap
from xner.jobs.engines import AT_ONCE, Local
from xner.kernels.blocks import threads


class Task:
    """Reads, then computes; notes what happened."""

    name, costly, threaded = "task", False, True

    def __init__(self, fails=()):
        self.fails, self.running, self.most, self.made = fails, 0, 0, []
        self.lock = threading.Lock()

    def load(self):
        return self.run

    def run(self, part, tell, was_read):
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.lock.acquire(blocking=False), "two parts are read at the same time"
        time.sleep(0.002)
        self.lock.release()
        if part in self.fails:
            self.running -= 1
            raise ValueError(f"part {part}")
        was_read()
        tell("task", 0.5)
        time.sleep(0.005)
        tell("task", 1.0)
        self.made.append(part)
        self.running -= 1


def run(task, parts=range(2, 12), count=2):
    heard = []
    with threads(count):
        Local().run(task, list(parts), 12, lambda stage, share: heard.append(share))
    return heard


@pytest.mark.parametrize(("count", "threaded"), [(1, True), (2, False), (4, True)])
def test_parts_overlap_but_are_read_in_order(count, threaded):
    task = Task()
    task.threaded = threaded
    heard = run(task, count=count)
    assert sorted(task.made) == list(range(2, 12))
    assert task.most == (AT_ONCE if count > 1 and threaded else 1)
    assert heard == sorted(heard)
    assert (heard[0] > 2 / 12, heard[-1]) == (True, 1.0)


def test_an_error_ends_the_run_and_no_later_part_begins():
    task = Task(fails=(5,))
    with pytest.raises(ValueError, match="part 5"):
        run(task)
    assert sorted(task.made) == [2, 3, 4]


def test_the_error_of_the_first_part_is_raised():
    class Late(Task):
        def run(self, part, tell, was_read):
            was_read()
            time.sleep(0.03 if part == 4 else 0.001)
            if part in self.fails:
                raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 4"):
        run(Late(fails=(4, 5)))


def test_nothing_is_loaded_for_a_finished_step():
    assert run(Finished(), parts=[]) == [1.0]


class Finished(Task):
    def load(self):
        raise AssertionError("nothing is missing")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the C library glibc")
def test_all_threads_and_arrow_share_one_heap():
    assert one_heap()
    code = "from xner.cli.memory import one_allocator as one; one(); import pyarrow as pa; "
    code += "print(pa.default_memory_pool().backend_name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "system\n"
