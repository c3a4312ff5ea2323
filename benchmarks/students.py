"""Students from scratch on a CPU: transfer, translate-train, distillation, self-training.

    python -m benchmarks.students                # writes benchmarks/results/students.md
    python -m benchmarks.students --labels 10x3 6x5    # the rows of labels alone, ten seeds of
                                                 # three epochs, and six of five

Rows and settings stand in benchmarks/students.yaml, which `xner run` reads as well. What is made
is kept in the folder of `--work`; another run goes on with it.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import xner
from benchmarks import common
from xner.experiments import yaml_files
from xner.experiments.results import Cell, Results, Row
from xner.experiments.tables import compared, fact_lines, figure

CONFIG = Path(__file__).with_name("students.yaml")
SHARED = "../../shared/data"
LOW = "low-resource"
LABELS = ("translate-train", "translate-train, T-Projection's labels")
STUDENTS = ("train", "distill", "self_train")
NAMES = {"swa": "Swahili", "yor": "Yorùbá", "xho": "isiXhosa", "de": "German", "es": "Spanish"}


def configured(
    data: Path, output: Path, seeds: Sequence[int], labels: int | None = None
) -> dict[str, Any]:
    """The configuration with its data elsewhere; or the rows of labels, with so many epochs."""
    text = json.dumps(yaml_files.load(CONFIG)).replace(SHARED, str(data.resolve()))
    content: dict[str, Any] = json.loads(text)
    content |= {"output": str(output), "seeds": list(seeds)}
    if labels is not None:
        content["stages"]["train"]["epochs"] = labels
        content["languages"] = {n: content["languages"][n] for n in content["groups"][LOW]}
        content["pipelines"] = [row for row in content["pipelines"] if _name(row) in LABELS]
        content |= {"baseline": LABELS[0], "compare": [list(LABELS)], "models": {}, "groups": {}}
    return content


def _name(row: Any) -> str:
    return row if isinstance(row, str) else row.get("name", row["pipeline"])


def spread(cell: Cell) -> str:
    """F1, and its deviation where there are several seeds."""
    more = "" if cell.deviation is None else f" ± {figure(cell.deviation)}"
    return figure(cell.f1) + more


def score_table(results: Results) -> str:
    """Routes by language, what is known of the languages, and means over groups."""
    groups = list(results.rows[0].groups)
    head = ["strict F1", *map(NAMES.__getitem__, results.languages)]
    head += [*groups, "gap", "r"] if groups else []
    rows = []
    for row in results.rows:
        cells = [*map(spread, row.cells.values()), *map(spread, row.groups.values())]
        more = [figure(row.gap), figure(row.correlation)] if groups else []
        rows.append([row.system, *cells, *more])
    width = len(head)
    for name, _, *cells in fact_lines(results):
        cells = cells[: len(results.languages)]
        rows.append([name, *cells, *[""] * (width - 1 - len(cells))])
    return common.markdown(head, rows)


def compared_table(results: Results) -> str:
    """Pairs of rows by language; the deviation is that over seeds."""
    head = ["F1 of one less the other's", *map(NAMES.__getitem__, results.languages), "mean"]
    rows = [
        [row.system, *map(compared, row.cells.values()), compared(row.mean)]
        for row in results.compared
    ]
    return common.markdown(head, rows)


def manifests(results: Results) -> list[dict[str, Any]]:
    """What every step told of itself."""
    store = Path(results.output) / "store"
    return [
        json.loads((store / f"{step.stage}-{step.key[:16]}.json").read_text("utf-8"))
        for step in results.steps
    ]


def by_key(results: Results) -> dict[str, dict[str, Any]]:
    """Manifests by key."""
    return {told["key"]: told for told in manifests(results)}


def details(results: Results) -> str:
    """What the table does not say, of the first seed: teachers' weights, rounds."""
    told = by_key(results)
    lines = [
        _detail(row, language, told[cell.steps[name]]["summary"])
        for row in results.rows
        for language, cell in row.cells.items()
        for name in ("distill", "self_train")
        if name in cell.steps
    ]
    return "\n".join(line for line in lines if line)


def _detail(row: Row, language: str, summary: Mapping[str, Any]) -> str:
    where = f"* {row.system}, {NAMES[language]}"
    if "tau" in summary:
        weights = ", ".join(map(figure, summary["teacher_weights"]))
        return (
            f"{where}: weights of the teachers {weights}; τ {summary['tau']:.3f}, language "
            f"identified {100 * summary['language_accuracy']:.0f} %"
        )
    if "rounds" in summary:
        scores = ", ".join(figure(each["score"]) for each in summary["rounds"])
        return f"{where}: agreement of student and teacher by round {scores}"
    return ""


def teachers(results: Results, data: Path) -> str:
    """F1 of the teachers on test text of their own language, over seeds."""
    tests = {
        "en": data / "conll-mt" / "en.test.conll",
        "de": data / "gold-test" / "de.conll",
        "es": data / "gold-test" / "es.conll",
    }
    found: dict[str, list[float]] = {}
    for key, told in by_key(results).items():
        if told["stage"] == "train" and "tokenizer_text" in told["settings"]:
            model = Path(results.output) / "store" / f"train-{key[:16]}"
            gold = tests[told["language"]]
            tagged = xner.tag(xner.read(gold, side="target"), side="target", model=str(model))
            found.setdefault(told["language"], []).append(
                xner.evaluate(gold, tagged, ignore=["MISC"]).f1
            )
    return "; ".join(f"{name} {_spread(f1)}" for name, f1 in found.items())


def _spread(values: Sequence[float]) -> str:
    more = f" ± {figure(stdev(values))}" if len(values) > 1 else ""
    return figure(fmean(values)) + more


def page(results: Results, labels: Mapping[int, Results], data: Path) -> str:
    """All that is written."""
    told = manifests(results)
    example = next(r for r in results.rows if r.system == LABELS[0]).cells["swa"].signature
    parts = [
        "`python -m benchmarks.students`: strict entity F1 (seqeval, IOB2; PER, LOC, ORG) on test "
        "sets labelled by people; mean ± standard deviation over seeds (links, weights, order, "
        "dropout). Every student is made from scratch: a byte-pair tokenizer trained on its text "
        "and a ModernBERT of 2 layers of 128; no dev set, nothing tuned on the tests. Rows and "
        "settings: benchmarks/students.yaml. `gap` is the first group less the second; `r` is "
        "Pearson's correlation, over the five languages, of the gain over direct transfer with "
        "lexical divergence.",
        score_table(results),
        "Intervals in brackets are of the bootstrap over test sentences; ± is the deviation over "
        "seeds, which are paired.",
        compared_table(results),
        *(label_part(found, epochs) for epochs, found in labels.items()),
        f"Teachers on their own language: {teachers(results, data)}. First seed:",
        details(results),
        f"`{results.signature}`",
        f"One row's: `{example}`.",
        f"{effort(told)} {common.made_by('torch', 'transformers', 'accelerate', 'pyarrow')}",
    ]
    return "\n\n".join(parts)


def effort(told: Sequence[Mapping[str, Any]]) -> str:
    """Students by stage, how long each took, and all of them."""
    seconds: dict[str, list[float]] = {}
    for one in told:
        seconds.setdefault(one["stage"], []).append(float(one["seconds"]))
    each = [f"{len(seconds[stage])} by {stage} ({fmean(seconds[stage]):.0f} s each)"
            for stage in STUDENTS if stage in seconds]  # fmt: skip
    return (
        f"Students: {', '.join(each)}. All steps took {sum(map(sum, seconds.values())) / 60:.0f} "
        f"minutes together; from the first to the last {wall(told):.0f} passed."
    )


def wall(told: Sequence[Mapping[str, Any]]) -> float:
    """Minutes from the start of the first step to the end of the last, pauses between included."""
    ends = [datetime.fromisoformat(one["made"]).timestamp() for one in told]
    begins = [end - float(one["seconds"]) for end, one in zip(ends, told, strict=True)]
    return (max(ends) - min(begins)) / 60


def label_part(results: Results, epochs: int) -> str:
    """The rows of labels with more seeds, or epochs."""
    seeds = max(row.mean.seeds for row in results.rows)
    return (
        f"## The rows of labels, {seeds} seeds, {epochs} epochs\n\n{score_table(results)}\n\n"
        f"{compared_table(results)}"
    )


def main() -> None:
    """Make the students and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="SEEDSxEPOCHS",
        help="the rows of labels again, in a table of their own",
    )
    options.add_argument("--jobs", type=int, default=2, help="processes")
    options.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir(), "xner-students"), help="folder"
    )
    chosen = options.parse_args()

    def run(seeds: int, labels: int | None) -> Results:
        content = configured(chosen.data, chosen.work, range(1, seeds + 1), labels)
        return xner.run(content, jobs=chosen.jobs, progress=_tell)

    results = run(chosen.seeds, None)
    asked = [map(int, each.split("x")) for each in chosen.labels]
    more = {epochs: run(seeds, epochs) for seeds, epochs in asked}
    body = page(results, more, chosen.data)
    common.save(chosen.results, "students.md", "Students", body)


def _tell(stage: str, share: float) -> None:
    print(f"# {stage} {100 * share:.0f} %", flush=True)


if __name__ == "__main__":
    main()
