"""Links from similarity matrices on a device: `xner.kernels.similar` in torch.

Scores are (B, S, T), padded; `rows` and `columns`, int64 (B), are their sizes without padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SMALLEST = 1.1754944e-38


def dot(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the dot products (B, S, T) of float32 (B, S, H) and (B, T, H)."""
    return source @ target.transpose(1, 2)


def cosine(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return (cos + 1) / 2, float32 (B, S, T); the cosine of a zero state is 0."""
    source, target = (
        x / x.norm(dim=-1, keepdim=True).clamp_min(SMALLEST) for x in (source, target)
    )
    return (dot(source, target) + 1) / 2


def distorted(
    similarity: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, ratio: float
) -> torch.Tensor:
    """Multiply similarities by 1 - ratio (i / (S - 1) - j / (T - 1))^2, if S and T are above 1.

    Returns:
        float64 (B, S, T).
    """
    import torch

    place = [
        torch.arange(size, device=similarity.device) / (count - 1).clamp_min(1)[:, None].double()
        for size, count in zip(similarity.shape[1:], (rows, columns), strict=True)
    ]
    factor = 1 - (place[0][:, :, None] - place[1][:, None, :]) ** 2 * ratio
    small = ((rows < 2) | (columns < 2))[:, None, None]
    return similarity * torch.where(small, 1.0, factor)


def real(scores: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return a mask (B, S, T), bool, False for padding."""
    import torch

    size, width = scores.shape[1:]
    by_row = torch.arange(size, device=scores.device) < rows[:, None]
    by_column = torch.arange(width, device=scores.device) < columns[:, None]
    return by_row[:, :, None] & by_column[:, None, :]


def greatest(scores: torch.Tensor, dim: int) -> torch.Tensor:
    """Return a bool mask of the first maximum along `dim`."""
    import torch

    shape = [1, 1, 1]
    shape[dim] = scores.shape[dim]
    place = torch.arange(scores.shape[dim], device=scores.device).view(shape)
    # torch.argmax does not say which of equal values it returns.
    ties = torch.where(scores == scores.amax(dim, keepdim=True), place, scores.shape[dim])
    return place == ties.amin(dim, keepdim=True)


def argmax_links(scores: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Return a mask (B, S, T), bool, of the cells that are the first maximum of row and column."""
    low = scores.masked_fill(~inside, -1.0)
    return greatest(low, 2) & greatest(low, 1) & inside


def itermax_links(
    scores: torch.Tensor,
    inside: torch.Tensor,
    rows: torch.Tensor,
    columns: torch.Tensor,
    alpha: float,
) -> torch.Tensor:
    """Return a mask (B, S, T), bool; see `xner.kernels.similar.link_itermax`."""
    links = argmax_links(scores, inside)
    row_free = ~links.any(2, keepdim=True) & inside.any(2, keepdim=True)
    column_free = ~links.any(1, keepdim=True) & inside.any(1, keepdim=True)
    count = row_free.double() + column_free.double()
    again = scores.double() * (alpha * count).clamp_max(1.0)
    more = argmax_links(again, inside) & (row_free | column_free)
    enough = (rows > 2) & (columns > 2) & row_free.any(1).any(1) & column_free.any(1).any(1)
    return links | (more & enough[:, None, None])


def softmax_both(scores: torch.Tensor, inside: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the softmax over rows and the softmax over columns; 0 for padding."""
    low = scores.masked_fill(~inside, float("-inf"))
    return low.softmax(2).nan_to_num(0.0), low.softmax(1).nan_to_num(0.0)


def entmax15(scores: torch.Tensor, dim: int) -> torch.Tensor:
    """Return 1.5-entmax along `dim` (Peters, Niculae & Martins 2019, algorithm 2).

    p = max(z - tau, 0)^2, where z is half the difference of each score from the maximum, and tau
    is such that p sums to 1. As tau is at least -1, values below -1 have p = 0 and are clamped.

    Args:
        scores: floats; -inf has probability 0.
        dim: dimension along which p sums to 1.

    Returns:
        float64, in the shape of `scores`.
    """
    import torch

    halves = (scores.double() - scores.amax(dim, keepdim=True)) / 2
    halves = halves.nan_to_num(-1.0).clamp_min(-1.0)
    ordered = halves.sort(dim, descending=True).values
    count = torch.arange(1, scores.shape[dim] + 1, device=scores.device, dtype=torch.float64)
    shape = [1] * scores.dim()
    shape[dim] = -1
    count = count.view(shape)
    mean = ordered.cumsum(dim) / count
    spread = (ordered**2).cumsum(dim) - count * mean**2
    tau = mean - ((1 - spread).clamp_min(0.0) / count).sqrt()
    # The support grows while the next value is above tau.
    size = scores.shape[dim] - 1
    more = tau.narrow(dim, 0, size) < ordered.narrow(dim, 1, size)
    last = more.long().cumprod(dim).sum(dim, keepdim=True)
    return (halves - tau.gather(dim, last)).clamp_min(0.0) ** 2


def entmax15_both(scores: torch.Tensor, inside: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `entmax15` over rows and over columns; 0 for padding."""
    low = scores.masked_fill(~inside, float("-inf"))
    return entmax15(low, 2) * inside, entmax15(low, 1) * inside
