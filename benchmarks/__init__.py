"""Benchmarks: each command here measures a claim about speed or quality."""
