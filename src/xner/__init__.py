"""xner: named-entity datasets for any language by annotation projection.

    pairs = xner.read("en.conll", "de.txt")
    out = xner.project(pairs)
    out.write("de.conll")

The names below are loaded when they are first used, so that `import xner` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xner._version import __version__

if TYPE_CHECKING:
    from xner.corpus import Corpus as Corpus
    from xner.corpus import read as read
    from xner.corpus import scan as scan
    from xner.errors import FormatError as FormatError
    from xner.errors import InputError as InputError
    from xner.errors import MissingExtraError as MissingExtraError
    from xner.errors import OutputError as OutputError
    from xner.errors import ParallelError as ParallelError
    from xner.errors import ResourceError as ResourceError
    from xner.errors import SchemeError as SchemeError
    from xner.errors import UsageError as UsageError
    from xner.errors import XnerError as XnerError
    from xner.evaluation.divergence import divergence as divergence
    from xner.evaluation.entities import evaluate as evaluate
    from xner.evaluation.links import evaluate_links as evaluate_links
    from xner.experiments.run import run as run
    from xner.pipeline.align import align as align
    from xner.pipeline.back import align_tgt as align_tgt
    from xner.pipeline.back import back_translate as back_translate
    from xner.pipeline.back import refine as refine
    from xner.pipeline.easyproject import easyproject as easyproject
    from xner.pipeline.project import Projection as Projection
    from xner.pipeline.project import project as project
    from xner.pipeline.tag import Tagging as Tagging
    from xner.pipeline.tag import tag as tag
    from xner.pipeline.translate import Translation as Translation
    from xner.pipeline.translate import translate as translate
    from xner.schemes import spans_from_tags as spans_from_tags
    from xner.schemes import tags_from_spans as tags_from_spans
    from xner.training.distill import distill as distill
    from xner.training.finetune import train as train
    from xner.training.self_train import self_train as self_train
    from xner.training.student import Trained as Trained

_HOMES = {
    "Corpus": "xner.corpus",
    "FormatError": "xner.errors",
    "InputError": "xner.errors",
    "MissingExtraError": "xner.errors",
    "OutputError": "xner.errors",
    "ParallelError": "xner.errors",
    "Projection": "xner.pipeline.project",
    "ResourceError": "xner.errors",
    "SchemeError": "xner.errors",
    "Translation": "xner.pipeline.translate",
    "Tagging": "xner.pipeline.tag",
    "Trained": "xner.training.student",
    "UsageError": "xner.errors",
    "XnerError": "xner.errors",
    "align": "xner.pipeline.align",
    "align_tgt": "xner.pipeline.back",
    "back_translate": "xner.pipeline.back",
    "distill": "xner.training.distill",
    "divergence": "xner.evaluation.divergence",
    "easyproject": "xner.pipeline.easyproject",
    "evaluate": "xner.evaluation.entities",
    "evaluate_links": "xner.evaluation.links",
    "project": "xner.pipeline.project",
    "read": "xner.corpus",
    "refine": "xner.pipeline.back",
    "run": "xner.experiments.run",
    "scan": "xner.corpus",
    "self_train": "xner.training.self_train",
    "spans_from_tags": "xner.schemes",
    "tag": "xner.pipeline.tag",
    "tags_from_spans": "xner.schemes",
    "train": "xner.training.finetune",
    "translate": "xner.pipeline.translate",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'xner' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
