"""Tiny models that tests and benchmarks build in seconds; nothing is downloaded."""
