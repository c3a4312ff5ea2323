"""What xner runs on: versions, hardware, extras and the folder of compiled kernels."""

from __future__ import annotations

import os
import platform
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xner._version import __version__

_REQUIRED = ("numpy", "numba", "llvmlite", "pyarrow", "scipy", "msgspec", "PyYAML", "rich")
_FOR_DEVELOPERS = ("dev", "docs", "test")
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[(?P<extras>[^]]*)\])?(?:\s*>=\s*(?P<least>[\d.]+))?"
)
_OF_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")
_CHECKOUT = Path(__file__).parents[3] / "pyproject.toml"
_MEMORY = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def versions() -> dict[str, str | None]:
    """The versions of xner, Python and the packages that xner requires; None if missing."""
    own = {"xner": __version__, "python": platform.python_version()}
    return {**own, **{name: version_of(name) for name in _REQUIRED}}


def version_of(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def hardware() -> dict[str, Any]:
    """CPUs, threads, memory in bytes, and the devices that torch can use."""
    from xner.kernels.blocks import thread_count

    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "threads": thread_count(),
        "memory": _memory(),
        "available_memory": _available(),
        "devices": _devices(),
    }


def _memory() -> int | None:
    """The memory of the machine, or of the container if that is less."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _CGROUP.read_text().strip() if _CGROUP.is_file() else ""
    return min(total, int(limit)) if limit.isdecimal() else total


def _available() -> int | None:
    lines = _MEMORY.read_text().splitlines() if _MEMORY.is_file() else []
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _devices() -> list[str]:
    """The devices that torch can use, each with its name and memory."""
    if find_spec("torch") is None:
        return ["cpu"]
    try:
        import torch

        gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        more = ["mps"] if torch.backends.mps.is_available() else []
    except Exception as error:  # a broken installation of torch or of a driver raises anything
        return ["cpu", f"torch cannot be used ({_first_line(error)})"]
    named = [f"cuda:{i}: {gpu.name}, {_size(gpu.total_memory)}" for i, gpu in enumerate(gpus)]
    return ["cpu", *named, *more]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def extras() -> dict[str, dict[str, Any]]:
    """The extras of xner.

    Returns:
        By extra: whether it is `installed`, the versions of its `packages` (None if missing or
        older than required), and the command that would `install` it.
    """
    declared = _declared()
    return {
        name: _extra(name, declared) for name in sorted(declared) if name not in _FOR_DEVELOPERS
    }


def _extra(name: str, declared: dict[str, list[str]]) -> dict[str, Any]:
    packages = {p: _recent(p, least) for p, least in _packages(name, declared)}
    return {
        "installed": None not in packages.values(),
        "packages": packages,
        "install": f"pip install 'xner[{name}]'",
    }


def _packages(extra: str, declared: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """The packages of an extra, each with its least version; those of nested extras too."""
    for requirement in declared.get(extra, []):
        found = _REQUIREMENT.match(requirement)
        if found is None:
            continue
        if found["name"] != "xner":
            yield found["name"], found["least"] or "0"
            continue
        for nested in (found["extras"] or "").split(","):
            yield from _packages(nested.strip(), declared)


def _recent(package: str, least: str) -> str | None:
    found = version_of(package)
    return found if found is not None and _numbers(found) >= _numbers(least) else None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version.partition("+")[0])]


def _declared() -> dict[str, list[str]]:
    """Requirements by extra: those of the checkout, or of the installed package."""
    if _CHECKOUT.is_file():
        project = tomllib.loads(_CHECKOUT.read_text("utf-8"))["project"]
        return dict(project["optional-dependencies"])
    try:
        return _by_extra(metadata.requires("xner") or ())
    except metadata.PackageNotFoundError:
        return {}


def _by_extra(requirements: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for requirement in requirements:
        package, _, marker = requirement.partition(";")
        if extra := _OF_EXTRA.search(marker):
            found.setdefault(extra[1], []).append(package.strip())
    return found


def kernel_cache() -> dict[str, Any]:
    """The folder of compiled kernels.

    Returns:
        `folder` (None if kernels are not kept), whether it is `writable`, its number of `files`
        and their `bytes`.
    """
    from xner.kernels.matching import match_greedily

    cache = getattr(match_greedily, "_cache", None)
    path = getattr(cache, "cache_path", None)
    if path is None:
        return {"folder": None, "writable": False, "files": 0, "bytes": 0}
    folder = Path(path)
    files = [f for f in folder.glob("*.nb?") if f.is_file()] if folder.is_dir() else []
    return {
        "folder": str(folder),
        "writable": os.access(folder, os.W_OK),
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }


def interpreter() -> str:
    """The path of the Python interpreter."""
    return sys.executable
