"""Batched inference that the neural stages share: devices, checkpoints, batches, streams."""
