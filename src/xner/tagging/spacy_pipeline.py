"""Tagging with a pipeline of spaCy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from xner.errors import InputError, MissingExtraError
from xner.tagging import Entity, Found, pipeline_of
from xner.tagging.labels import is_ontonotes, label_map, renamed, signed
from xner.tagging.options import SpacyOptions

BATCH = 256
"""Sentences per batch."""
DETERMINERS = frozenset({"the", "a", "an"})
POSSESSIVES = frozenset({"'s", "’s", "'", "’"})
_READS_TAGS = ("entity_ruler", "span_ruler")
"""Components whose patterns can depend on every other component."""


class SpacyTagger:
    """A pipeline of spaCy that finds entities.

    The words are kept: the pipeline sees them as its tokens. Components that entities do not
    depend on, such as the parser, are switched off. A score is not available.
    """

    tags: Sequence[str] = ()

    def __init__(self, options: SpacyOptions) -> None:
        """Load the pipeline.

        Raises:
            InputError: there is no such pipeline, or it finds no entities.
            UsageError: `labels` names a label that the pipeline does not have.
            MissingExtraError: spaCy is not installed.
        """
        self._nlp = _load(str(options.model))
        finders = _finders(self._nlp)
        if not finders:
            raise InputError(
                f"the spaCy pipeline {str(options.model)!r} finds no entities: none of its "
                f"components ({', '.join(self._nlp.pipe_names)}) sets them"
            )
        labels = sorted({label for name in finders for label in self._nlp.pipe_labels[name]})
        self._labels = label_map(labels, options.labels)
        self._trim, self._processes = options.trim, options.processes
        _keep_only(self._nlp, finders)
        meta = self._nlp.meta
        default = "ontonotes>conll2003," if is_ontonotes(labels) else ""
        self.signature = (
            f"spacy({meta['lang']}_{meta['name']}@{meta['version']},{default}"
            f"{signed(options.labels or {})}{'trim,' if options.trim else ''}"
            f"version:{version('spacy')})"
        )

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[Found]:
        """Tag sentences of words; empty ones are not passed to the pipeline."""
        docs = self._nlp.pipe(
            map(self._doc, sentences), batch_size=BATCH, n_process=self._processes
        )
        for doc in docs:
            entities = (Entity(span.start, span.end, span.label_) for span in doc.ents)
            kept, dropped = renamed(entities, self._labels)
            if self._trim:
                words = [token.text for token in doc]
                kept = [trimmed(entity, words) for entity in kept]
            yield Found(kept, windows=1 if len(doc) else 0, dropped=dropped)

    def _doc(self, words: Sequence[str]) -> Any:
        from spacy.tokens import Doc

        # spaCy takes no empty token; a zero-width space keeps the place of one.
        return Doc(self._nlp.vocab, words=[word or "\u200b" for word in words])


def trimmed(entity: Entity, words: Sequence[str]) -> Entity:
    """Return an entity without a first determiner and a last possessive mark; never empty.

    >>> trimmed(Entity(0, 4, "ORG"), ["The", "European", "Commission", "'s", "plan"])
    Entity(start=1, end=3, label='ORG', score=None)
    """
    start, end = entity.start, entity.end
    if end - start > 1 and words[start].lower() in DETERMINERS:
        start += 1
    if end - start > 1 and words[end - 1].lower() in POSSESSIVES:
        end -= 1
    return entity._replace(start=start, end=end)


def check_pipeline(name: str) -> str:
    """Return what `spacy.load` takes for a pipeline; spaCy is imported only for the message.

    Raises:
        InputError: there is no such pipeline.
        MissingExtraError: spaCy is not installed.
    """
    found = pipeline_of(name)
    if found is None:
        installed = ", ".join(_spacy().util.get_installed_models()) or "none"
        raise InputError(
            f"there is no spaCy pipeline {name!r}: neither a folder nor an installed package with "
            f"one; installed pipelines: {installed}"
        )
    return found


def _spacy() -> Any:
    try:
        import spacy
    except ImportError:
        raise MissingExtraError("spacy", "spacy") from None
    return spacy


def _load(name: str) -> Any:
    found, spacy = check_pipeline(name), _spacy()
    try:
        return spacy.load(found)
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"the spaCy pipeline {name!r} cannot be loaded ({reason})") from None


def _finders(nlp: Any) -> list[str]:
    """Names of the components that set entities."""
    return [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]


def _keep_only(nlp: Any, finders: Sequence[str]) -> None:
    """Switch off the components that the finders of entities do not depend on."""
    if any(nlp.get_pipe_meta(name).factory in _READS_TAGS for name in finders):
        return
    shared = [
        name
        for name, component in nlp.pipeline
        if set(getattr(component, "listening_components", ())) & set(finders)
    ]
    nlp.select_pipes(enable=[*shared, *finders])
