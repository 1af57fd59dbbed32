"""How panes and ledger name an objective: by its name and the generation that they were built for.

An objective whose documents change gets panes of its own beside those in use, under another key.
"""

from shared.domain.agreement import objective_id

_MARK = "#"
"""In no name of a document."""


def pane_key(objective: str, built: int) -> str:
    """The key of `<agreement>/<objective>` as built for a generation; 0 for the very first."""
    return f"{objective}{_MARK}{built}" if built else objective


def key_of(agreement: str, objective: str, built: int) -> str:
    """The same of an objective by the two parts of its name."""
    return pane_key(objective_id(agreement, objective), built)


def objective_of(key: str) -> str:
    """`<agreement>/<objective>` of a key."""
    return key.partition(_MARK)[0]
