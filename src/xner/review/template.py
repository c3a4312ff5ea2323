"""The page of a report: template, styles, scripts and data, joined into one file.

The content security policy names the styles and scripts by their hashes. Nothing else may run,
whatever the data holds, and the page cannot reach the network. The data is Base64 of compressed
JSON, so that no word of it is ever parsed as HTML.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

_FOLDER = files("xner.review") / "page"
STYLES = ("base.css", "frame.css", "sentences.css", "figures.css")
SCRIPTS = (
    "data.js", "edits.js", "filters.js", "sentence.js", "lines.js", "details.js", "list.js",
    "editing.js", "figures.js", "export.js", "keys.js", "main.js",
)  # fmt: skip


def render(data: dict[str, Any], title: str) -> str:
    """Return the HTML of a report.

    Args:
        data: what page/data.js reads.
        title: plain text.
    """
    style = "\n".join(_read(name) for name in STYLES)
    script = f'(() => {{\n"use strict";\n{chr(10).join(map(_read, SCRIPTS))}\n}})();\n'
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        f"base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": html.escape(policy),
        "title": html.escape(title),
        "style": style,
        "script": script,
        "data": _packed(data),
    }
    page = _read("page.html")
    head, *rest = page.split("{{")
    made = [head]
    for piece in rest:
        name, _, after = piece.partition("}}")
        made += [parts[name.strip()], after]
    return "".join(made)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _packed(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Lone surrogates cannot be encoded; the replacement is what browsers show for them.
    packed = gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)
    return base64.b64encode(packed).decode()
