"""A state as the text of its answer, but for what moves by itself: freshness and `as_of`."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import asyncpg
import msgspec

from services.api.answering.answers import StateRow, state_row
from services.api.reading.objectives import Objectives
from services.api.reading.standing import Standing
from shared.domain.instant import Instant, format_instant
from shared.wire.groups import group_of
from shared.wire.results import encode

_TAG_BYTES: Final = 16
_FRESHNESS: Final = b'"freshness":"'
_AS_OF: Final = b'"as_of":'


class StateText:
    """A row of `value`, written once and answered many times.

    `explained` is its explanation as JSON, with the instant as of which it holds (None: any).
    """

    __slots__ = (
        "_head",
        "_more",
        "_tail",
        "digest",
        "explained",
        "group",
        "grp",
        "key",
        "level",
        "row",
        "sla_id",
        "state",
    )

    def __init__(self, objectives: Objectives, standing: Standing, row: asyncpg.Record) -> None:
        """Write it; of the standing only the gaps matter."""
        shown = state_row(objectives, standing, row, now=0)
        # Nothing inside a text of JSON looks like a member: quotes are escaped there.
        text = encode(msgspec.structs.replace(shown, freshness="", as_of=""))
        head, name, rest = text.rpartition(_FRESHNESS)
        self._head = head + name
        tail, name, rest = rest.rpartition(_AS_OF)
        self._tail = tail + name
        # What a sealed window has more; of others nothing.
        self._more = rest.removeprefix(b'""').removesuffix(b"}")
        self.digest = blake2b(text, digest_size=_TAG_BYTES).digest()
        self.row = row
        self.key: str = row["objective"]
        self.grp: str = row["grp"]
        self.group = group_of(self.grp)
        self.sla_id = shown.sla_id
        self.state = shown.state
        self.level = shown.level
        self.explained: tuple[Instant | None, bytes] | None = None

    def text(self, freshness: str, as_of: Instant | None, explain: bytes | None = None) -> bytes:
        """The JSON of the state as it stands at an instant, perhaps with its explanation."""
        instant = b"null" if as_of is None else b'"' + format_instant(as_of).encode() + b'"'
        more = b"" if explain is None else b',"explain":' + explain
        return b"".join(
            (self._head, freshness.encode(), self._tail, instant, self._more, more, b"}")
        )

    def shown(self, objectives: Objectives, standing: Standing, *, now: Instant) -> StateRow:
        """The state by its members."""
        return state_row(objectives, standing, self.row, now=now)


def state_texts(
    objectives: Objectives, standing: Standing, rows: Sequence[asyncpg.Record]
) -> list[StateText]:
    """Rows of `value` as text."""
    return [StateText(objectives, standing, row) for row in rows]
