"""Run the code blocks of each page, in order, in a folder with the files that they read.

Not part of `pytest`, which only parses the blocks: run `python -m pytest docs`.
"""

from pathlib import Path

import pytest
from tests.blocks import ROOT, blocks, pages, run

import xner


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(page, working_folder):
    namespace = {"xner": xner, "Path": Path}
    for block in blocks(page):
        if block.file:
            Path(block.file).write_text(block.text, "utf-8")
    printed = ""
    for block in blocks(page):
        if block.output:
            shown = [line.split() for line in printed.splitlines()]
            for line in block.text.splitlines():
                assert line.split() in shown, f"{block}: {line} is not in\n{printed}"
        elif block.reason is None:
            printed = run(block, namespace)
