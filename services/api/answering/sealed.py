"""What is said of a window in a sealed period beside its numbers: who sealed it, what they are now.

Windows of periods that nobody has signed off have neither member.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import asyncpg
import msgspec

from shared.domain.instant import format_instant

_object: Final = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)
_counts: Final = msgspec.json.Decoder(dict[str, int])


class SealedForm(msgspec.Struct, frozen=True, kw_only=True):
    """When a review signed the period off, and who did; None for who may not know."""

    at: str
    by: str | None


class AdjustedForm(msgspec.Struct, frozen=True, kw_only=True):
    """What would be said of a window without the seal: the members that `evaluate` prints.

    `cause` is `late`, `corrected` or `documents`, as of revisions, or `closed`: a breach that was
    open when the period was sealed has ended, which is no revision.
    """

    level: str
    final: bool
    value: str | None
    target: Mapping[str, object]
    state: str
    budget_remaining: str | None
    counts: Mapping[str, int]
    breach_id: str | None
    revision: int
    provisional: bool
    cause: str


class SealMembers(msgspec.Struct, frozen=True, kw_only=True):
    """The members that sealed windows have more than others."""

    sealed: SealedForm | msgspec.UnsetType = msgspec.UNSET
    adjusted: AdjustedForm | msgspec.UnsetType | None = msgspec.UNSET


NOT_SEALED: Final = SealMembers()


def seal_members(row: asyncpg.Record, *, names: bool) -> SealMembers:
    """Of a row of `value` or of `reading/sealed.py`; without `names` not who sealed it."""
    sealed_at = row.get("sealed_at")
    if sealed_at is None:
        return NOT_SEALED
    by = row["sealed_by"] if names else None
    sealed = SealedForm(at=format_instant(sealed_at), by=by)
    return SealMembers(sealed=sealed, adjusted=_adjusted(row))


def _adjusted(row: asyncpg.Record) -> AdjustedForm | None:
    """The numbers of now; None where they are the sealed ones."""
    as_text = ("level", "value", "state", "budget_remaining")
    target, counts = _object.decode(row["now_target"]), _counts.decode(row["now_counts"])
    if (
        all(row[name] == row[f"now_{name}"] for name in as_text)
        and _object.decode(row["target"]) == target
        and _counts.decode(row["counts"]) == counts
    ):
        return None
    return AdjustedForm(
        **{name: row[f"now_{name}"] for name in as_text},
        final=row["now_final"],
        target=target,
        counts=counts,
        breach_id=row["now_breach_id"],
        revision=row["now_revision"],
        provisional=row["now_provisional"],
        cause=row["now_cause"],
    )
