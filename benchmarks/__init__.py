"""Benchmarks: every claim about speed or quality is made by a command here."""
