"""The chain from text to projected labels: the stages `tag`, `translate` and `project`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from xner.corpus import Corpus, as_corpus
from xner.errors import UsageError
from xner.hints import checked
from xner.report import Progress
from xner.stages import Stage, find_stage

CHAIN = ("tag", "translate", "project")
"""The stages of the chain."""
DECIDED = {
    "tag": ("side", "progress"),
    "translate": ("replace", "progress"),
    "project": ("progress",),
}
"""Options that the chain decides, by stage."""
Settings = Mapping[str, Any]


def needed_stages(columns: Collection[str], fill: str) -> list[str]:
    """Return the stages that a corpus still needs, in order.

    Args:
        columns: columns of the corpus. Entities of the source are not looked for again, and a
            corpus with both sides is not translated.
        fill: side that is translated into: `target`, or `source` if the text is in the target
            language.

    Raises:
        UsageError: the corpus lacks the side that would be translated.
    """
    given = "target" if fill == "source" else "source"
    if f"{given}_tokens" not in columns:
        raise UsageError(f"there is no {given} text; give files of both sides, or translate")
    order = ("translate", "tag") if fill == "source" else ("tag", "translate")
    made = {"tag": "source_entities", "translate": f"{fill}_tokens"}
    return [*(name for name in order if made[name] not in columns), "project"]


def check_given(given: Mapping[str, Settings], needed: Collection[str]) -> None:
    """Check that the settings of the chain have an effect.

    Raises:
        UsageError: settings of a stage are given that is not run, or the chain decides them.
    """
    reasons = {
        "tag": "the source has entities",
        "translate": "the corpus has both sides",
    }
    for stage, settings in given.items():
        for name in settings:
            if name in DECIDED[stage]:
                raise UsageError(f"{stage}: {name} cannot be set in a chain; leave it out")
            if stage not in needed:
                raise UsageError(
                    f"{stage}: {name} has no effect, because {reasons[stage]}; leave it out"
                )


@checked
def label(
    corpus: Any,
    *,
    tag: Settings | None = None,
    translate: Settings | None = None,
    project: Settings | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Label text in another language: tag it, translate it, and project the entities.

    A corpus that has entities on the source side is not tagged, and one that has both sides is not
    translated. With `translate={"fill": "source", …}` the corpus is text in the target language:
    it is translated first, the translation is tagged, and the entities are projected back onto the
    text.

    Args:
        corpus: a corpus, or what `xner.Corpus.of` takes, such as a list of lists of
            words. Without `translate`, rows have both sides.
        tag: options of `xner.tag`.
        translate: options of `xner.translate`.
        project: options of `xner.project`.
        progress: called with the name of the stage and the share of it that is done.

    Returns:
        The corpus in memory, as from `xner.project`.

    Raises:
        InputError: a column is missing, a row does not fit, or a model cannot be loaded.
        UsageError: an option is unknown, out of its range or without effect.
        MissingExtraError: a package is not installed.
        ResourceError: a sentence does not fit into the memory of the device.

    Example:
        >>> from xner.tagging.fake import FakeTagger
        >>> from xner.translation.fake import FakeTranslator
        >>> languages = {"source_language": "en", "target_language": "de"}
        >>> out = xner.label(
        ...     [["Ada", "lives", "in", "Rome"]],
        ...     tag={"tagger": FakeTagger({"Ada": "PER", "Rome": "LOC"})},
        ...     translate={"translator": FakeTranslator({"Rome": "Rom"}), **languages},
        ... )
        >>> [(entity.text, entity.label) for entity in out[0].entities]
        [('Ada', 'PER'), ('Rom', 'LOC')]
    """
    named = {"tag": tag, "translate": translate, "project": project}
    given = {name: settings for name, settings in named.items() if settings is not None}
    fill = given.get("translate", {}).get("fill", "target")
    side = "target" if fill == "source" else "source"
    done = as_corpus(corpus, side, single="translate" in given)
    needed = needed_stages(done.columns, fill)
    check_given(given, needed)
    stages = [_stage(name, {**given.get(name, {}), "progress": progress}) for name in needed]
    for stage in stages:
        done = stage(done)
    return done


def _stage(name: str, settings: Settings) -> Stage:
    try:
        return find_stage(name).of(settings)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
