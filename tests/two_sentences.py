"""An experiment of two sentence pairs: its files, its configuration, and what it made."""

from pathlib import Path

EN = "EU\tB-ORG\nsays\tO\n\nPeter\tB-PER\nsees\tO\nKisumu\tB-LOC\n\n"
DE = "Die\tO\nEU\tB-ORG\nsagt\tO\n\nKisumu\tB-LOC\nsieht\tO\nPeter\tB-PER\n\n"
LINKS = "0-1 1-2\n0-2 1-1 2-0\n"
WRONG = "0-0 1-2\n0-2 1-1 2-0\n"


def write_files(folder: Path) -> Path:
    """Write both sides, and links that are right and wrong."""
    files = {"en.conll": EN, "de.conll": DE, "de.align": LINKS, "wrong.align": WRONG}
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def config(**changes):
    """A configuration that projects with given links, with changes."""
    given = {
        "output": "out",
        "languages": {"de": {"source": "en.conll", "gold": "de.conll"}},
        "aligners": {"given": {"links": "de.align"}},
        "pipelines": [{"pipeline": "project", "project": {"preset": "paper-greedy"}}],
    }
    return {**given, **changes}


def made(results):
    """Stages that were run, and not read from the store."""
    return [step.stage for step in results.steps if step.made]


def cell(results, system=0, language="de"):
    """One score."""
    return results.rows[system].cells[language]
