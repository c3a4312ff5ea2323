"""Tiny models that tests build and train in about a second, without downloads."""
