"""Compare xner with the published code on real sentences.

    pip install --no-deps --target DIR nltk regex joblib cvxpy clarabel osqp qdldl scs
    python -m benchmarks.published --pub CHECKOUT --thesis CHECKOUT --packages DIR

Writes benchmarks/results/published.md and takes about six minutes. benchmarks/published_code.py
describes the checkouts. Exits with status 1 if a difference has no known reason.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa

import xner
from benchmarks import common, markers
from benchmarks import differential as links
from benchmarks import differential_choice as choice
from benchmarks.differential import UNEXPLAINED, WEIGHTED, Check
from benchmarks.published_code import EASYPROJECT, PAPER, THESIS, load
from xner.corpus import Corpus
from xner.labels import label_files
from xner.score.ngrams import STOP_TOKENS

Step = Callable[[], Check | list[Check]]


def link_steps(paper: Any, thesis: Any, name: str, corpus: Corpus) -> Iterator[Step]:
    """Return checks that need only links."""
    paper_scores, thesis_scores = links.paper_scores(paper), links.thesis_scores(thesis)
    if name != WEIGHTED:
        for ratio, merge in ((0.8, 1), (0.8, 0), (0.0, 1)):
            yield partial(links.paper_heuristic, paper, name, corpus, ratio, merge)
        for given in links.THESIS_HEURISTICS:
            yield partial(links.thesis_heuristic, thesis, name, corpus, given)
    for what, code in (("paper", paper_scores), ("thesis", thesis_scores)):
        title = f"alignment scores, {what}"
        yield partial(links.alignment_scores, code, title, paper, name, corpus)
    for stop in ((), STOP_TOKENS):
        yield partial(choice.paper_greedy, paper, name, corpus, stop)
    yield partial(choice.thesis_greedy, thesis, name, corpus)


def exact_steps(thesis: Any, name: str, corpus: Corpus, most: int) -> Iterator[Step]:
    """Return checks that solve the published program."""
    if "cvxpy" not in thesis.missing:
        for constraint in ("<=1", "==1"):
            yield partial(choice.exact, thesis, name, corpus, "SCIPY", constraint, most, 1500)


def ner_step(thesis: Any, name: str, corpus: Corpus, most: int) -> list[Check]:
    """Compare the NER scores of the first sentences."""
    from benchmarks.differential_ner import ner_scores

    words = [row for row in corpus.table["target_tokens"].to_pylist() if row]
    return ner_scores(thesis, name, words[:most])


def marked(match: Callable[..., Any], name: str, corpus: Corpus) -> Check:
    """Compare EasyProject's spans on simulated translations, one per sentence."""
    made = markers.cases(distinct(corpus), seed=1)
    check = Check("EasyProject, paper (recovered spans)", name, len(made))
    for case in made:
        equal = markers.ours(case) == markers.theirs(case, match)
        check.add(equal, partial(why_marked, case))
    free = sum(why_marked(case) == UNEXPLAINED for case in made)
    check.note = f"no reason applies to {free:,} sentences"
    return check


def why_marked(case: markers.Case) -> str:
    reason = markers.reason(case)
    inside = re.search(r"\w\[|\]\w", case.text)
    return UNEXPLAINED if reason == "none" or ("a word" in reason and not inside) else reason


def distinct(corpus: Corpus) -> Corpus:
    """Keep the first of identical sentences."""
    first: dict[tuple[str, ...], int] = {}
    for at, words in enumerate(corpus.table["tokens"].to_pylist()):
        first.setdefault(tuple(words), at)
    return Corpus.from_table(corpus.table.take(pa.array(first.values(), pa.int64())))


def german(data: Path) -> dict[str, Corpus]:
    """Return German sentences with gold and with projected entities."""
    folder = data / "conll-mt"
    pairs = xner.read(
        folder / "en.test.conll",
        folder / "de.test.txt",
        links=folder / "en-de.test.awesome.align",
    )
    table = xner.project(pairs).table.select(["target_tokens", "target_entities"])
    table = table.rename_columns(["tokens", "entities"]).replace_schema_metadata(None)
    return {
        "Europarl-NER": label_files([data / "europarl-ner" / "de.conll"])[0],
        "conll-mt, projected": Corpus.from_table(table),
    }


def steps(given: Any, codes: dict[str, Any]) -> Iterator[Step]:
    """Return every check, ready to run."""
    found = links.corpora(given.data, given.step)
    for name, corpus in found.items():
        yield from link_steps(codes["paper"], codes["thesis"], name, corpus)
    for name, corpus in found.items():
        if name != WEIGHTED:
            yield from exact_steps(codes["thesis"], name, corpus, given.programs)
            yield partial(ner_step, codes["thesis"], name, corpus, given.ner)
    for name, corpus in german(given.data).items():
        yield partial(marked, codes["easy"].matching.match_entities, name, corpus)


def run(todo: Iterator[Step]) -> list[Check]:
    """Run all checks, sorted by what they compare."""
    done: list[Check] = []
    for step in todo:
        begin = perf_counter()
        made = step()
        done += made if isinstance(made, list) else [made]
        seconds = perf_counter() - begin
        print(f"{done[-1].corpus}: {done[-1].what} ({seconds:.0f} s)", file=sys.stderr)
    order = list(dict.fromkeys(check.what.split(",")[0] for check in done))
    return sorted(done, key=lambda check: order.index(check.what.split(",")[0]))


def summary(checks: list[Check]) -> str:
    """Format one line per check."""
    head = ["check", "corpus", "sentences", "compared", "equal", "different"]
    rows = [
        [c.what, c.corpus]
        + [f"{n:,}" for n in (c.sentences, c.compared, c.compared - c.different, c.different)]
        for c in checks
    ]
    return common.markdown(head, rows)


def reasons(checks: list[Check]) -> str:
    """Count each reason by the sentences for which its predicate holds."""
    rows = [
        [c.what, c.corpus, reason, f"{n:,}"]
        for c in checks
        for reason, n in c.reasons.most_common()
    ]
    return common.markdown(["check", "corpus", "reason", "differences"], rows)


def notes(checks: list[Check], missing: list[str]) -> list[str]:
    """Return additional notes."""
    lines = [f"* {c.what}, {c.corpus}: {c.note}." for c in checks if c.note]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        lines.append(f"* Not installed, replaced by stubs at import and not called: {names}.")
    if "cvxpy" in missing:
        lines.append(
            "* Without CVXPY the published program is not solved, and there are no objectives."
        )
    return lines


def digest(folder: Path) -> str:
    """Return the first 12 digits of the SHA-256 of all Python files of a checkout."""
    made = hashlib.sha256()
    for path in sorted((folder / "src").rglob("*.py")):
        made.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return made.hexdigest()[:12]


def page(checks: list[Check], given: Any, missing: list[str]) -> str:
    """Return the whole page."""
    lines = [
        common.made_by("torch", "transformers"),
        f"Command: `python -m benchmarks.published --step {given.step} --ner {given.ner} "
        f"--programs {given.programs}`. SHA-256 of src/**/*.py: paper {digest(given.pub)}, thesis "
        f"{digest(given.thesis)}.",
        "The published functions are called unmodified. Both sides get the same words, entities "
        "and links: AWESOME's for ABSA (es, fr; train, test) and conll-mt (de, es; every "
        f"{given.step}th pair), the native aligner's (seed 1) for Europarl-NER (en→de). Links have "
        "no weights unless stated otherwise. The second table explains the column `different`. A "
        "reason is counted if a test on the sentence holds, and "
        f"`{UNEXPLAINED}` if none does. Labels are compared by sentence, alignment scores bit by "
        "bit, NER scores to 1e-5 (single precision, batches of other sizes), objectives to 1e-6. "
        "[Intentional differences and their reasons](../../docs/differences.md). "
        "The NMT score has its own page: [nmt_score.md](nmt_score.md).",
        summary(checks),
        "## Differences, by reason",
        reasons(checks),
        "## Notes",
        "\n".join(
            [
                *notes(checks, missing),
                "* Objectives: the candidates are the thesis's subranges of linked regions of up "
                "to 10 words, passed to xner as `candidates=spans`. The sentences are those with "
                "the most entities. The thesis's program is written with CVXPY and solved by "
                "SciPy's HiGHS (Gurobi needs a licence).",
                "* NER scores: a tiny XLM-R with random weights, all n-grams up to 10 words, four "
                "labels, of which MISC has no I-, temperature 2, threshold 0.05.",
                "* EasyProject: simulated translations of distinct sentences, as in "
                "[markers.md](markers.md).",
            ]
        ),
    ]
    return "\n\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Compare and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--pub", type=Path, required=True, help="checkout of the paper's code")
    options.add_argument("--thesis", type=Path, required=True, help="checkout of the thesis's code")
    options.add_argument(
        "--packages", type=Path, help="folder with the packages that the checkouts import"
    )
    options.add_argument("--step", type=int, default=5, help="use every Nth pair of conll-mt")
    options.add_argument(
        "--ner", type=int, default=600, help="number of sentences for the NER scores"
    )
    options.add_argument(
        "--programs", type=int, default=600, help="number of sentences for the objectives"
    )
    given = options.parse_args(arguments)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if given.packages:
        sys.path.append(str(given.packages))
    codes = {
        "paper": load(given.pub, PAPER),
        "easy": load(given.pub, EASYPROJECT),
        "thesis": load(given.thesis, THESIS),
    }
    checks = run(steps(given, codes))
    common.save(
        given.results,
        "published.md",
        "Comparison with the published code",
        page(checks, given, codes["thesis"].missing),
    )
    strange = [check.what for check in checks if UNEXPLAINED in check.reasons]
    if strange:
        raise SystemExit(f"differences without a known reason: {', '.join(strange)}")


if __name__ == "__main__":
    main()
