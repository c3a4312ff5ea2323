"""The network of the score `likelihood`: fit it with torch, and apply it with NumPy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.languages import DEVELOPMENT
from xner.kernels.evidence import INPUTS
from xner.kernels.network import FARTHEST
from xner.kernels.records import Problem
from xner.score.likelihood import OF_ENTITY
from xner.stages.matching_options import COUNTED

HIDDEN, EPOCHS, BATCH, RATE, DECAY, SEED = 16, 12, 1024, 0.01, 1e-4, 3
BOUND = 3.0
"""The network corrects the weighted sum of scores by at most this, in logits."""
NOISE = 0.3
"""Standard deviation of the noise, the same for all candidates of an entity, on every input."""
WEIGHTS = {"europarl-ner": 6.0}
"""Weights of sets; Europarl-NER is the only development set with cased names and is small."""
OTHERS = ("eflomal", "fast_align")
"""Aligners whose links are part of the fit, so that it knows links that have no weights."""
OTHER_WEIGHT = 0.125
FOLDS = 2
OF = [INPUTS.index(name) for name in OF_ENTITY]
_SUMMED = [INPUTS.index(name) for name in COUNTED]
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """The candidates of a language.

    Attributes:
        data, language, aligner: the set, the language, and whose links these are.
        problem: the candidates.
        given: float64 (C, N), inputs of the network.
        correct: bool (C), whether the candidate is a gold span with the label of its entity.
        gold: number of gold entities.
        part: which sentences, if not all of the language.
    """

    data: str
    language: str
    aligner: str
    problem: Problem
    given: Float
    correct: NDArray[np.bool_]
    gold: int
    part: str = ""

    @property
    def name(self) -> str:
        """Set and language with the aligner and the part."""
        return f"{self.data} {self.language}, {self.aligner}{self.part}"

    @property
    def owner(self) -> NDArray[np.int64]:
        """int64 (C): entity of each candidate."""
        return np.repeat(np.arange(self.problem.entities), self.sizes)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int64 (E): number of candidates of each entity."""
        return np.diff(self.problem.candidate_offsets)

    @property
    def development(self) -> bool:
        """Whether the network may be fitted on it."""
        return self.language in DEVELOPMENT.get(self.data, "").split()

    @property
    def corpus(self) -> str:
        """The set without its split."""
        return self.data.split()[0]

    @property
    def fold(self) -> tuple[str, int]:
        """Examples of one fold are left out together; both splits of a language are in one."""
        names = next((v.split() for k, v in DEVELOPMENT.items() if k.split()[0] == self.corpus), [])
        at = names.index(self.language) if self.language in names else -1
        return self.corpus, at % max(1, min(len(names), FOLDS))

    @property
    def weight(self) -> float:
        """The weight of its entities in the fit."""
        return OTHER_WEIGHT if self.aligner in OTHERS else WEIGHTS.get(self.data, 1.0)


def summed(given: Float) -> Float:
    """float64 (C): the weighted sum of scores that the network corrects."""
    return np.asarray(given[:, _SUMMED] @ np.array(list(COUNTED.values())))


def standardised(given: Float, mean: Float, scale: Float) -> Float:
    """The inputs of the network, as the kernel standardises them."""
    return np.clip((given - mean) * scale, -FARTHEST, FARTHEST)


def scaling(given: Float, sizes: NDArray[np.int64], weight: Float) -> tuple[Float, Float]:
    """Mean and inverse standard deviation of the inputs; all entities of one weight count alike."""
    share = np.repeat(weight / np.maximum(sizes, 1), sizes)
    mean = np.average(given, axis=0, weights=share)
    deviation = np.sqrt(np.average((given - mean) ** 2, axis=0, weights=share))
    return mean, 1.0 / np.maximum(deviation, 0.05)


class Corrected(torch.nn.Module):
    """The weighted sum of scores, and its bounded correction by a network."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(inputs, HIDDEN)
        self.output = torch.nn.Linear(HIDDEN, 1)  # its bias is the logit of none
        self.slope = torch.nn.Parameter(torch.tensor(4.0))

    def correction(self, x: torch.Tensor) -> torch.Tensor:
        """Between -BOUND and BOUND."""
        z = self.output(torch.tanh(self.hidden(x)))[:, 0] - self.output.bias
        return BOUND * torch.tanh(z / BOUND)

    def loss(
        self, x: torch.Tensor, sums: torch.Tensor, right: torch.Tensor, sizes: NDArray[np.int64]
    ) -> torch.Tensor:
        """Negative log likelihood of the right answer for each entity; sizes: of its candidates."""
        many = len(sizes)
        owner = torch.tensor(np.repeat(np.arange(many), sizes))
        shift = NOISE * torch.randn(many, x.shape[1])
        none = torch.zeros(many, x.shape[1])
        none[:, OF] = (x[np.cumsum(sizes) - sizes] + shift)[:, OF]
        each = (self.slope * sums + self.correction(x + shift[owner])).exp()
        without = (self.correction(none) + self.output.bias).exp()
        empty = torch.zeros(many)
        found = empty.index_add(0, owner, each * right)
        answered = empty.index_add(0, owner, right) > 0
        total = without.index_add(0, owner, each)
        return total.log() - torch.where(answered, found, without).clamp(min=1e-12).log()

    def weights(self) -> dict[str, Any]:
        """The weights by their names in likelihood.json."""

        def plain(values: torch.Tensor) -> Float:
            return values.detach().numpy().astype(np.float64)

        return {
            "hidden": plain(self.hidden.weight),
            "bias": plain(self.hidden.bias),
            "output": plain(self.output.weight)[0],
            "missing": float(plain(self.output.bias)[0]),
            "base": float(plain(self.slope)) * np.array(list(COUNTED.values())),
            "bound": BOUND,
        }


def fit(chosen: Sequence[Example]) -> dict[str, Any]:
    """Fit the network by gradient descent (Adam, batches of entities)."""
    given = np.concatenate([each.given for each in chosen])
    sizes = np.concatenate([each.sizes for each in chosen])
    weight = np.concatenate([np.full(each.problem.entities, each.weight) for each in chosen])
    mean, scale = scaling(given, sizes, weight)
    first = np.cumsum(sizes) - sizes
    x = torch.tensor(standardised(given, mean, scale), dtype=torch.float32)
    sums = torch.tensor(summed(given), dtype=torch.float32)
    right = torch.tensor(np.concatenate([each.correct for each in chosen]), dtype=torch.float32)
    generator = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # the batches are small
    network = Corrected(x.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    entities = np.flatnonzero(sizes)
    steps = EPOCHS * -(-len(entities) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        shuffled = generator.permutation(entities)
        for begin in range(0, len(shuffled), BATCH):
            own = shuffled[begin : begin + BATCH]
            edges = np.cumsum(sizes[own]) - sizes[own]
            at = np.repeat(first[own] - edges, sizes[own]) + np.arange(sizes[own].sum())
            optimiser.zero_grad()
            loss = network.loss(x[at], sums[at], right[at], sizes[own])
            weights = torch.tensor(weight[own], dtype=torch.float32)
            cost: Any = (weights * loss).sum() / weights.sum()
            decay = network.hidden.weight.square().sum() + network.output.weight.square().sum()
            (cost + DECAY * decay).backward()
            optimiser.step()
            schedule.step()
    return {"mean": mean, "scale": scale, **network.weights()}


def judged(made: dict[str, Any], each: Example) -> Float:
    """float64 (C): the probability of every candidate, computed with NumPy."""
    x = standardised(each.given, made["mean"], made["scale"])
    owner, entities = each.owner, each.problem.entities
    first = np.minimum(np.searchsorted(owner, np.arange(entities)), len(owner) - 1)
    none = np.zeros((entities, x.shape[1]))
    none[:, OF] = x[first][:, OF]

    def correction(rows: Float) -> Float:
        z = np.tanh(rows @ made["hidden"].T + made["bias"]) @ made["output"]
        return np.asarray(made["bound"] * np.tanh(z / made["bound"]))

    found = np.exp(each.given[:, -len(made["base"]) :] @ made["base"] + correction(x))
    total = np.exp(correction(none) + made["missing"])
    total += np.bincount(owner, found, minlength=entities)
    return np.asarray(found / total[owner])
