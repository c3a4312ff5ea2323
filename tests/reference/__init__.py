"""Plain-Python twins of the kernels: slow, obvious, and what the kernels are held to."""
