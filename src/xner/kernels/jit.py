"""How kernels are compiled. Both decorators keep the signature, so that mypy checks calls.

Divisors in kernels are above 0, so `error_model` turns off the checks for division by 0, which
would make Numba count references to arrays in the innermost loops.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core.registry import CPUDispatcher

from xner.kernels.cache import cache_of

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function that Python calls: without the GIL, and cached on disk."""
    compiled: Function = njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)(function)
    if isinstance(compiled, CPUDispatcher) and (saved := cache_of(function)) is not None:
        compiled._cache = saved
    return compiled


def inner(function: Function) -> Function:
    """Compile a function that only kernels call.

    It has no wrapper for Python, which halves the time to compile it, and no cache of its own:
    it is part of the kernels that call it. LLVM optimises it again in every caller and in every
    caller of these, so deep chains of calls are slow to compile.
    """
    compiled: Function = njit(
        nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)
    return compiled


def inlined(function: Function) -> Function:
    """Insert a function that only kernels call into them, before compilation.

    For short functions in inner loops that take records: a call would count references to every
    array of the record.
    """
    compiled: Function = njit(inline="always", error_model="numpy")(function)
    return compiled


def uncounted(function: Function) -> Function:
    """Compile a function that only kernels call, and that makes no arrays.

    It counts no references to arrays, which takes most of the time of loops over records. What
    makes arrays, such as `np.empty`, belongs to the kernel that calls it.
    """
    compiled: Function = njit(
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        _nrt=False,
    )(function)
    return compiled
