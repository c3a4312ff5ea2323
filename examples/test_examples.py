"""Every example runs. Not part of `pytest`: run `python -m pytest examples`."""

import re
import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def output_of(name, capsys):
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def test_library_call(capsys):
    found = output_of("library_call.py", capsys)
    assert found == ["PER: Jonas Keller", "LOC: Nairobi", "['unaligned']"]


def test_dataset_map(capsys):
    rows = output_of("dataset_map.py", capsys)
    assert rows[:2] == ["PER Amina Okoro", "LOC Nairobi"]


def test_train_spacy(capsys):
    projected, pipeline = (float(line.split()[-1]) for line in output_of("train_spacy.py", capsys))
    assert projected > 0.95
    assert pipeline > 0.5


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_notebook():
    notebook = nbformat.read(FOLDER / "notebook.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs"
    done = NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    shown = "".join(str(cell.outputs) for cell in done.cells if cell.cell_type == "code")
    assert "text/html" in shown
    assert re.search(r"projected\D+\d+", shown)
