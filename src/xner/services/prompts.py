"""The instructions that services are given; docs/plugins.md shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

TRANSLATE = """\
You translate from {source} to {target}. You are given a JSON list of texts. Answer with a JSON \
list of their translations: as many as there are texts, in the same order, each of them text. \
Translate every text completely and on its own, and add nothing. Keep square brackets, and tags \
such as <a> and </a>, around the translation of the words that they enclose. Answer with the list \
alone."""

TAG = """\
You find named entities. You are given a JSON list of sentences, whose words are separated by \
spaces. Answer with a JSON list that has, for each sentence in the same order, the list of its \
entities from left to right: an object with "text", copied from the sentence without changes, and \
"label", which is one of: {labels}. A sentence without entities has an empty list. Answer with the \
list alone."""

LABELS = {
    "PER": "people",
    "ORG": "organisations",
    "LOC": "places",
    "MISC": "other names, such as nationalities, events and works",
}
"""The labels that a service is asked for by default, with their meaning."""


def to_translate(source: str, target: str) -> str:
    """The instructions to translate between two languages, given their English names."""
    return TRANSLATE.format(source=source, target=target)


def to_tag(labels: Iterable[str]) -> str:
    """The instructions to find the entities of these labels."""
    shown = (f"{name} ({LABELS[name]})" if name in LABELS else name for name in labels)
    return TAG.format(labels=", ".join(shown))


def digest(prompt: str) -> str:
    """Eight hex digits that identify instructions in signatures."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:8]
