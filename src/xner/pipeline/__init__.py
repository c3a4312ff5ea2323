"""Stages: each takes a corpus and gives it back with one more column."""
