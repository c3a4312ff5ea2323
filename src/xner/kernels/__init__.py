"""Compiled kernels: records of NumPy arrays in, arrays out.

Kernels import NumPy and Numba alone. Conventions they share:

* what belongs together comes as one record (`xner.kernels.records`), built once per batch;
* spans are half-open, `[start, end)`, and count words;
* ids, spans and offsets within a batch are int32 (Arrow's own list offsets), scores
  float64, link weights float32;
* kernels make no arrays, except where only they find out the sizes: a plain function, which has the
  name, makes room and calls the compiled one. The first use compiles in less time that way
  (`xner.kernels.jit`);
* a kernel works on the sentences `lo <= s < hi` and writes only their rows, so that any
  split of a batch over threads gives the same arrays (`xner.kernels.blocks`);
* no `fastmath`: infinities and ties keep their meaning.
"""
