"""Numba's compiler for functions that only kernels call: no machine code of their own.

Numba optimises every function on its own and in every function that calls it, and makes machine
code of it each time, though only that of the kernel at the end of the chain ever runs. Here the
functions below a kernel stop at LLVM's cheap passes; the kernel's own compilation does the rest.

This relies on Numba's internals. With a version that was not tried, `PART` is empty, and these
functions are compiled as Numba does: with the same results, in more time.
"""

from typing import Any

from numba import version_info
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _NoMachineCode:
    """Stands for the code generator where Numba tells a function its environment."""

    def set_env(self, name: str, env: Any) -> None:
        """Ignore the environment: kernels set that of the functions that they contain."""


class _Part(JITCodeLibrary):  # type: ignore[misc, unused-ignore]
    """The LLVM module of a function, to be linked into those of kernels."""

    codegen = _NoMachineCode()

    def get_pointer_to_function(self, name: str) -> int:
        """Finish the module; 0 stands for no machine code."""
        self._ensure_finalized()
        return 0

    def _optimize_final_module(self) -> None:
        made = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
        )
        passes, *builder = made if isinstance(made, tuple) else (made,)  # no builder: Numba 0.61
        passes.run(self._final_module, *builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class PartCompiler(Compiler):  # type: ignore[misc, unused-ignore]
    """Compiles functions that only kernels call."""

    def __init__(self, typing: Any, target: Any, library: Any, *settings: Any) -> None:
        super().__init__(typing, target, library or _part_of(target), *settings)


def _part_of(target: Any) -> _Part:
    part = _Part(target.codegen(), "part of a kernel")
    part.enable_object_caching()
    return part


_TRIED = (0, 61), (0, 68)
PART: dict[str, Any] = (
    {"pipeline_class": PartCompiler} if _TRIED[0] <= version_info.short <= _TRIED[1] else {}
)
"""Options of functions that only kernels call."""
