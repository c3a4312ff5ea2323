"""The files beside a student's weights: a manifest for programs, a card for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xner.errors import InputError

MANIFEST = "xner.json"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished student; None if there is none.

    Raises:
        InputError: it cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove the folder") from None
    return found


def write_card(folder: Path, manifest: dict[str, Any]) -> None:
    """Write README.md and, last, xner.json: a folder that has it is complete."""
    (folder / "README.md").write_text(_card(folder.resolve().name, manifest), "utf-8")
    part = folder / f".{MANIFEST}.partial"
    part.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), "utf-8")
    part.replace(folder / MANIFEST)


def _card(name: str, manifest: dict[str, Any]) -> str:
    head = ["---", "library_name: transformers", "pipeline_tag: token-classification"]
    head += ["tags:", "- named-entity-recognition", "- xner", "---", ""]
    f1 = manifest["f1"]
    lines = [
        f"# {name}",
        "",
        f"A tagger made by `xner {manifest.get('task', 'train')}`. Tags: "
        f"{', '.join(f'`{tag}`' for tag in manifest['tagset'])}.",
        "",
        f"F1 on its dev set: {f1:.4f}." if f1 is not None else "It was scored on no dev set.",
        "",
        "```",
        f"xner tag FILE -o OUT.conll --model {name}",
        "```",
        "",
        "## Made of",
        "",
        *(f"* {source}" for source in manifest["sources"]),
        "",
        *_table("Counts", manifest["counts"]),
        *_table("Settings", manifest["settings"]),
        *_table("Versions", manifest["versions"]),
        *_epochs(manifest["history"]),
        "## Signature",
        "",
        f"`{manifest['signature']}`",
        "",
        f"Everything else is in `{MANIFEST}`. Students inherit the licence terms of what they "
        "were made of: base model, teachers, translations and labels.",
    ]
    return "\n".join([*head, *lines, ""])


def _table(title: str, values: dict[str, Any]) -> list[str]:
    rows = [f"| {name} | {_shown(value)} |" for name, value in values.items()]
    return [f"## {title}", "", "| | |", "|---|---|", *rows, ""]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _epochs(history: list[dict[str, float]]) -> list[str]:
    rows = [
        f"| {e['epoch']:g} | {e.get('loss', float('nan')):.4f} | "
        + (f"{e['f1']:.4f} |" if "f1" in e else "|")
        for e in history
    ]
    return ["## Epochs", "", "| epoch | loss | dev F1 |", "|---:|---:|---:|", *rows, ""]
