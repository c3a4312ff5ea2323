"""Sphinx settings: `python -m sphinx -W -c docs . build/site` builds the site.

The source folder is the root of the checkout, so that links from docs/ to the results pages and to
CONTRIBUTING.md are the same files on the site and on a page of the repository.
"""

import io
import os
import re
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from benchmarks.figures import FigureError, refreshed  # noqa: E402

from xner import __version__  # noqa: E402
from xner.cli import COMMANDS, parser  # noqa: E402

project = "xner"
author = "The xner authors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    *("docs/*.md", "benchmarks/results/*.md", "examples/README.md"),
    *("CONTRIBUTING.md", "CHANGELOG.md"),
]
exclude_patterns = [".*", "build", "dist", "src", "tests", "venv"]

# The anchors that GitHub gives to headings, so that links to them work in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# Lexers for blocks without a language would guess: such blocks are plain output.
highlight_language = "none"

# Docstrings write `code` in single backticks.
default_role = "literal"
napoleon_numpy_docstring = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"xner {release}"
html_copy_source = False
html_show_sphinx = False
html_extra_path = ["_site"]
html_theme_options = {
    "source_repository": "https://github.com/xner/xner/",
    "source_branch": "main",
    "source_directory": "",
}


def _fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Put figures of the results pages, and the help of commands, into a page."""
    try:
        source[0] = refreshed(source[0], (ROOT / page).parent)
    except FigureError as error:
        raise ExtensionError(f"{page}: {error}") from None
    # Links whose text is a file name show the title of the page instead.
    source[0] = re.sub(r"\[[\w/]+\.md\]\(([^()\s]+\.md(?:#[\w-]+)?)\)", r"[](\1)", source[0])
    if "<!-- commands -->" in source[0]:
        source[0] = source[0].replace("<!-- commands -->", _commands())


def _commands() -> str:
    """The help of every command, as `xner COMMAND --help-all` prints it."""
    os.environ |= {"COLUMNS": "90", "NO_COLOR": "1"}
    sections = []
    for name in COMMANDS:
        with redirect_stdout(io.StringIO()) as shown, suppress(SystemExit):
            parser(name, everything=True).parse_args([name, "--help"])
        sections.append(f"## xner {name}\n\n```text\n{shown.getvalue().strip()}\n```\n")
    return "\n".join(sections)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _fill_in)
