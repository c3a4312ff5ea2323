"""Batched inference shared by all neural stages: devices, checkpoints, batches and streams."""
