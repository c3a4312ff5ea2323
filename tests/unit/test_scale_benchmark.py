"""The pairs that the benchmark of scale makes, from a handful of invented sentences."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks import processes, scale, scale_data
from benchmarks.recombine import Bitext
from benchmarks.scale_parts import SOURCE, find_parts

from xner.cli.demo import FOLDER
from xner.columns import COLUMNS
from xner.corpus import Corpus

SYLLABLES = ("", "lia", "rino", "sten", "vic", "dor")
CITIES = {"London": "Londres", "Lisbon": "Lisboa", "Paris": "Paris", "Athens": "Atenas"}
NAMES = [a + b for a in ("Anna", "Petr", "Mari", "Toma", "Elsa", "Ivan") for b in SYLLABLES]
THINGS = {"houses": "casas", "windows": "ventanas", "horses": "caballos", "tables": "mesas"}
COLUMN_NAMES = ["source_tokens", "source_entities", "target_tokens", "links"]


@pytest.fixture(scope="module")
def bitext():
    """Each name is in one sentence, so that the bitext has words seen once."""
    rows = []
    names = iter(NAMES)
    for number, city in enumerate(CITIES):
        for thing in THINGS:
            name, count, town = next(names), str(12 + number), CITIES[city]
            source = [name, "sold", count, thing, "in", city, "."]
            target = ["En", town, name, "vendió", count, THINGS[thing], "."]
            links = [(0, 2), (1, 3), (2, 4), (3, 5), (4, 0), (5, 1), (6, 6)]
            rows.append((source, [(0, 1, "PER"), (5, 6, "LOC")], target, links))
            greeted = next(names)
            source, target = ["Hello", ",", greeted, "!"], ["Hola", ",", greeted, "!"]
            rows.append((source, [(2, 3, "PER")], target, [(i, i) for i in range(4)]))
    return Bitext(pa.table(dict(zip(COLUMN_NAMES, _columns(rows), strict=True))), "es")


def _columns(rows):
    entities = [[{"start": a, "end": b, "label": label} for a, b, label in row[1]] for row in rows]
    links = [[{"source": i, "target": j, "weight": 1.0} for i, j in row[3]] for row in rows]
    values = [row[0] for row in rows], entities, [row[2] for row in rows], links
    return [
        pa.array(column, COLUMNS[name]) for name, column in zip(COLUMN_NAMES, values, strict=True)
    ]


@pytest.fixture(scope="module")
def made(bitext, tmp_path_factory):
    path = tmp_path_factory.mktemp("scale") / "pairs.parquet"
    statistics = scale_data.write(path, [bitext], 3_000, seed=7)
    return pq.read_table(path), statistics


def test_pairs_are_distinct_and_counted(made):
    table, statistics = made
    rows = [
        (tuple(source), tuple(target))
        for source, target in zip(
            table["source_tokens"].to_pylist(), table["target_tokens"].to_pylist(), strict=True
        )
    ]
    assert len(set(rows)) == len(rows) == 3_000
    for side in (0, 1):
        assert statistics[-1].tokens[side] == sum(len(row[side]) for row in rows)
        assert statistics[-1].types[side] == len({word for row in rows for word in row[side]})
    assert len(set(table["id"].to_pylist())) == 3_000


def test_same_seed_same_pairs(bitext, made, tmp_path):
    scale_data.write(tmp_path / "again.parquet", [bitext], 3_000, seed=7)
    scale_data.write(tmp_path / "other.parquet", [bitext], 3_000, seed=8)
    assert pq.read_table(tmp_path / "again.parquet").equals(made[0])
    assert not pq.read_table(tmp_path / "other.parquet").equals(made[0])


def test_replacements_agree_on_both_sides(made):
    """Entities, numbers and names of a row are the same on both sides, and spans lie on them."""
    checked = Corpus.from_table(made[0])
    new_names = 0
    for row in checked.table.to_pylist():
        source, target = row["source_tokens"], row["target_tokens"]
        for entity in row["source_entities"]:
            word = source[entity["start"]]
            assert entity["end"] == entity["start"] + 1
            if word in CITIES:
                assert entity["label"] == "LOC"
                assert CITIES[word] in target
            elif entity["label"] == "PER":
                assert word in target
                new_names += word not in NAMES
        for word in source:
            assert not word.isdigit() or word in target
            assert THINGS.get(word, target[0]) in target
    assert new_names > 50


def test_vocabulary_grows_with_size(bitext, tmp_path):
    few = scale_data.write(tmp_path / "few.parquet", [bitext], 500)[-1]
    many = scale_data.write(tmp_path / "many.parquet", [bitext], 4_000)[-1]
    assert many.types[0] > 1.5 * few.types[0]
    assert many.types[1] > 1.5 * few.types[1]


def test_exhausted_bitext_ends(bitext, tmp_path, monkeypatch):
    monkeypatch.setattr(bitext, "recombined", lambda rows, rng: bitext.real(np.zeros(rows, int)))
    with pytest.raises(SystemExit, match="distinct pairs; add languages"):
        scale_data.write(tmp_path / "many.parquet", [bitext], 500)


def test_cuts_divide_no_entity_and_no_links():
    links = [(0, 1), (1, 0), (2, 2), (3, 3), (4, 5)]
    rows = [(list("abcde"), [(2, 4, "PER")], list("uvwxyz"), links)]
    parts = find_parts(pa.table(dict(zip(COLUMN_NAMES, _columns(rows), strict=True))))
    assert parts.cuts[:, :2].tolist() == [[2, 2], [4, 5]]
    assert parts.cuts[:, 2].tolist() == [0, 1]
    assert parts.spans.tolist() == [[2, 4, 2, 4]]
    assert parts.entity_at[SOURCE].tolist() == [-1, -1, 0, 0, -1]


def test_the_page_has_every_command_and_size(bitext, tmp_path, monkeypatch):
    seen = []

    def run(*arguments):
        rows = pq.read_metadata(arguments[1]).num_rows
        seen.append((rows, *arguments[2:]))
        return processes.Run({"sentences": rows}, rows / 1_000, 100.0)

    monkeypatch.setattr(scale, "run", run)
    monkeypatch.setattr(scale, "bitext", lambda language, data: bitext)
    monkeypatch.setattr(scale, "find_spec", lambda name: None if name == "eflomal" else object())
    line = ["scale", "--sizes", "900", "100", "--rivals-up-to", "100", "--results", str(tmp_path)]
    monkeypatch.setattr("sys.argv", line)
    scale.main()
    page = (tmp_path / "scale.md").read_text()
    for name in ("native, fit and apply", "native, apply", "project, aligns and projects"):
        assert f"| {name} | 100 | 0.1 | 1,000 | 100 |" in page
        assert f"| {name} | 900 | 0.9 | 1,000 | 100 |" in page
    assert "Not installed: eflomal." in page
    assert page.count("| fast_align |") == 1
    assert (tmp_path / "scale.png").stat().st_size > 1_000
    models = [call[call.index("--model") + 1] for call in seen if "--model" in call]
    assert models == [
        call[call.index("--save-model") + 1] for call in seen if "--save-model" in call
    ]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory with /proc")
def test_a_run_is_measured():
    made = processes.run("evaluate", *[str(FOLDER / "sw.conll")] * 2)
    assert made.summary["f1"] == 1
    assert made.seconds > 0.1
    assert 50 < made.memory < 1_000
    with pytest.raises(SystemExit, match="no such file"):
        processes.run("evaluate", "none.conll", "none.conll")
