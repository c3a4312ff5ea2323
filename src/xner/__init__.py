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
    from xner.errors import ChangeError as ChangeError
    from xner.errors import FormatError as FormatError
    from xner.errors import InputError as InputError
    from xner.errors import MissingExtraError as MissingExtraError
    from xner.errors import NoEffectError as NoEffectError
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
    from xner.report import Report as Report
    from xner.review.changes import apply_changes as apply_changes
    from xner.review.writing import write_report as write_report
    from xner.schemes import spans_from_tags as spans_from_tags
    from xner.schemes import tags_from_spans as tags_from_spans
    from xner.stages.align import align as align
    from xner.stages.back_translate import align_tgt as align_tgt
    from xner.stages.back_translate import back_translate as back_translate
    from xner.stages.chain import label as label
    from xner.stages.easyproject import easyproject as easyproject
    from xner.stages.project import project as project
    from xner.stages.refine import refine as refine
    from xner.stages.strip_affixes import strip_affixes as strip_affixes
    from xner.stages.students import distill as distill
    from xner.stages.students import self_train as self_train
    from xner.stages.students import train as train
    from xner.stages.tag import candidates as candidates
    from xner.stages.tag import tag as tag
    from xner.stages.translate import translate as translate
    from xner.training.student import Trained as Trained

_HOMES = {
    "ChangeError": "xner.errors",
    "Corpus": "xner.corpus",
    "FormatError": "xner.errors",
    "InputError": "xner.errors",
    "MissingExtraError": "xner.errors",
    "NoEffectError": "xner.errors",
    "OutputError": "xner.errors",
    "ParallelError": "xner.errors",
    "Report": "xner.report",
    "ResourceError": "xner.errors",
    "SchemeError": "xner.errors",
    "Trained": "xner.training.student",
    "UsageError": "xner.errors",
    "XnerError": "xner.errors",
    "align": "xner.stages.align",
    "align_tgt": "xner.stages.back_translate",
    "apply_changes": "xner.review.changes",
    "back_translate": "xner.stages.back_translate",
    "candidates": "xner.stages.tag",
    "distill": "xner.stages.students",
    "divergence": "xner.evaluation.divergence",
    "easyproject": "xner.stages.easyproject",
    "evaluate": "xner.evaluation.entities",
    "evaluate_links": "xner.evaluation.links",
    "label": "xner.stages.chain",
    "project": "xner.stages.project",
    "read": "xner.corpus",
    "refine": "xner.stages.refine",
    "run": "xner.experiments.run",
    "scan": "xner.corpus",
    "self_train": "xner.stages.students",
    "spans_from_tags": "xner.schemes",
    "strip_affixes": "xner.stages.strip_affixes",
    "tag": "xner.stages.tag",
    "tags_from_spans": "xner.schemes",
    "train": "xner.stages.students",
    "translate": "xner.stages.translate",
    "write_report": "xner.review.writing",
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
