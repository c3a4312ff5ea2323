"""Numba's cache on disk: damaged files are compiled again, and a read-only home is no obstacle."""

import gc
import importlib.util
import sys
import tempfile

import numba
import pytest
from numba.core.caching import CacheImpl

from xner.errors import XnerWarning
from xner.kernels import cache

MODULE = """
from xner.kernels.jit import inner, kernel

@inner
def plus(x, y):
    return x + y

@kernel
def twice(x: int) -> int:
    return plus(x, x)
"""

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A function that imports a new copy of a module with one kernel."""
    path = tmp_path / "twice.py"
    path.write_text(MODULE)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for cached in (cache._sources, cache._temporary_folder, cache._warn):
        cached.cache_clear()
        monkeypatch.setattr(cache, cached.__name__, cached)

    def imported():
        spec = importlib.util.spec_from_file_location("twice", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "twice", module)
        spec.loader.exec_module(module)
        return module.twice

    yield imported
    cache._temporary_folder.cache_clear()
    cache._warn.cache_clear()


def hits(kernel):
    return sum(kernel.stats.cache_hits.values())


def test_kernels_are_compiled_again_if_a_file_beside_them_changes(load, tmp_path):
    assert load()(2) == 4
    kernel = load()
    assert (kernel(2), hits(kernel)) == (4, 1)
    (tmp_path / "other.py").write_text("# a function that the kernel contains")
    cache._sources.cache_clear()
    kernel = load()
    assert (kernel(2), hits(kernel)) == (4, 0)


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 8]) + content[middle + 1 :]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [flip, lambda content: content[:20], lambda content: b""])
def test_a_damaged_file_is_compiled_again(load, tmp_path, suffix, damage):
    assert load()(3) == 6
    kept = load()
    assert (kept(3), hits(kept)) == (6, 1)
    (path,) = (tmp_path / "cache").rglob(f"*.{suffix}")
    path.write_bytes(damage(path.read_bytes()))
    again = load()
    assert (again(3), hits(again)) == (6, 0)
    kept = load()
    assert (kept(3), hits(kept)) == (6, 1)


def test_what_only_kernels_call_has_no_machine_code(load):
    kernel = load()
    assert (kernel(3), gc.isenabled()) == (6, True)
    (plus,) = kernel.py_func.__globals__["plus"].overloads.values()
    assert plus.library.get_pointer_to_function(plus.fndesc.llvm_func_name) == 0
    (twice,) = kernel.overloads.values()
    assert twice.library.get_pointer_to_function(twice.fndesc.llvm_func_name) != 0


def test_an_entry_of_another_signature_is_not_used(load, tmp_path):
    assert load()(3) == 6
    (integers,) = (tmp_path / "cache").rglob("*.nbc")
    content = integers.read_bytes()
    both = load()
    assert both(1.5) == 3.0
    (decimals,) = set((tmp_path / "cache").rglob("*.nbc")) - {integers}
    decimals.write_bytes(content)
    mixed = load()
    assert (mixed(1.5), hits(mixed)) == (3.0, 0)


@pytest.fixture
def read_only(monkeypatch):
    """Numba finds no folder but the one that is set."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(CacheImpl, "_locator_classes", CacheImpl._locator_classes[:1])


def test_without_a_writable_home_kernels_go_to_a_temporary_folder(load, read_only, tmp_path):
    with pytest.warns(XnerWarning, match="set NUMBA_CACHE_DIR") as told:
        assert load()(3) == 6
    assert len(told) == 1
    kept = load()
    assert (kept(3), hits(kept)) == (6, 1)
    assert numba.config.CACHE_DIR == ""
    (folder,) = tmp_path.glob("xner-numba-*")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_temporary_folder_that_others_can_write_to_is_not_used(load, read_only, tmp_path):
    with pytest.warns(XnerWarning, match="kept in"):
        load()
    (folder,) = tmp_path.glob("xner-numba-*")
    folder.chmod(0o777)
    cache._temporary_folder.cache_clear()
    with pytest.warns(XnerWarning, match="every run compiles"):
        assert load()(3) == 6


def test_a_full_disk_is_a_warning(load, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache._CheckedFiles, "_save_data", full)
    with pytest.warns(XnerWarning, match="No space left"):
        assert load()(3) == 6
