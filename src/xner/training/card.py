"""The files next to a student's weights: a manifest for programs and a model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xner.errors import InputError

MANIFEST = "xner.json"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a complete student; None if there is none.

    Raises:
        InputError: the manifest cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove the folder") from None
    return manifest


def write_card(folder: Path, manifest: dict[str, Any]) -> None:
    """Write README.md and, last, xner.json, which marks a complete student."""
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
        f"A tagger trained with `xner {manifest.get('task', 'train')}`. Tags: "
        f"{', '.join(f'`{tag}`' for tag in manifest['tagset'])}.",
        "",
        f"F1 on its dev set: {f1:.4f}." if f1 is not None else "It was not scored on a dev set.",
        "",
        "```",
        f"xner tag FILE -o OUT.conll --model {name}",
        "```",
        "",
        "## Trained on",
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
        f"`{MANIFEST}` has further details. Students inherit the licence terms of their base "
        "model, teachers, translations and labels.",
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
