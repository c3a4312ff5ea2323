"""A short run of the fuzzer, and what it reports when a reader fails."""

import os
import signal

import pytest
from benchmarks import fuzz

import xner


@pytest.fixture(autouse=True)
def as_before(tmp_path, monkeypatch):
    """Restore what a slice changes."""
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, handler)


def test_damaged_files_are_read_or_refused(tmp_path):
    tried, crashes = fuzz.run_slice(0, 400, tmp_path)
    assert crashes == {}
    assert tried.total() == 400
    assert {outcome for _, outcome in tried} == {"read", "refused"}


def test_crashes_are_found_by_number_and_place(tmp_path, monkeypatch):
    def broken(random, path):
        if random.random() < 0.1:
            os.kill(os.getpid(), signal.SIGKILL)
        if random.random() < 0.2:
            raise KeyError(path)
        raise xner.FormatError("refused")

    monkeypatch.setattr(fuzz, "KINDS", {"text": ("in.txt", lambda random: b"x", broken)})
    monkeypatch.setattr(fuzz, "WEIGHTS", (1,))
    tried, crashes = fuzz.run_apart(0, 60)
    assert tried.total() == 60
    assert tried["text", "refused"] > 0
    assert set(crashes) >= {"process killed with -9"}
    number = crashes["process killed with -9"]["number"]
    assert fuzz.run_apart(number, number + 1)[1].keys() == {"process killed with -9"}
