"""`xner doctor`: versions, hardware, extras, the folder of kernels, and a self-test."""

from __future__ import annotations

import argparse
from typing import Any

from xner.cli.command import Command
from xner.cli.terminal import facts, print_json
from xner.errors import XnerError


def run(options: argparse.Namespace) -> None:
    """Print what xner runs on, run the self-test, and fail if it fails."""
    from xner.cli.environment import extras, hardware, interpreter, kernel_cache, versions

    found = {
        "versions": versions(),
        "interpreter": interpreter(),
        **hardware(),
        "extras": extras(),
        "kernel_cache": kernel_cache(),
    }
    if not options.json:
        _show(found)
    checks = _tested(options)
    failed = [check["name"] for check in checks if not check["passed"]]
    if options.json:
        print_json({**found, "self_test": {"passed": not failed, "checks": checks}})
    if failed:
        raise XnerError(
            f"the self-test failed: {', '.join(failed)}; reinstall xner and numba, and report "
            f"this output if it happens again"
        )


def _tested(options: argparse.Namespace) -> list[dict[str, Any]]:
    from xner.cli.self_test import self_test

    checks = [check.as_dict() for check in self_test()]
    if not options.json:
        rows = [(check["name"], _result(check)) for check in checks]
        failed = sum(not check["passed"] for check in checks)
        result = f"{failed} checks failed" if failed else "all checks passed"
        facts("Self-test", rows, result, text=True)
    return checks


def _result(check: dict[str, Any]) -> str:
    word = "ok" if check["passed"] else "FAILED"
    return f"{word}: {check['detail']} ({check['seconds']:.1f} s)"


def _show(found: dict[str, Any]) -> None:
    held = [(name, version or "missing") for name, version in found["versions"].items()]
    facts("Versions", held, f"{found['interpreter']}\n", text=True)
    rows = [
        ("system", found["system"]),
        ("CPUs", f"{found['cpus']}; xner uses {found['threads']} threads"),
        ("memory", f"{_size(found['memory'])}, {_size(found['available_memory'])} available"),
        *(("device", device) for device in found["devices"]),
    ]
    facts("Hardware", rows, "", text=True)
    facts("Extras", [_extra_row(*item) for item in found["extras"].items()], "", text=True)
    cache = found["kernel_cache"]
    state = "writable" if cache["writable"] else "not writable: every run compiles"
    rows = [
        ("folder", cache["folder"] or "none"),
        ("state", f"{state}; {cache['files']:,} files, {cache['bytes'] / 2**20:.1f} MiB"),
    ]
    facts("Compiled kernels", rows, "", text=True)


def _extra_row(name: str, extra: dict[str, Any]) -> tuple[str, str]:
    if extra["installed"]:
        held = ", ".join(f"{package} {found}" for package, found in extra["packages"].items())
        return name, f"installed: {held}"
    missing = [package for package, found in extra["packages"].items() if found is None]
    return name, f"missing or too old: {', '.join(missing)}; run: {extra['install']}"


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.1f} GiB"


COMMAND = Command(
    "Print versions, hardware, extras and the folder of compiled kernels, and project a small "
    "corpus with every solver. Exit code 1 if a check fails.",
    "xner doctor",
    lambda command: None,
    run,
)
