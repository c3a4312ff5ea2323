"""Experiments: pipelines of stages over languages, and the table of their scores."""
