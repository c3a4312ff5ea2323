"""Matching scores: how well a target candidate fits a source entity."""

from xner.score.registry import register as register

__all__ = ["register"]
