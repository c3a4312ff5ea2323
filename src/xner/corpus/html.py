"""Sentence pairs in notebooks: source above target, entities coloured, links as lines.

The figure is an SVG whose words have computed places, because HTML cannot draw lines between
words without a script. `textLength` fits every word into its place in any font.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from html import escape
from itertools import islice
from unicodedata import bidirectional, combining, east_asian_width

from xner.corpus.base import Corpus
from xner.corpus.sentence import Entity, Sentence

SHOWN = 10
"""Sentences of a corpus that are shown."""
_CELL, _GAP, _LINE, _BETWEEN = 8, 8, 22, 44
_BELOW = 16
"""Height of a row of labels."""
_HUES = (210, 30, 140, 280, 340, 180, 60, 0)
_STYLE = """<style>
.xner { --ink: #1b1f24; --line: #8b949e; --paper: #ffffff; --tint: 88%; --name: 30%;
  color: var(--ink); background: var(--paper); overflow-x: auto; font: 14px monospace;
  margin: 0 0 1em; }
.xner svg { margin-bottom: 12px; }
@media (prefers-color-scheme: dark) { .xner { --ink: #e6edf3; --line: #7d8590; --paper: #0d1117;
  --tint: 28%; --name: 78%; } }
[data-jp-theme-light="true"] .xner { --ink: #1b1f24; --line: #8b949e; --paper: #ffffff;
  --tint: 88%; --name: 30%; }
[data-jp-theme-light="false"] .xner { --ink: #e6edf3; --line: #7d8590; --paper: #0d1117;
  --tint: 28%; --name: 78%; }
.xner text { fill: var(--ink); font: 14px monospace; text-anchor: middle; }
.xner line { stroke: var(--line); }
.xner rect { fill: hsl(var(--hue) 70% var(--tint)); }
.xner .label { fill: hsl(var(--hue) 60% var(--name)); font-size: 10px; }
</style>"""


def corpus_html(corpus: Corpus) -> str:
    """The first sentences of a corpus, and how many there are."""
    return sentence_html(list(islice(corpus, SHOWN)), f"{corpus!r:.200}")


def sentence_html(sentences: Sequence[Sentence], title: str = "") -> str:
    """Sentences as HTML; all text is escaped."""
    head = f"<p>{escape(title)}</p>" if title else ""
    return f'{_STYLE}<div class="xner">{head}{"".join(map(_pair, sentences))}</div>'


def _pair(sentence: Sentence) -> str:
    """One sentence: its sides, and the links between them."""
    sides = [side for side in ("source_", "target_", "") if f"{side}tokens" in sentence.row]
    lines = [_Line(sentence, side) for side in sides]
    width = max((line.width for line in lines), default=0)
    drawn, bottom, top = [], 0, 0
    for place, line in enumerate(lines):
        top = bottom + (_BETWEEN if place else 0)
        drawn.append(line.svg(top, width))
        bottom, edge = top + line.height, bottom
        if place:
            drawn += _links(sentence, lines, edge, top, width)
    name = "" if sentence.id is None else f"<div>{escape(sentence.id)}</div>"
    spoken = escape(repr(sentence), quote=True)
    return (
        f'<div dir="auto">{name}<svg role="img" aria-label="{spoken}" width="{width}" '
        f'height="{bottom + 4}">{"".join(drawn)}</svg></div>'
    )


def _links(
    sentence: Sentence, lines: Sequence[_Line], top: int, bottom: int, width: int
) -> list[str]:
    """Lines from source words to target words; a weight is an opacity."""
    above, below = lines
    return [
        f'<line x1="{above.middle(link.source, width)}" y1="{top}" '
        f'x2="{below.middle(link.target, width)}" y2="{bottom}" '
        f'stroke-opacity="{max(0.25, min(1.0, link.weight)):.2f}"/>'
        for link in sentence.links
    ]


class _Line:
    """The words of one side, from left to right or from right to left.

    Attributes:
        width, height: in pixels.
    """

    def __init__(self, sentence: Sentence, prefix: str) -> None:
        self.words: list[str] = sentence.row[f"{prefix}tokens"] or []
        self.entities = sentence._entities(prefix)
        self._levels = _levels(self.entities)
        self._widths = [_CELL * max(1, sum(map(_cells, word))) for word in self.words]
        self._starts = [_GAP // 2]
        for wide in self._widths:
            self._starts.append(self._starts[-1] + wide + _GAP)
        self._rtl = _is_rtl(" ".join(self.words))
        self.width = self._starts[-1]
        self.height = _LINE + _BELOW * (1 + max(self._levels, default=-1))

    def middle(self, word: int, width: int) -> int:
        """The x of the middle of a word."""
        return self._x(self._starts[word] + self._widths[word] // 2, width)

    def _x(self, x: int, width: int) -> int:
        return width - x if self._rtl else x

    def svg(self, top: int, width: int) -> str:
        """The words, with a box and a label for every entity."""
        outer_first = sorted(zip(self.entities, self._levels, strict=True), key=lambda one: -one[1])
        boxes = [self._box(entity, level, top, width) for entity, level in outer_first]
        way = ' direction="rtl"' if self._rtl else ""
        words = [
            f'<text x="{self.middle(i, width)}" y="{top + 16}" textLength="{self._widths[i]}" '
            f'lengthAdjust="spacingAndGlyphs"{way}>{escape(word)}</text>'
            for i, word in enumerate(self.words)
        ]
        return "".join([*boxes, *words])

    def _box(self, entity: Entity, level: int, top: int, width: int) -> str:
        first, last = self._starts[entity.start], self._starts[entity.end] - _GAP
        left, right = sorted((self._x(first, width), self._x(last, width)))
        low = top + _LINE + _BELOW * level
        hue = _HUES[zlib.crc32(entity.label.encode()) % len(_HUES)]
        shown = f"{entity.label}" + ("" if entity.score is None else f" {entity.score:.2f}")
        return (
            f'<g style="--hue: {hue}"><rect x="{left - 2}" y="{top + 2}" rx="3" '
            f'width="{right - left + 4}" height="{low - top}" fill-opacity="0.6">'
            f"<title>{escape(shown)}</title></rect>"
            f'<text class="label" x="{(left + right) // 2}" y="{low + 11}">{escape(entity.label)}'
            f"</text></g>"
        )


def _levels(entities: Sequence[Entity]) -> list[int]:
    """The row of labels of each entity: below those of shorter ones that share words with it."""
    levels = dict.fromkeys(range(len(entities)), 0)
    order = sorted(levels, key=lambda i: entities[i].end - entities[i].start)
    for place, i in enumerate(order):
        one = entities[i]
        shared = [
            levels[j] + 1
            for j in order[:place]
            if one.start < entities[j].end and entities[j].start < one.end
        ]
        levels[i] = max(shared, default=0)
    return list(levels.values())


def _cells(character: str) -> int:
    """Columns that a character takes in a fixed-width font."""
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def _is_rtl(text: str) -> bool:
    """Whether the first letter of a text is of a script from right to left, as `dir="auto"`."""
    ways = (bidirectional(character) for character in text)
    return next((way for way in ways if way in ("L", "R", "AL")), "L") != "L"
