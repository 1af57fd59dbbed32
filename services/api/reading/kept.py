"""Whether what is asked for is still kept: what was let go of is refused, not shown in part."""

from typing import Final

from services.api.web.problems import Refusal
from shared.domain.instant import Instant, format_instant
from shared.runtime.database import Connection


async def read_ledger_from(connection: Connection) -> Instant | None:
    """From when on the ledger is whole; None when nothing of it was let go of."""
    kept_from: Instant | None = await connection.fetchval(_LEDGER_FROM)
    return kept_from


async def refuse_items_let_go(connection: Connection, start: Instant) -> None:
    """Refuse a window that began before the ledger that is kept: items of it may be missing."""
    kept_from = await read_ledger_from(connection)
    if kept_from is not None and start < kept_from:
        what = f"which items made up a window that began at {format_instant(start)}"
        raise _no_longer_kept(what, kept_from)


async def refuse_revisions_let_go(connection: Connection, known_at: Instant) -> None:
    """Refuse an instant before the revisions that are kept: others may have held then."""
    kept_from = await connection.fetchval(_REVISIONS_FROM)
    if kept_from is not None and known_at < kept_from:
        what = f"what was said at {format_instant(known_at)}"
        raise _no_longer_kept(what, kept_from)


_LEDGER_FROM: Final = "SELECT ledger_from FROM retention"
_REVISIONS_FROM: Final = "SELECT revisions_from FROM retention"


def _no_longer_kept(what: str, kept_from: Instant) -> Refusal:
    return Refusal(
        kind="no-longer-kept",
        detail=f"{what} is not kept any more: records go back to {format_instant(kept_from)} here "
        "(ACCORD_RETENTION)",
    )
