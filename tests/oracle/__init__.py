"""The independent oracle: a small, slow evaluator that shares no code with the product.

Written from the contract alone; wherever it can, it recomputes from the definition instead of
keeping state. `python -m tests.oracle` takes the arguments of `accord evaluate`.
"""
