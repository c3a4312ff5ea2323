"""How kernels are compiled. All decorators keep the signature, so that mypy checks calls.

The first use of xner compiles kernels, and the time for it grows with their statements, the arrays
of their records, and the types that each function is called with. So

* kernels make no arrays: what calls them, in plain Python, gives them room. Numba then counts no
  references to arrays, which would also take most of the time of loops over records;
* a function has the same types of arguments everywhere, else Numba compiles it for each of them. A
  literal is a type of its own: `at = np.int64(0)`, not `at = 0`, if `at` is an argument later;
* only kernels become machine code (`xner.kernels.compiler`).

Divisors in kernels are above 0, so `error_model` turns off the checks for division by 0.
"""

import gc
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core.registry import CPUDispatcher

from xner.kernels.cache import cache_of
from xner.kernels.compiler import PART

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function that Python calls and that makes no arrays; it is cached on disk."""
    return _saved(function, njit(**_OPTIONS, _nrt=False)(function))


def inner(function: Function) -> Function:
    """Compile a function that only kernels call and that makes no arrays.

    It has neither a wrapper for Python nor a cache of its own: LLVM inserts it into the kernels
    that call it, because a call would copy every array of a record.
    """
    compiled: Function = njit(**_PART, _nrt=False, forceinline=True)(function)
    return compiled


def allocating_kernel(function: Function) -> Function:
    """Compile a kernel that makes arrays of sizes that only it finds out."""
    return _saved(function, njit(**_OPTIONS)(function))


def allocating(function: Function) -> Function:
    """Compile a function that only such kernels call, and that makes arrays or calls one."""
    compiled: Function = njit(**_PART)(function)
    return compiled


_OPTIONS = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
_PART = {**_OPTIONS, "no_cpython_wrapper": True, **PART}


def _saved(function: Function, compiled: Any) -> Function:
    """Keep a compiled kernel on disk."""
    if isinstance(compiled, CPUDispatcher):
        compiled.compile = _uncollected(compiled.compile)
        if (saved := cache_of(function)) is not None:
            compiled._cache = saved
    kept: Function = compiled
    return kept


def _uncollected(compile_types: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Compile without looking for garbage: most objects stay, and the search takes a tenth."""

    def compile_without(types: Any) -> Any:
        collecting = gc.isenabled()
        gc.disable()
        try:
            return compile_types(types)
        finally:
            if collecting:
                gc.enable()

    return compile_without
