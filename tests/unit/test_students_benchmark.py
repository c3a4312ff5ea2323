"""What the students' benchmark counts, without training any."""

import json

from benchmarks import students


def test_teachers_come_before_those_who_need_them():
    first, second = students.tasks(students.MAIN, 3)
    assert first[:3] == [("teacher", "en", 3), ("teacher", "es", 3), ("teacher", "de", 3)]
    assert ("train-rival", "swa", 3) in first
    assert not any(route == "train-rival" and lang == "de" for route, lang, _ in first + second)
    assert {route for route, _, _ in second} == {"direct", "single", "multi", "self"}
    alone, none = students.tasks(["train-rival"], 3)
    assert len(alone) == 3
    assert none == [], "no teacher is made that none needs"
    assert len(first) + len(second) == 3 + 5 + 3 + 4 * 5


def made(route, language, seed, f1):
    return {"route": route, "language": language, "seed": seed, "f1": f1, "tests": 7, "cpu": 60.0}


DONE = [
    made("train-xner", "swa", 1, 0.5),
    made("train-xner", "swa", 2, 0.7),
    made("train-rival", "swa", 1, 0.45),
    made("direct", "swa", 2, 0.1),
]


def test_gains_are_those_of_the_same_seeds():
    assert students.gain(DONE, "train-rival", "swa") == "+0.0500"
    assert students.gain(DONE, "direct", "swa") == "+0.6000"
    assert students.gain(DONE, "multi", "swa") == "–"


def test_earlier_runs_are_found(tmp_path):
    place = students.Place(tmp_path, tmp_path, 1)
    for each in DONE:
        path = place.student(each["route"], each["language"], each["seed"]).with_suffix(".json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(each))
    assert len(students.finished(place, 2)) == 4
    assert {each["seed"] for each in students.finished(place, 1)} == {1}
    kept = students.make(place, "train-xner", "swa", 2)
    assert kept["f1"] == 0.7, "what is there is not made again"
