"""What some values in the tables stand for; whoever only reads and writes them needs no more."""

from typing import Final

RUNNING_PANE: Final = (1 << 63) - 1
"""`pane_start` of what is not decided yet: it counts in the window that holds the instant of
evaluation."""
PANE_COUNTS: Final = (
    "excluded",
    "running",
    "met",
    "breached_open",
    "breached_closed",
    "counted",
    "good",
    "total",
    "pending",
)
"""The counts of a pane in the order of its columns; `amount` follows them."""

WINDOW_PART: Final = -1
"""`part` of a breach that belongs to no partition: one of a window."""
