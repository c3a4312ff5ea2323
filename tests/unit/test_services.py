"""Language models behind an address, with a server on this machine that misbehaves on request."""

import json
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pytest

import xner
from xner.cli import main
from xner.corpus import Corpus
from xner.errors import ServiceError, UsageError
from xner.services.answers import answers_in
from xner.services.client import Service, _asked_wait
from xner.services.options import ServiceOptions
from xner.stages import find_stage
from xner.tagging.llm import placed

pytest.importorskip("regex")

KEY = "sk-very-secret"


class Handler(BaseHTTPRequestHandler):
    """Translates to capitals, or finds capitalised words; `server.plan` holds other answers."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        questions = json.loads(body["messages"][1]["content"])
        with self.server.lock:
            self.server.seen.append((questions, self.headers.get("Authorization"), body["model"]))
            self.server.temperatures.append(body.get("temperature"))
            plan = self.server.plan.pop(0) if self.server.plan else None
        if callable(plan):
            plan = plan(questions)
        if isinstance(plan, tuple):
            status, headers, text = plan
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())
            return
        tagging = "named entities" in body["messages"][0]["content"]
        content = plan or json.dumps([self.answer(q, tagging) for q in questions])
        used = {"prompt_tokens": 100, "completion_tokens": 10}
        answer = {"choices": [{"message": {"content": content}}], "usage": used}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def answer(self, question, tagging):
        if not tagging:
            return question.upper()
        return [{"text": w, "label": "PER"} for w in question.split() if w.istitle()]

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.lock, made.seen, made.plan, made.temperatures = threading.Lock(), [], [], []
    made.daemon_threads = True
    made.address = f"http://127.0.0.1:{made.server_address[1]}/v1"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(Service, "_pause", lambda self, seconds: made.waits.append(seconds))
    made.waits = []
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def corpus(sentences):
    return Corpus.from_table(
        pa.table({"source_tokens": pa.array(sentences, pa.list_(pa.string()))})
    )


TEXTS = [f"word{i} here" for i in range(7)]
SENTENCES = [*(text.split() for text in TEXTS), [], ["last"]]


def translate(server, sentences=SENTENCES, **options):
    given = {"source_language": "en", "target_language": "de", "model": "m", "translator": "llm"}
    given |= {"address": server.address, "request_size": 3}
    return xner.translate(corpus(sentences), **{**given, **options})


def test_translations_are_asked_in_batches_and_once(server, tmp_path):
    out = translate(server, input_price=2.0, output_price=10.0, concurrency=2)
    assert out.table["target_text"].to_pylist() == [*(t.upper() for t in TEXTS), "", "LAST"]
    asked = sorted(q for questions, _, _ in server.seen for q in questions)
    assert asked == sorted([*TEXTS, "last"])
    assert {(key, model) for _, key, model in server.seen} == {(f"Bearer {KEY}", "m")}
    report = out.report.as_dict()
    assert report["service"] == {
        "cost": 0.0009, "input_tokens": 300, "output_tokens": 30, "requests": 3,
    }  # fmt: skip
    assert ("cost", "0.0009") in out.report.rows()
    assert f"|llm(m@127.0.0.1:{server.server_address[1]},prompt:" in out.report.signature
    # Other batches, the same answers, no request.
    again = translate(server, request_size=5)
    assert again.table.equals(out.table)
    assert again.report.as_dict()["service"] == {"from_cache": 8}
    # Another model, language or cache is asked again.
    before = len(server.seen)
    translate(server, SENTENCES[:1], model="n")
    translate(server, SENTENCES[:1], target_language="fr")
    translate(server, SENTENCES[:1], cache=tmp_path / "other.sqlite")
    assert len(server.seen) == before + 3


def test_requests_are_repeated_after_failures(server):
    server.plan = [
        (429, {"Retry-After": "7"}, "slow down"),
        (500, {}, "oops"),
        (200, {}, "{not json"),
        (200, {}, json.dumps({"choices": []})),
    ]
    out = translate(server, concurrency=1)
    assert set(out.table["translation_outcome"].to_pylist()) == {"translated", "empty_input"}
    assert server.waits[0] == 7
    assert 1 <= server.waits[1] <= 2
    assert [2 <= server.waits[2] <= 4, 4 <= server.waits[3] <= 8] == [True, True]
    assert out.report.as_dict()["service"]["retries"] == 4


def test_models_that_reason(server):
    """They may take no temperature, and a server may leave their thoughts in the answer."""
    refusal = json.dumps({"error": {"message": "Unsupported value: 'temperature'"}})
    server.plan = [
        (400, {}, refusal),
        lambda questions: f"<think>[?] as I see\n</think>\n{json.dumps(questions)}",
    ]
    out = translate(server, SENTENCES[:4], concurrency=1, retries=0, request_size=2)
    assert out.table["target_text"].to_pylist() == [
        *TEXTS[:2], *(text.upper() for text in TEXTS[2:4]),
    ]  # fmt: skip
    assert server.temperatures == [0, None, None]
    assert out.report.as_dict()["service"]["retries"] == 1


def test_malformed_answers_are_asked_in_halves_and_counted(server):
    def wrong(questions):
        """Too few answers if one of them is to fail, and never one for word3."""
        if any(q.startswith("word3") for q in questions):
            return json.dumps([q.upper() for q in questions][:-1])
        return None

    server.plan = [wrong] * 100
    out = translate(server, SENTENCES, request_size=8, concurrency=1)
    outcomes = out.table["translation_outcome"].to_pylist()
    assert [i for i, outcome in enumerate(outcomes) if outcome == "malformed"] == [3]
    assert out.table["target_text"][3].as_py() == ""
    assert out.table["target_text"][2].as_py() == "WORD2 HERE"
    assert out.report.outcomes["malformed"] == 1
    assert out.report.as_dict()["service"]["malformed_answers"] == 5
    sizes = [len(questions) for questions, _, _ in server.seen]
    assert sizes == [8, 4, 2, 2, 1, 1, 1, 4]
    # What failed is not kept: the next run asks for it alone.
    server.plan = []
    assert translate(server).table["target_text"][3].as_py() == "WORD3 HERE"
    # Only an answer that does not fit is asked again.
    server.seen.clear()
    server.plan = ["Sure! " + json.dumps(["A", 3, "C"]) + "\nDone."]
    more = translate(server, [["x"], ["y"], ["z"]])
    assert more.table["target_text"].to_pylist() == ["A", "Y", "C"]
    assert [questions for questions, _, _ in server.seen] == [["x", "y", "z"], ["y"]]


def test_a_model_without_any_usable_answer_is_an_error(server):
    def nonsense(questions):
        return "I am sorry,\nI cannot"

    words = (
        r"'m' at 127.*no usable answer .sentences asked: {}\).*begins with 'I am sorry, I cannot'"
    )
    server.plan = [nonsense] * 1000
    with pytest.raises(ServiceError, match=words.format(2)):
        translate(server, [["a"], [], ["b"], ["a"]])
    with pytest.raises(ServiceError, match=words.format(1)):
        xner.tag(corpus([["a"]]), tagger="llm", model="m", address=server.address)
    # A long text is not asked to its end.
    with pytest.raises(ServiceError, match="no usable answer"):
        translate(server, [[f"w{i}"] for i in range(400)], request_size=10, concurrency=1)
    assert 100 <= len({q for questions, _, _ in server.seen for q in questions}) < 200
    # One usable answer is enough, also if it is in the cache.
    server.plan = []
    translate(server, [["known"]])
    server.plan = [nonsense] * 20
    report = translate(server, [["known"], ["a"], ["a"]], concurrency=1).report.as_dict()
    assert (report["outcomes"]["translated"], report["outcomes"]["malformed"]) == (1, 2)
    assert report["service"]["from_cache"] == 1


def test_half_of_a_character_makes_an_answer_malformed(server):
    server.plan = ['["gr\\ud83d", "B"]', '["\\ud83d"]', '["\\ud83d"]']
    out = translate(server, [["a"], ["b"]], concurrency=1)
    assert out.table["target_text"].to_pylist() == ["", "B"]


def test_refusals_end_at_once_without_the_key(server, monkeypatch, capsys, tmp_path):
    server.plan = [(401, {}, f"the key {KEY} is unknown")] * 8
    with pytest.raises(ServiceError, match=r"status 401 \(the key … is unknown\)") as error:
        translate(server, concurrency=1)
    assert KEY not in str(error.value)
    assert len(server.seen) == 1
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ServiceError, match="OPENAI_API_KEY is not set"):
        translate(server, concurrency=1)
    assert server.seen[-1][1] is None
    server.plan = [(307, {"Location": "http://127.0.0.1:9/steal"}, "")]
    with pytest.raises(ServiceError, match="status 307"):
        translate(server, concurrency=1)
    server.plan = [(503, {}, "busy")] * 50
    with pytest.raises(ServiceError, match=r"failed in 3 attempts, .*status 503 \(busy"):
        translate(server, concurrency=1, retries=2)
    (tmp_path / "en.txt").write_text("a\n")
    server.plan = [(400, {}, "no such model")]
    arguments = ["translate", str(tmp_path / "en.txt"), "-o", str(tmp_path / "o.jsonl"), "--model",
                 "m", "--source-language", "en", "--target-language", "de", "--translator", "llm",
                 "--address", server.address, "--quiet"]  # fmt: skip
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert "refuses the request: status 400 (no such model" in err
    assert err.count("\n") == 1


BAD = [
    ({"address": None}, "address is missing"),
    ({"address": "ftp://x"}, "must begin with http"),
    ({"address": "http://me:secret@host/v1"}, "holds a user name or password"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_addresses_that_do_not_serve(options, words):
    with pytest.raises(UsageError, match=words):
        Service(ServiceOptions(**options), "m")
    with pytest.raises(UsageError, match="model is missing"):
        xner.translate(corpus([["a"]]), "en", "de", translator="llm", address="http://x/v1")
    with pytest.raises(UsageError, match="address"):
        xner.tag(corpus([["a"]]), tagger="llm", model="m")
    # Experiments and `xner label` ask before anything is made.
    for name, given in (
        ("tag", {"tagger": "llm"}),
        ("translate", {"translator": "llm", "source_language": "en", "target_language": "de"}),
    ):
        with pytest.raises(UsageError, match="address is missing"):
            find_stage(name)(model="m", **given).ready()
    with pytest.raises(UsageError, match="address has no effect with tagger"):
        xner.tag(corpus([["a"]]), model="m", address="http://x/v1")


def test_entities_are_looked_up_among_the_words(server):
    sentences = [["Ada", "met", "Ada", "."], [], ["no", "one"], ["Odd"]]
    server.plan = [
        lambda questions: json.dumps(
            [
                [{"text": "Ada", "label": "PER"}] * 3,
                [{"text": "nobody", "label": "PER"}, {"text": "one", "label": "DATE"}],
                "nothing",
            ]
        ),
        '[["Odd"]]',
    ]
    out = xner.tag(corpus(sentences), tagger="llm", model="m", address=server.address,
                   labels={"PER": "HUM"}, concurrency=1)  # fmt: skip
    rows = out.table["source_entities"].to_pylist()
    assert [[(e["start"], e["end"], e["label"]) for e in row] for row in rows] == [
        [(0, 1, "HUM"), (2, 3, "HUM")], [], [], [],
    ]  # fmt: skip
    report = out.report.as_dict()
    assert (report["malformed"], report["dropped"]) == (1, {"DATE": 1})
    assert report["service"]["unplaced"] == 2
    assert ("sentences without a usable answer", "1") in out.report.rows()
    assert xner.tag(corpus(sentences[:1]), tagger="llm", model="q:7b",
                    address=server.address).report.entities == {"PER": 2}  # fmt: skip


def test_a_killed_run_asks_only_for_what_is_missing(server, tmp_path):
    (tmp_path / "en.txt").write_text("".join(f"word{i}\n" for i in range(60)))
    held = threading.Event()
    server.plan = [None] * 10 + [lambda questions: held.wait(60) and None]
    command = [
        sys.executable, "-m", "xner", "translate", str(tmp_path / "en.txt"), "-o",
        str(tmp_path / "o.jsonl"), "--source-language", "en", "--target-language", "de",
        "--translator", "llm", "--model", "m", "--address", server.address, "--request-size", "1",
        "--concurrency", "1", "--json",
    ]  # fmt: skip
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(server.seen) <= 10 and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    held.set()
    assert len(server.seen) == 11
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["outcomes"]["translated"] == 60
    assert report["service"]["from_cache"] in (9, 10)
    assert len(server.seen) == 11 + 60 - report["service"]["from_cache"]
    assert KEY not in done.stdout + done.stderr


def test_parts_of_answers():
    assert answers_in('```json\n["a", "b"]\n```', 2) == ["a", "b"]
    assert answers_in('["a"]', 2) == answers_in("no", 1) == answers_in("[" * 9999 + "]", 1) == []
    assert _asked_wait("3") == 3
    assert _asked_wait("soon") == _asked_wait(None) == _asked_wait("Mon, 01 Jan 2001 00:00:00 GMT")
    words = ["L", "'", "Aquila", "and", "L", "'", "Aquila"]
    found = placed(
        [{"text": "L'Aquila", "label": "LOC"}, {"text": "L' Aquila", "label": "LOC"}], words
    )
    assert [(e.start, e.end) for e in found] == [(0, 3), (4, 7)]
    assert placed([{"text": " ", "label": "LOC"}], words) == []
