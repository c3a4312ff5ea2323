"""YAML for experiment files: duplicate keys are errors, `no` is text, and `5e-4` a number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from xner.errors import FormatError
from xner.formats.streams import open_input


class _Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
    """Safe YAML with the booleans and floating-point numbers of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag != "tag:yaml.org,2002:bool"]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)

_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    seen: dict[Any, Any] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is given twice", key_node.start_mark
            )
        seen[key] = True
    return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(path: Path) -> Any:
    """Return the content of a YAML file.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not valid YAML, or a key is given twice; the message names the line.
    """
    with open_input(path) as file:
        return parse(file.read(), str(path))


def parse(content: str | bytes, origin: str) -> Any:
    """Return the value of a YAML text.

    Raises:
        FormatError: it is not valid YAML, or a key is given twice; the message names `origin`.
    """
    try:
        return yaml.load(content, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise FormatError(f"{origin}{line}: not valid YAML ({error.problem})") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise FormatError(f"{origin}: not valid YAML ({error})") from None
    except RecursionError:
        raise FormatError(f"{origin}: lists and mappings are nested too deeply") from None
