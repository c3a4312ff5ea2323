"""Packages of the extra `real`, which tests skip without."""

from importlib.util import find_spec

import pytest


def needs(package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed; run: pip install 'xner[real]'")
