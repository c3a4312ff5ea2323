"""Losses of a student; tests/reference/students.py computes them from the equations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def hard_loss(logits: Tensor, tags: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy: the sum of w · -log softmax(z)[y] over words / the sum of w.

    Args:
        logits: float (W x tags). tags: int64 (W). weights: float (W).
    """
    chosen = torch.log_softmax(logits.float(), -1).gather(1, tags[:, None])[:, 0]
    return -(chosen * weights).sum() / _total(weights)


def soft_loss(
    logits: Tensor, teacher: Tensor, weights: Tensor, kind: str = "mse", temperature: float = 1.0
) -> Tensor:
    """Distance of a student's probabilities from its teacher's, the weighted mean over words.

    `mse` is Wu et al. 2020, eq. 3: the mean over tags of (p_student - p_teacher)². `kl` is
    T² · KL(p_teacher || p_student) (Hinton et al. 2015). The temperature T applies to both: the
    student's logits are divided by T, and the teacher's p becomes p^(1/T), normalised.

    Args:
        logits: logits of the student, float (W x tags).
        teacher: probabilities of the teacher, float (W x tags).
        weights: weights of the words, float (W).
        kind: `mse` or `kl`.
        temperature: T, above 0.
    """
    teacher = tempered(teacher.float(), temperature)
    logs = torch.log_softmax(logits.float() / temperature, -1)
    if kind == "mse":
        each = (logs.exp() - teacher).square().mean(-1)
    else:
        each = temperature**2 * (torch.xlogy(teacher, teacher) - teacher * logs).sum(-1)
    return (each * weights).sum() / _total(weights)


def hidden_loss(states: Tensor, teacher: Tensor, weights: Tensor) -> Tensor:
    """‖h/‖h‖ − t/‖t‖‖², the weighted mean over words and layers (Sun et al. 2019, eq. 7).

    Args:
        states: hidden states h of the student, float (W x layers x width).
        teacher: hidden states t of the teacher, float (W x layers x width).
        weights: weights of the words, float (W).
    """
    own, wanted = (normalize(each.float(), dim=-1) for each in (states, teacher))
    each = (own - wanted).square().sum(-1).mean(-1)
    return (each * weights).sum() / _total(weights)


def tempered(probabilities: Tensor, temperature: float) -> Tensor:
    """p^(1/T), normalised: equals the softmax of logits divided by T."""
    if temperature == 1.0:
        return probabilities
    raised = probabilities.clamp_min(0).pow(1 / temperature)
    return raised / raised.sum(-1, keepdim=True)


def _total(weights: Tensor) -> Tensor:
    return weights.sum().clamp_min(1e-9)
