"""Kill jobs at random moments, continue them, and compare the output with an undisturbed run.

python -m benchmarks.kills --kills 1000                # writes benchmarks/results/kills.md
python -m benchmarks.kills --kills 100 --engine ray
"""

import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.ray_nodes import cluster
from xner.corpus import scan
from xner.jobs import Engine, Local, Output, run_job
from xner.kernels.blocks import threads
from xner.stages import Stage
from xner.stages.align import Align
from xner.stages.project import Project
from xner.stages.translate import Translate
from xner.translation.fake import FakeTranslator

PART_ROWS = 50
_WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "ne", "su", "ta") for b in ("ba", "du", "fi", "go")]


@dataclass(frozen=True, slots=True)
class Case:
    """A job that is killed.

    Attributes:
        name: of the row in the results.
        stage: makes the stage.
        source: name of the input file.
        output: name of the output.
    """

    name: str
    stage: Callable[[], Stage]
    source: str
    output: str

    def run(self, folder: Path, engine: Engine, output: str | None = None) -> None:
        """Run the job, or continue it."""
        one_sided = self.source == "labelled.jsonl"
        corpus = scan(folder / self.source, side="source" if one_sided else None)
        run_job(
            self.stage(),
            corpus,
            f"{folder}/{output or self.output}",
            files=[folder / self.source],
            engine=engine,
            part_rows=PART_ROWS,
        )
        engine.close()


CASES = (
    Case("project, folder of Parquet", Project, "linked.jsonl", "project/"),
    Case("align and project, folder", lambda: Project(seed=3), "pairs.jsonl", "both/"),
    Case("align, folder", lambda: Align(chains=1), "pairs.jsonl", "align/"),
    Case("translate, one JSON lines file", lambda: _translate(), "labelled.jsonl", "out.jsonl"),
    Case("translate, one Parquet file", lambda: _translate(), "labelled.jsonl", "out.parquet"),
)


def _translate() -> Translate:
    words = {word: word[::-1] for word in _WORDS}
    return Translate("eng", "deu", translator=FakeTranslator(words))


def make_inputs(folder: Path, rows: int) -> None:
    """Write three files of random pairs: labelled, with both sides, and with links."""
    draw = random.Random(1)
    files = {n: (folder / f"{n}.jsonl").open("w") for n in ("labelled", "pairs", "linked")}
    for i in range(rows):
        words = draw.choices(_WORDS, k=draw.randint(3, 12))
        start = draw.randrange(len(words) - 1)
        entity = {"start": start, "end": start + draw.randint(1, 2), "label": "PER"}
        row: dict[str, Any] = {"id": f"row-{i}", "source_tokens": words}
        row["source_entities"] = [entity] if start + 2 <= len(words) else []
        print(json.dumps(row), file=files["labelled"])
        row["target_tokens"] = [word[::-1] for word in words]
        print(json.dumps(row), file=files["pairs"])
        row["links"] = [
            {"source": j, "target": j} for j in range(len(words)) if draw.random() < 0.9
        ]
        print(json.dumps(row), file=files["linked"])
    for file in files.values():
        file.close()


def contents(output: Path) -> dict[str, bytes]:
    """The bytes of the files of an output that have their final names."""
    if output.is_dir():
        return {path.name: path.read_bytes() for path in sorted(output.glob("part-*"))}
    return {output.name: output.read_bytes()} if output.exists() else {}


def in_child(run: Callable[[], None], kill_after: float | None = None) -> bool:
    """Run a function in a forked process; returns whether it ended before it was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run()
            code = 0
        finally:
            os._exit(code)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    assert os.waitstatus_to_exitcode(status) == 0, "the job failed"
    return True


@dataclass(slots=True)
class Tally:
    """What happened to a case.

    Attributes:
        kills: runs that were killed.
        finished: jobs that ended with the right output.
        resumed: the most runs that one of them took.
        seconds: of an undisturbed run.
    """

    kills: int = 0
    finished: int = 0
    resumed: int = 0
    seconds: float = 0.0


def kill_often(case: Case, folder: Path, engine: Engine, kills: int, draw: random.Random) -> Tally:
    """Kill a job again and again, start it over when it is finished, and check its files."""
    tally, output = Tally(), folder / case.output
    expected = undisturbed(case, folder, engine, tally)
    runs = 0
    while tally.kills < kills:
        runs += 1
        ended = in_child(lambda: case.run(folder, engine), draw.random() * tally.seconds * 1.1)
        tally.kills += not ended
        found = contents(output)
        wrong = [name for name, data in found.items() if data != expected[name]]
        assert not wrong, f"{case.name}: {wrong[0]} differs after {tally.kills} kills"
        if ended or tally.kills == kills:
            in_child(lambda: case.run(folder, engine))
            assert contents(output) == expected, f"{case.name}: the output differs"
            assert not Output.of(output).work.exists(), f"{case.name}: the work folder is left"
            tally.finished, tally.resumed, runs = tally.finished + 1, max(tally.resumed, runs), 0
            _remove(output)
    return tally


def undisturbed(case: Case, folder: Path, engine: Engine, tally: Tally) -> dict[str, bytes]:
    """The files of a job that is not killed, in this process.

    It loads what the forked processes need. A second run in one of them is timed.
    """
    slash = "/" * case.output.endswith("/")
    here, timed = (f"{name}-{case.output.rstrip('/')}{slash}" for name in ("here", "timed"))
    case.run(folder, Local(), here)
    begin = time.perf_counter()
    in_child(lambda: case.run(folder, engine, timed))
    tally.seconds = time.perf_counter() - begin
    expected, same = contents(folder / here), contents(folder / timed)
    assert list(expected.values()) == list(same.values()), f"{case.name}: engines differ"
    return expected if slash else {case.output: expected[here]}


def _remove(output: Path) -> None:
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink()


def tallies(kills: int, rows: int, engine: Engine, seed: int) -> Iterator[tuple[Case, Tally]]:
    """Kill every case, `kills` times in all."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, threads(1):
        make_inputs(Path(name), rows)
        for i, case in enumerate(CASES):
            own = kills // len(CASES) + (i < kills % len(CASES))
            yield case, kill_often(case, Path(name), engine, own, draw)


@contextmanager
def engine_named(name: str) -> Iterator[Engine]:
    """The engine of a name; for `ray` also a cluster, which is not killed."""
    if name == "local":
        yield Local()
        return
    from xner.jobs.ray import Ray

    with cluster(2) as nodes:
        import ray.data  # noqa: F401 - forked processes should not import it again

        yield Ray(nodes[0].address)


def main() -> None:
    """Kill every case, and write the page of results."""
    parser = common.parser(__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--rows", type=int, default=400, help="of every corpus: %(default)s")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    options = parser.parse_args()
    rows = []
    with engine_named(options.engine) as engine:
        for case, tally in tallies(options.kills, options.rows, engine, options.seed):
            counts = (f"{count:,}" for count in (tally.kills, tally.finished, tally.resumed))
            rows.append([case.name, *counts, f"{tally.seconds:.2f}"])
            print(*rows[-1], flush=True)
    head = ["job", "kills", "finished, right bytes", "runs at most", "s undisturbed"]
    body = f"{common.markdown(head, rows)}\n\n{common.made_by('pyarrow')}"
    name = "kills" if options.engine == "local" else f"kills_{options.engine}"
    common.save(options.results, f"{name}.md", f"Killed jobs, engine {options.engine}", body)


if __name__ == "__main__":
    main()
