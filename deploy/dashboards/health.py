"""The numbers that say whether what is shown can be believed."""

from typing import Final

from deploy.dashboards.panels import Json, Panel, stat
from deploy.dashboards.promql import of
from deploy.dashboards.states import AMBER, OK, VERMILLION, steps

STALE_S: Final = 60
"""As old as figures may be before they are called stale (docs/operations.md)."""
OURS: Final = 'job=~"accord-.+"'
"""Our own processes among all that a Prometheus scrapes."""


def behind(links: tuple[Json, ...] = ()) -> Panel:
    """The age of what is evaluated."""
    return stat(
        "Behind the present",
        "How old the instant is as of which all promises are evaluated. They are right as of "
        "that instant; after a minute they are called stale.",
        f"time() - max ({of('accord_evaluation_timestamp_seconds')})",
        unit="s",
        thresholds=steps((0, OK.colour), (STALE_S / 2, AMBER), (STALE_S, VERMILLION)),
        links=links,
    )


def processes_down(links: tuple[Json, ...] = ()) -> Panel:
    """Processes that cannot be scraped."""
    return stat(
        "Processes down",
        "Processes of Accord that Prometheus knows of and cannot read.",
        f"sum ({of('up', OURS)} == bool 0)",
        unit="short",
        thresholds=steps((0, OK.colour), (1, VERMILLION)),
        links=links,
    )
