"""Matching scores: how well a target candidate fits a source entity."""
