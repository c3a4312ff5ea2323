"""The matching problem and its solvers."""
