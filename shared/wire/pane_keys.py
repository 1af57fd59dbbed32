"""How panes and ledger name an objective: by its name and the generation that they were built for.

An objective whose documents change gets panes of its own beside those in use, under another key.
"""

_MARK = "#"
"""In no name of a document."""


def pane_key(objective: str, built: int) -> str:
    """The key of `<agreement>/<objective>` as built for a generation; 0 for the very first."""
    return f"{objective}{_MARK}{built}" if built else objective


def objective_of(key: str) -> str:
    """`<agreement>/<objective>` of a key."""
    return key.partition(_MARK)[0]
