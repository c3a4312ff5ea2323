"""Shared code of the benchmarks: real data, a description of the machine, results as Markdown."""

import argparse
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

import xner

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
Row = tuple[list[tuple[int, int]], list[tuple[int, int, float]], int]
DATA = Path(os.environ.get("XNER_SHARED", ROOT.parent / "shared")) / "data"


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--data", type=Path, default=DATA, help="folder of the corpora (default: %(default)s)"
    )
    made.add_argument(
        "--results", type=Path, default=RESULTS, help="output folder (default: %(default)s)"
    )
    return made


def conll_mt(data: Path) -> pa.Table:
    """Read all 37,342 English-German and English-Spanish pairs of conll-mt with AWESOME links."""
    folder = data / "conll-mt"
    tables = []
    for split in ("train", "test"):
        for language in ("de", "es"):
            pairs = xner.read(
                folder / f"en.{split}.conll",
                folder / f"{language}.{split}.txt",
                links=folder / f"en-{language}.{split}.awesome.align",
                docstart="keep",
            )
            tables.append(pairs.table.replace_schema_metadata(None))
    return pa.concat_tables(tables)


def repeated(table: pa.Table, rows: int) -> pa.Table:
    """Repeat the table until it has at least `rows` rows."""
    return pa.concat_tables([table] * -(-rows // table.num_rows))


def plain_rows(table: pa.Table) -> list[Row]:
    """Return `(entities, links, target words)` of every row as Python objects, for the twins."""
    return [
        (
            [(e["start"], e["end"]) for e in entities],
            [(link["source"], link["target"], link["weight"]) for link in links],
            len(target),
        )
        for entities, links, target in zip(
            table["source_entities"].to_pylist(),
            table["links"].to_pylist(),
            table["target_tokens"].to_pylist(),
            strict=True,
        )
    ]


def made_by(*packages: str) -> str:
    """Describe hardware, versions and commit in one line of Markdown."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    versions = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", *packages))
    return (
        f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}, "
        f"xner {xner.__version__} at {commit or 'no commit'}"
    )


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Format a table whose first column is text and the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def save(results: Path, name: str, title: str, body: str) -> None:
    """Write and print a page of results."""
    results.mkdir(parents=True, exist_ok=True)
    page = f"# {title}\n\n{body}\n"
    (results / name).write_text(page, encoding="utf-8")
    print(page)
