"""Tiny models that tests build."""
