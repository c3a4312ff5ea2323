"""The built-in word aligner: a statistical model fitted on the text that it aligns.

`xner.aligners.rounds` samples a bitext; `fit` and `learn` make a model of what it finds, which
`xner.aligners.applying` applies to larger ones.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from xner.aligners import rounds, sampling
from xner.aligners.applying import apply_model
from xner.aligners.bitext import Bitext
from xner.aligners.fitting import Learned, model_of
from xner.aligners.hints import NO_HINTS, Hints
from xner.aligners.model import AlignmentModel
from xner.aligners.shards import text_of
from xner.aligners.soft import DECISIONS, LEAST, Decision, SoftLinks, decide, joined
from xner.aligners.units import Units, bitext_of, links_of_tokens, units_of
from xner.effects import NOTHING, when
from xner.kernels import local
from xner.options import declare, option, refuse_idle, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xner.aligners.bitext import Links

FULL_THRESHOLD, LEAST_THRESHOLD = 0.3, 0.2
"""Minimum probability of a link in long and in the shortest sentences."""
WHOLE_CELLS = 1 << 24
"""Pairs of word positions up to which all of a bitext is sampled, which bounds memory."""
CORE_PAIRS, CORE_CELLS, CORE_CHAINS = 20_000, 1 << 22, 4
"""What is sampled of a larger bitext: pairs, pairs of word positions, and chains."""
SWEEPS = 3
"""Sweeps of every chain where a model is applied; all are averaged."""


@declare
class NativeAligner:
    """Bayesian HMM aligner with fertilities, fitted by Gibbs sampling.

    The same bitext and options give the same links on any number of threads.

    A corpus of up to `fit_pairs` pairs and 16 million pairs of word positions is sampled as a
    whole, which takes up to about 1.5 GB. Of a larger corpus, a random sample is fitted (`fit`),
    and the model aligns every pair alone, which is faster, and memory does not grow with the
    corpus. A saved model aligns other text of the same languages in the same way.
    """

    fitted: ClassVar[bool] = True
    random: ClassVar[bool] = True
    pivots: ClassVar[bool] = True

    seed: int = option(
        1,
        "Random seed.",
        ge=0,
        unit="N",
        rare=True,
    )
    chains: int = option(
        8,
        "Number of independent sampling chains per direction; more chains are slower and give "
        "more stable links.",
        ge=1,
        unit="N",
        when=when(model=NOTHING),
        rare=True,
    )
    symmetrisation: Decision = option(
        "soft",
        "How the two alignment directions are combined. soft keeps every link whose probability "
        "is at least the threshold; the others choose the most probable link of each word in "
        "each direction and then combine the two. intersection gives the fewest and most "
        "reliable links.",
        choices=DECISIONS,
        rare=True,
    )
    threshold: float | None = option(
        None,
        "Minimum probability of a link, for symmetrisation soft. By default 0.3 for models and for "
        "sentences of 16 words and more on average, and less for shorter ones, down to 0.2.",
        ge=LEAST,
        le=1,
        unit="P",
        default_text="0.2 to 0.3",
        when=when(symmetrisation="soft"),
        rare=True,
    )
    fit_pairs: int = option(
        100_000,
        "Maximum number of sentence pairs that the aligner is fitted on. For a larger corpus, it "
        "is fitted on a random subset, and the model is applied to every pair.",
        ge=1,
        unit="N",
        when=when(model=NOTHING),
        rare=True,
    )
    effort: float = option(
        1.0,
        "Multiplier of the number of sampling sweeps over the text.",
        gt=0,
        unit="FACTOR",
        rare=True,
    )
    units: Literal["words", "tokens"] = option(
        "words",
        "What is aligned: words or tokens. words finds the words of text that is written without "
        "spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), aligns them, and gives their links "
        "to the tokens that they overlap (simalign and awesome join characters into words, but do "
        "not split longer tokens); tokens aligns all tokens as they are.",
        choices=("words", "tokens"),
        rare=True,
    )
    model: str | Path | AlignmentModel | None = option(
        None,
        "Fitted model, from `--save-model`. It is applied, and no other model is fitted.",
        unit="MODEL",
        names="file",
    )

    def __post_init__(self) -> None:
        refuse_idle(self, settle(self))

    @property
    def signature(self) -> str:
        """Every option that can change the links."""
        at = ""
        if self.symmetrisation == "soft" and self.threshold is not None:
            at = f">={self.threshold:g}"
        units = "" if self.units == "words" else f"units:{self.units},"
        how = f"sym:{self.symmetrisation}{at},{units}seed:{self.seed}"
        if self.model is not None:
            return f"native(effort:{self.effort:g},{how},model:{self.fitted_model.signature})"
        return f"native(chains:{self.chains},effort:{self.effort:g},fit:{self.fit_pairs},{how})"

    def align(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> Links:
        """Align `bitext`, with a model that is fitted on it unless `model` names one.

        Args:
            bitext: the sentence pairs; either side of a pair may be empty.
            progress: called from this thread with the fraction done.

        Returns:
            Links sorted by sentence, source word and target word, with weights in (0, 1].

        Raises:
            ValueError: the two sides differ in their number of sentences.
            FormatError: the model cannot be read.
        """
        return self.decide(self.soft(bitext, progress))

    def decide(self, soft: SoftLinks) -> Links:
        """Convert probabilities to links by `symmetrisation` and `threshold`."""
        threshold = self.threshold
        if threshold is None:
            threshold = FULL_THRESHOLD - (FULL_THRESHOLD - LEAST_THRESHOLD) * self._shortness(soft)
        return decide(soft, self.symmetrisation, threshold)

    def _shortness(self, soft: SoftLinks) -> float:
        """Return how short the sentences are, from 0 to 1.

        It is 0 where a model is applied, so that a pair has the same links in any corpus.
        """
        pairs = len(soft.source_lengths)
        cells = int((soft.source_lengths * soft.target_lengths).sum())
        if self.model is not None or pairs > self.fit_pairs or cells > WHOLE_CELLS:
            return 0.0
        words = int(soft.source_lengths.sum() + soft.target_lengths.sum())
        return 1.0 - rounds.length_share(words, pairs)

    def soft(self, bitext: Bitext, progress: Callable[[float], None] | None = None) -> SoftLinks:
        """Return the probabilities of all links above 0.01.

        Arguments and errors are those of `align`.
        """
        _check(bitext)
        tell = progress or _silent
        units = self.split(bitext)
        return links_of_tokens(self.soft_units(bitext_of(bitext, *units), tell), bitext, *units)

    def soft_units(
        self, bitext: Bitext, tell: Callable[[float], None], hints: Hints = NO_HINTS
    ) -> SoftLinks:
        """Return the probabilities of `soft` for a bitext of units (`split`).

        Args:
            bitext: the units.
            tell: called from this thread with the fraction done.
            hints: factors of the weights of links; a large bitext takes none, unless a model is
                applied.
        """
        if self.model is not None:
            return self._apply(self.fitted_model, bitext, tell, hints)
        if self.is_large(bitext):
            return self._learn(bitext, tell)[0]
        made, _ = self._sample(bitext, self.chains, tell, model=False, hints=hints)
        return made.head(bitext.aligned)

    def learn(
        self, bitext: Bitext, progress: Callable[[float], None] | None = None
    ) -> tuple[SoftLinks, AlignmentModel]:
        """Return the probabilities of `soft`, and a model of the same bitext.

        Arguments and errors are those of `align`.
        """
        _check(bitext)
        units = self.split(bitext)
        links, model = self._learn(bitext_of(bitext, *units), progress or _silent)
        return links_of_tokens(links, bitext, *units), model

    def _learn(
        self, bitext: Bitext, tell: Callable[[float], None]
    ) -> tuple[SoftLinks, AlignmentModel]:
        if self.is_large(bitext):
            model = self._fit(bitext, lambda share: tell(share / 2), None)
            links = self._apply(model, bitext, lambda share: tell((1 + share) / 2))
            return links, model
        links, learned = self._sample(bitext, self.chains, tell)
        model = self._model(bitext, links, learned, bitext.pairs)
        return links.head(bitext.aligned), model

    def fit(
        self,
        bitext: Bitext,
        progress: Callable[[float], None] | None = None,
        total: int | None = None,
    ) -> AlignmentModel:
        """Return a model of a random sample of `fit_pairs` pairs.

        The links of up to 20,000 pairs are sampled. A model of these aligns the rest of the
        sample, and the model of both is returned.

        Args:
            bitext: the sentence pairs.
            progress: called from this thread with the fraction done.
            total: number of pairs that the bitext itself was sampled from.

        Raises:
            ValueError: the two sides differ in their number of sentences.
        """
        _check(bitext)
        return self._fit(bitext_of(bitext, *self.split(bitext)), progress or _silent, total)

    def _fit(
        self, bitext: Bitext, tell: Callable[[float], None], total: int | None
    ) -> AlignmentModel:
        order = np.random.default_rng(self.seed).permutation(bitext.pairs)[: self.fit_pairs]
        first = _first_within(bitext.cells[order], CORE_CELLS, CORE_PAIRS)
        core, rest = bitext.take(order[first]), bitext.take(order[~first])
        chains = min(self.chains, CORE_CHAINS)
        links, learned = self._sample(core, chains, lambda share: tell(share / 2))
        total = bitext.pairs if total is None else total
        model = self._model(core, links, learned, total)
        if rest.pairs:
            more = self._apply(model, rest, lambda share: tell((1 + share) / 2))
            links = joined([links, more])
            sample = bitext.take(np.concatenate([order[first], order[~first]]))
            model = self._model(sample, links, learned, total)
        tell(1.0)
        return model

    def _model(
        self, sample: Bitext, links: SoftLinks, learned: Learned, total: int
    ) -> AlignmentModel:
        signature = f"{self.signature} on {sample.pairs} of {total} pairs"
        return model_of(text_of(sample.source), text_of(sample.target), links, learned, signature)

    @property
    def fitted_model(self) -> AlignmentModel:
        """The model that `model` names.

        Raises:
            FormatError: it is not a model.
        """
        if isinstance(self.model, AlignmentModel):
            return self.model
        return load_model(Path(str(self.model)))

    def split(self, bitext: Bitext) -> tuple[Units | None, Units | None]:
        """Return the units of both sides; None where they are the tokens."""
        if self.units == "tokens":
            return None, None
        if self.model is not None:
            model = self.fitted_model
            return (
                units_of(bitext.source, known=model.source.index),
                units_of(bitext.target, known=model.target.index),
            )
        whole = not self.is_large(bitext)
        return units_of(bitext.source, whole), units_of(bitext.target, whole)

    def is_large(self, bitext: Bitext) -> bool:
        """Whether only a sample is fitted."""
        return bitext.pairs > self.fit_pairs or int(bitext.cells.sum()) > WHOLE_CELLS

    def _apply(
        self,
        model: AlignmentModel,
        bitext: Bitext,
        report: Callable[[float], None],
        hints: Hints = NO_HINTS,
    ) -> SoftLinks:
        """Apply a model to the pairs of a bitext that are to be aligned."""
        pairs = bitext.slice(0, bitext.aligned)
        sweeps = max(1, round(SWEEPS * self.effort))
        seed = np.uint64(sampling.random_state(self.seed))
        settings = local.Sampling(1, 0, sweeps, seed)
        return apply_model(model, pairs, settings, report, hints)

    def _sample(
        self,
        bitext: Bitext,
        chains: int,
        tell: Callable[[float], None],
        model: bool = True,
        hints: Hints = NO_HINTS,
    ) -> tuple[SoftLinks, Learned]:
        return rounds.sample(bitext, self.seed, chains, self.effort, tell, model=model, hints=hints)


@lru_cache(maxsize=2)
def _load(path: Path, size: int, changed: int) -> AlignmentModel:
    return AlignmentModel.load(path)


def load_model(path: Path) -> AlignmentModel:
    """Return the model of a file, which is read again only if it changes.

    Raises:
        FormatError: it is not a model.
    """
    try:
        found = path.stat()
    except OSError:
        return AlignmentModel.load(path)
    return _load(path, found.st_size, found.st_mtime_ns)


def _silent(share: float) -> None:
    """Report no progress."""


def _check(bitext: Bitext) -> None:
    source_pairs, target_pairs = len(bitext.source.offsets) - 1, len(bitext.target.offsets) - 1
    if source_pairs != target_pairs:
        raise ValueError(
            f"the source has {source_pairs} sentences and the target {target_pairs}; "
            "each source sentence needs one target sentence, which may be empty"
        )


def _first_within(sizes: NDArray[np.int64], total: int, most: int) -> NDArray[np.bool_]:
    """Mark the first pairs whose sizes add up to `total`, at most `most` of them.

    Pairs that are much larger than most others are left out, so that one does not fill the total.
    """
    small = sizes <= max(total // 8, np.median(sizes) if len(sizes) else 0)
    within = small & (np.cumsum(np.where(small, sizes, 0)) <= total)
    return within & (np.cumsum(within) <= most)
