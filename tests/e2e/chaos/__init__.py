"""Faults on real processes: many at once, a reader that watches, everything compared afterwards.

`python -m tests.e2e.chaos --seeds n` is `make chaos SEEDS=n`; `--bugs` tries whether mistakes that
are known would be noticed.
"""
