"""The tests run in several processes; a file alone, and files of other folders, run in one."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent / "tests"
MOST = 4
"""Maximum number of processes; each imports torch and compiles kernels."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes for `-n auto`, which pyproject.toml sets."""
    folder = config.invocation_params.dir
    given = [Path(folder, name.partition("::")[0]).resolve() for name in config.args]
    tests = [path for path in given if path.is_relative_to(TESTS)]
    if len(tests) > 2 or any(path.is_dir() for path in tests):
        return min(os.cpu_count() or 1, MOST)
    config.option.dist = "no"
    return 0
