"""Fake stages: a translator by dictionary, a tagger by list, and a tagger that finds nothing."""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from xner.columns import ENTITIES, TOKENS
from xner.options import declare, option
from xner.stages import Columns, Stage
from xner.stages.tag import Tag
from xner.stages.translate import Translate


@dataclass
class Words:
    """Translates word by word."""

    table: dict
    calls: int = 0

    @property
    def signature(self):
        return f"words({len(self.table)})"

    def translate(self, texts, source, target):
        """Only the custom stage translates, with the table."""


@dataclass
class Names:
    """Tags words that it knows."""

    labels: dict
    tags = ()

    @property
    def signature(self):
        return f"names({'+'.join(sorted(self.labels))})"

    def tag(self, sentences):
        """Only the custom stage tags, with the labels."""


class FakeTranslate(Translate):
    """Fills a side with the translator's words."""

    def schema(self, corpus):
        return added(corpus.schema, {f"{self.fill}_tokens": TOKENS, "translation_outcome": TEXT})

    def batches(self, corpus, report):
        self.translator.calls += 1

        def more(row):
            words = [self.translator.table.get(word, word) for word in row[f"{self.given}_tokens"]]
            return {f"{self.fill}_tokens": words, "translation_outcome": "ok" if words else "empty"}

        return with_columns(corpus, more, self.schema(corpus))


class FakeTag(Tag):
    """Labels the words that the tagger knows."""

    def batches(self, corpus, report):
        labels = self.tagger.labels

        def more(row):
            words = enumerate(row[f"{self.side}_tokens"])
            return {
                f"{self.side}_entities": [
                    {"start": i, "end": i + 1, "label": labels[word]}
                    for i, word in words
                    if word in labels
                ]
            }

        return with_columns(corpus, more, self.schema(corpus))


@declare
class Nothing(Stage):
    """Finds no entity, and records the columns that it is given."""

    name: ClassVar[str] = "nothing"
    seen: ClassVar[list] = []

    side: str = option("target", "Side to tag.")

    @property
    def columns(self):
        uses = ("target_candidates", "target_probabilities", "target_tagset")
        return Columns(("target_tokens",), ("target_entities",), uses)

    def schema(self, corpus):
        return added(corpus.schema, {"target_entities": ENTITIES})

    def batches(self, corpus, report):
        self.seen.extend(corpus.columns)
        return with_columns(corpus, lambda row: {"target_entities": []}, self.schema(corpus))


TEXT = pa.string()


def added(schema, types):
    return pa.schema([*schema, *(pa.field(name, kind) for name, kind in types.items())])


def with_columns(corpus, more, schema):
    for batch in corpus.batches():
        rows = [{**row, **more(row)} for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pylist(rows, schema)
