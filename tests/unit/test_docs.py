"""README.md and docs/: blocks parse, links lead somewhere, figures are those of the results pages.

`pytest docs` runs the blocks, and .ci/run builds the site.
"""

import re

import pytest

import xner
from tests.blocks import LANGUAGES, ROOT, blocks, pages, parse

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="not a checkout")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_code_blocks_parse(page):
    text = page.read_text("utf-8")
    assert not re.search(r"^    (xner|pip|python) ", text, re.MULTILINE), (
        "put commands between fences"
    )
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{block}: name the language of the block"
        parse(block)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    figures = pytest.importorskip("benchmarks.figures")
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)(?:\s[^)]*)?\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in map(figures.slug, heads), f"{page.name} links to {target}"


def test_the_reference_has_every_public_name():
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    listed = re.findall(r"^\.\. auto\w+:: xner\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(set(xner.__all__) - {"__version__"})
