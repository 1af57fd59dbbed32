"""Credentials that were refused, summed up for the audit log: by reason, and from where."""

from collections import Counter
from typing import Final

from services.api.access import audit
from shared.runtime.database import Pool, transaction

PEERS_MAX: Final = 20
"""Peers that an entry names, those with the most refusals."""
REMEMBERED: Final = 1_000


class Refusals:
    """What was refused since it was written down last."""

    def __init__(self, pool: Pool) -> None:
        """Nothing was refused yet."""
        self._pool = pool
        self._reasons: Counter[str] = Counter()
        self._peers: Counter[str] = Counter()

    def note(self, reason: str, peer: str) -> None:
        """Count one."""
        self._reasons[reason] += 1
        if peer in self._peers or len(self._peers) < REMEMBERED:
            self._peers[peer] += 1

    async def write_down(self) -> None:
        """Add an entry about them to the audit log, if there are any."""
        if not self._reasons:
            return
        reasons, peers = self._reasons.copy(), self._peers.copy()
        detail = {"reasons": dict(reasons), "peers": dict(peers.most_common(PEERS_MAX))}
        async with transaction(self._pool) as connection:
            await audit.note(connection, "accord", "credentials.refused", "api", detail)
        # Those that came meanwhile, and all where it could not be written, are for the next time.
        self._reasons -= reasons
        self._peers -= peers
