"""Entities inside inflected words: affixes that are learned, and offsets without them."""

import json

import pyarrow as pa
import pytest

import xner
from xner.affixes import Forms, lowered
from xner.cli import main

CITIES = ["Ankara", "Bursa", "Izmir", "Konya", "Siirt"]


def row(i, source, target, links=((0, 0),), start=0):
    """A pair of texts whose first source word is an entity."""
    entity = {"start": start, "end": start + len(source.split()[0]), "label": "LOC"}
    return {"id": f"row {i}", "source_text": source, "source_entities": [entity],
            "target_text": target, "links": list(links)}  # fmt: skip


def rows(*endings, prefix=""):
    made = [f"{prefix * bool(end)}{city}{end}" for city in CITIES for end in endings]
    names = [city for city in CITIES for _ in endings]
    return [row(i, f"{names[i]} is old", f"{word} eski") for i, word in enumerate(made)]


def texts(corpus):
    return [sentence.entities[0].text for sentence in corpus]


@pytest.mark.parametrize("endings", [("", "'da"), ("", "DA"), ("", "-da", "’nın"), ("", "da", "n")])
def test_suffixes(endings):
    projected = xner.project(rows(*endings))
    out = xner.strip_affixes(projected)
    assert texts(out) == [city for city in CITIES for _ in endings]
    assert out.report.stripped == len(CITIES) * (len(endings) - 1)
    assert out.report.affixes == {f"-{end}": len(CITIES) for end in endings if end}
    same = ["target_entities", "target_tokens", "target_offsets", "outcomes"]
    assert out.table.select(same) == projected.table.select(same)
    assert texts(xner.strip_affixes(out)) == texts(out)
    kept = xner.strip_affixes(projected, keep=[f"-{end}" for end in endings if end])
    assert (kept.report.stripped, "|keep:-" in kept.report.signature) == (0, True)
    with pytest.raises(xner.UsageError, match="keep has 'da'"):
        xner.strip_affixes(projected, keep=["da"])


def test_prefixes_and_both():
    made = [row(2 * i, f"{city} is old", f"{city} eski") for i, city in enumerate(CITIES)]
    made += [row(2 * i + 1, f"{city} is old", f"e{city} eski") for i, city in enumerate(CITIES)]
    made += [row(20 + i, f"{city} is old", f"{city}ni eski") for i, city in enumerate(CITIES)]
    made += [row(30, "Ankara is old", "eAnkarani eski")]
    out = xner.strip_affixes(xner.project(made))
    assert texts(out)[:15] == CITIES * 3
    # Its stem with either affix is a form of its own: the longer cut on each side counts.
    assert texts(out)[15] == "Ankara"
    assert set(out.report.affixes) == {"e-", "-ni"}


def test_entities_of_several_words_inside_a_sentence():
    adjectives = {"New": "Yeni", "Old": "Eski"}
    made = []
    for (adjective, word), city in zip(adjectives.items(), CITIES, strict=False):
        for name in (f"{word} {city}", f"al-{word} {city}da"):
            source = f"in {adjective} {city} rains"
            entity = {"start": 3, "end": len(source) - 6, "label": "LOC"}
            links = [(1, 1), (2, 2, 0.5), (3, 3)]
            made.append({"id": str(len(made)), "source_text": source, "source_entities": [entity],
                         "target_text": f"var {name} orada", "links": links})  # fmt: skip
    # Nothing would be left of `alda` without both affixes: it keeps its prefix.
    made += [row(9 + i, "Ala", form) for i, form in enumerate(("al", "da", "alda"))]
    told = []
    projected = xner.project(made)
    out = xner.strip_affixes(projected, progress=lambda *of: told.append(of))
    names = [f"{word} {city}" for word, city in zip(adjectives.values(), CITIES, strict=False)]
    assert texts(out) == [*(name for name in names for _ in range(2)), "al", "da", "al"]
    assert out.report.affixes == {"al--": 2, "-da": 3}
    assert (out.report.sentences, out.report.spans, out.report.stripped) == (7, 7, 3)
    assert out.report.signature == f"xner:{xner.__version__}|affixes"
    assert ("learn affixes", 1.0) in told
    kept = [xner.strip_affixes(projected, keep=[affix]) for affix in ("-al", "al--")]
    assert [one.report.affixes for one in kept] == [{"al--": 2, "-da": 3}, {"-da": 3}]


def test_what_is_no_affix():
    rare = rows("", "da")[:4]  # two cities only
    assert xner.strip_affixes(xner.project(rare)).report.stripped == 0
    long = rows("", "daaaa")
    assert xner.strip_affixes(xner.project(long)).report.stripped == 0
    long = rows("", ".", "2")
    assert xner.strip_affixes(xner.project(long)).report.stripped == 0
    other = [row(i, f"{city} is old", f"{city[::-1]}{end} eski")
             for end in ("", "da") for i, city in enumerate(CITIES)]  # fmt: skip
    apart = [{**made, "links": [(1, 0)]} if made["target_text"].count("da") else made
             for made in other]  # fmt: skip
    projected = xner.project(apart, score={"alignment": 1.0})
    assert xner.strip_affixes(projected).report.stripped == 0


def test_a_suffix_after_an_apostrophe_needs_no_stem():
    made = [*rows("", "'da"), row(99, "Urfa is old", "Urfa'da eski"),
            row(98, "Muş is old", "Muş'taki eski")]  # fmt: skip
    assert texts(xner.strip_affixes(xner.project(made)))[-2:] == ["Urfa", "Muş'taki"]


def test_characters_stay_whole():
    assert lowered("İzmir") is None  # its lower case has one more code point
    assert lowered("ẞ") == "ß"
    made = [row(i, f"{word} is old", f"{form} eski")
            for i, (word, form) in enumerate((f"w{n}", f"क{n}ख{end}")
                                             for n in range(9) for end in ("", "ी"))]  # fmt: skip
    assert xner.strip_affixes(xner.project(made)).report.stripped == 0


def test_an_entity_that_is_narrower_already_stays():
    projected = xner.project(rows("", "'da"))
    table = projected.table
    at = table.column_names.index("target_entity_offsets")
    spans = [[{"start": 0, "end": 3}], *table["target_entity_offsets"].to_pylist()[1:]]
    spans[1][0]["end"] -= 1
    table = table.set_column(
        at, "target_entity_offsets", pa.array(spans, table.schema.field(at).type)
    )
    out = xner.strip_affixes(xner.Corpus.from_table(table))
    assert texts(out)[:4] == ["Ank", "Ankara'd", "Bursa", "Bursa"]


def test_forms_of_part_of_a_batch():
    linked = [{**made, "links": [(0, 0), (2, 1)]} for made in rows("", "'da")]
    whole = xner.project(linked).table.to_batches()[0]
    forms = Forms()
    forms.add(whole.slice(2, 2))
    assert dict(forms.words) == {"bursa": {"bursa", "bursa'da"}}
    assert forms.learned().of(["Bursa'da"]).tolist() == [[0, 0]]


def test_the_command_in_parts_and_formats(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    xner.project(rows("", "'da")).write("p.jsonl")
    assert main(["strip-affixes", "p.jsonl", "-o", "one.parquet"]) == 0
    out = capsys.readouterr().out
    assert "stripped entities" in out
    assert "-'da" in out
    assert main(["strip-affixes", "p.jsonl", "-o", "parts/", "--part-rows", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["parts"], report["stripped"], report["affixes"]) == (4, 5, {"-'da": 5})
    assert xner.read("one.parquet").table == xner.read("parts").table
    assert main(["convert", "one.parquet", "brat/", "--to", "brat"]) == 0
    (entities,) = (tmp_path / "brat").glob("*.ann")
    found = [line.split("\t")[2] for line in entities.read_text("utf-8").splitlines()]
    assert found == [city for city in CITIES for _ in range(2)]
    capsys.readouterr()
    assert main(["convert", "one.parquet", "out.conll"]) == 0
    assert "character spans" in capsys.readouterr().err
    assert main(["strip-affixes", "p.jsonl", "-o", "o.conll"]) == 2
    pairs = [(["Ada"], [(0, 1, "PER")], ["Ada"], [(0, 0)])]
    with pytest.raises(xner.InputError, match="no column 'target_offsets'"):
        xner.strip_affixes(xner.project(pairs))
