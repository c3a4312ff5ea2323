"""Train students from scratch on a CPU: transfer, translate-train, distillation, self-training.

    python -m benchmarks.students                # writes benchmarks/results/students.md
    python -m benchmarks.students --labels 10x3 6x5    # also compare label sources: ten seeds
                                                 # of three epochs, and six of five

Rows and settings are in benchmarks/students.yaml, which `xner run` also reads. The results of all
steps are cached in the folder `--work`, and an interrupted run resumes from there.
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
    """Return the configuration with other folders, or the label comparison with given epochs."""
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
    """Format F1 and, for several seeds, its standard deviation."""
    more = "" if cell.deviation is None else f" ± {figure(cell.deviation)}"
    return figure(cell.f1) + more


def score_table(results: Results) -> str:
    """Format scores by language, statistics of the languages, and means over groups."""
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
    """Format pairs of rows by language, with the standard deviation over seeds."""
    head = ["difference in F1", *map(NAMES.__getitem__, results.languages), "mean"]
    rows = [
        [row.system, *map(compared, row.cells.values()), compared(row.mean)]
        for row in results.compared
    ]
    return common.markdown(head, rows)


def manifests(results: Results) -> list[dict[str, Any]]:
    """Return the report of every step."""
    store = Path(results.output) / "store"
    return [
        json.loads((store / f"{step.stage}-{step.key[:16]}.json").read_text("utf-8"))
        for step in results.steps
    ]


def by_key(results: Results) -> dict[str, dict[str, Any]]:
    """Return manifests by key."""
    return {told["key"]: told for told in manifests(results)}


def details(results: Results) -> str:
    """Format details of the first seed: weights of the teachers, rounds of self-training."""
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
    """Format F1 of the teachers on test text of their own language, over seeds."""
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
    """Return the whole page."""
    told = manifests(results)
    example = next(r for r in results.rows if r.system == LABELS[0]).cells["swa"].signature
    parts = [
        "Command: `python -m benchmarks.students`. Strict entity F1 (seqeval, IOB2; PER, LOC, "
        "ORG) on human-annotated test sets; mean ± standard deviation over seeds (links, weights, "
        "order, dropout). Every student is trained from scratch: a byte-pair tokenizer trained on "
        "its text and a ModernBERT with 2 layers of size 128. No dev set was used, and nothing was "
        "tuned on these test sets; docs/scores.md names the data that the scores of the projection "
        "were fitted on. Rows and settings are in benchmarks/students.yaml. `gap` is the "
        "first group minus the second. `r` is Pearson's correlation, over the five languages, of "
        "the gain over direct transfer with lexical divergence.",
        score_table(results),
        "Intervals in brackets are a bootstrap over test sentences. ± is the standard deviation "
        "over paired seeds.",
        compared_table(results),
        *(label_part(found, epochs) for epochs, found in labels.items()),
        f"Teachers on their own language: {teachers(results, data)}. Details of the first seed:",
        details(results),
        f"`{results.signature}`",
        f"Signature of one row: `{example}`.",
        f"{effort(told)} {common.made_by('torch', 'transformers', 'accelerate', 'pyarrow')}",
    ]
    return "\n\n".join(parts)


def effort(told: Sequence[Mapping[str, Any]]) -> str:
    """Format the number of students by stage, the time of each, and the total time."""
    seconds: dict[str, list[float]] = {}
    for one in told:
        seconds.setdefault(one["stage"], []).append(float(one["seconds"]))
    each = [f"{len(seconds[stage])} by {stage} ({fmean(seconds[stage]):.0f} s each)"
            for stage in STUDENTS if stage in seconds]  # fmt: skip
    return (
        f"Students: {', '.join(each)}. All steps took {sum(map(sum, seconds.values())) / 60:.0f} "
        f"minutes in total and {wall(told):.0f} minutes of wall time."
    )


def wall(told: Sequence[Mapping[str, Any]]) -> float:
    """Return minutes from the start of the first step to the end of the last, with pauses."""
    ends = [datetime.fromisoformat(one["made"]).timestamp() for one in told]
    begins = [end - float(one["seconds"]) for end, one in zip(ends, told, strict=True)]
    return (max(ends) - min(begins)) / 60


def label_part(results: Results, epochs: int) -> str:
    """Format the label comparison with more seeds or epochs."""
    seeds = max(row.mean.seeds for row in results.rows)
    return (
        f"## Comparison of labels, {seeds} seeds, {epochs} epochs\n\n{score_table(results)}\n\n"
        f"{compared_table(results)}"
    )


def main() -> None:
    """Train the students and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument(
        "--seeds", type=int, default=3, help="number of seeds (default: %(default)s)"
    )
    options.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="SEEDSxEPOCHS",
        help="add a table that compares label sources with these numbers of seeds and epochs",
    )
    options.add_argument(
        "--jobs", type=int, default=2, help="number of processes (default: %(default)s)"
    )
    options.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir(), "xner-students"),
        help="folder for the cached steps (default: %(default)s)",
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
