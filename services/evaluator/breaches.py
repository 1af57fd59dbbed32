"""Breaches: their identity, and what is announced of them as CloudEvents.

A breach is named by what broke and when it opened, so every evaluator and every replay gives it
the same id. What was said of it last is kept beside it; only news is announced.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from shared.domain.agreement import objective_id, sla_id
from shared.domain.contribution import Contribution
from shared.domain.instant import Instant, format_instant
from shared.domain.window import Span
from shared.runtime.conventions import WINDOW_PART
from shared.wire.results import instant_text, window_form

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:accord:breach").bytes
SOURCE: Final = "/accord/evaluator"
TYPE_PREFIX: Final = "accord.breach."
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class BreachRow(NamedTuple):
    """What the evaluator finds of a breach, and whether readers of announcements have to know."""

    breach_id: str
    scope: str
    part: int
    objective: str
    grp: str
    window_start: Instant | None
    window_end: Instant | None
    item: str | None
    cycle: int | None
    opened_at: Instant
    closed_at: Instant | None
    withdrawn_at: Instant | None
    detected_at: Instant
    unannounced: bool = True


def item_breach(
    item: str, part: int, own: Contribution, grp: str, detected_at: Instant
) -> BreachRow:
    """The breach that a contribution of a `within` objective is."""
    if own.at is None:
        message = f"a breach of {item} has no instant"
        raise AssertionError(message)
    objective = objective_id(own.agreement, own.objective)
    return BreachRow(
        breach_id=_identity("item", objective, item, own.cycle, own.ordinal, own.at),
        scope="item",
        part=part,
        objective=objective,
        grp=grp,
        window_start=None,
        window_end=None,
        item=item,
        cycle=own.cycle,
        opened_at=own.at,
        closed_at=own.stopped_at,
        withdrawn_at=None,
        detected_at=detected_at,
    )


def window_breach(
    objective: str,
    grp: str,
    span: Span,
    episode: tuple[Instant, Instant | None],
    detected_at: Instant,
) -> BreachRow:
    """The breach of one window of one group that ran over `episode` (opened, closed)."""
    opened_at, closed_at = episode
    return BreachRow(
        breach_id=_identity("window", objective, grp, span.start, opened_at),
        scope="window",
        part=WINDOW_PART,
        objective=objective,
        grp=grp,
        window_start=span.start,
        window_end=span.end,
        item=None,
        cycle=None,
        opened_at=opened_at,
        closed_at=closed_at,
        withdrawn_at=None,
        detected_at=detected_at,
    )


def _identity(*parts: str | int) -> str:
    """A UUID of version 5 (RFC 9562); the standard library's own takes three times as long."""
    text = "\n".join(map(str, parts)).encode()
    digest = bytearray(hashlib.sha1(_NAMESPACE + text, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    digits = digest.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


Episode = tuple[Instant, Instant | None]


def changed_episodes(
    known: tuple[Episode, ...], found: tuple[Episode, ...]
) -> tuple[list[Episode], list[Episode]]:
    """(those that are new or close at another instant, those that are no longer so)."""
    before, after = dict(known), dict(found)
    news = [(o, c) for o, c in found if o not in before or before[o] != c]
    gone = [(o, c) for o, c in known if o not in after]
    return news, gone


@dataclass(frozen=True, slots=True)
class Told:
    """What was last announced of a breach: nothing, that it stands, how, and until when."""

    standing: bool = False
    confirmed: bool = False
    closed_at: Instant | None = None

    @classmethod
    def read(cls, text: str) -> "Told":
        """From `breach.announced`."""
        if not text:
            return cls()
        standing, confirmed, closed_at = msgspec.json.decode(
            text, type=tuple[bool, bool, int | None]
        )
        return cls(standing, confirmed, closed_at)

    def write(self) -> str:
        """For `breach.announced`."""
        return msgspec.json.encode((self.standing, self.confirmed, self.closed_at)).decode()


def news(told: Told, now: Told) -> Iterator[str]:
    """What has to be announced, in order, so that readers know `now` after `told`."""
    if not now.standing:
        if told.standing:
            yield "withdrawn"
        return
    if not told.standing:
        told = Told(standing=True)
        yield "opened"
    if now.confirmed and not told.confirmed:
        yield "confirmed"
    if now.closed_at == told.closed_at:
        return
    yield "closed" if told.closed_at is None else "restated"


def event_id(breach_id: str, number: int) -> str:
    """The id of the CloudEvent that is the `number`-th of a breach: a repetition has the same."""
    return f"{breach_id}:{number}"


def breach_event(
    what: str, number: int, row: Mapping[str, object], group_by: Sequence[str], *, now: Instant
) -> bytes:
    """The CloudEvent that announces `what` of a row of `breach`, the `number`-th of that breach."""
    data = _data(row, group_by)
    return _encoder.encode(
        {
            "specversion": "1.0",
            "id": event_id(str(row["breach_id"]), number),
            "source": SOURCE,
            "type": TYPE_PREFIX + what,
            "subject": data["item"] if row["scope"] == "item" else data["sla_id"],
            "time": format_instant(now),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _data(row: Mapping[str, object], group_by: Sequence[str]) -> dict[str, object]:
    agreement, _, objective = str(row["objective"]).partition("/")
    group: list[str] = msgspec.json.decode(str(row["grp"]), type=list[str])
    data: dict[str, object] = {
        "breach_id": row["breach_id"],
        "scope": row["scope"],
        "sla_id": sla_id(agreement, objective, tuple(group)),
        "agreement": agreement,
        "objective": objective,
        # One that is withdrawn may be of documents that grouped by more or by less.
        "group": dict(zip(group_by, group, strict=False)),
    }
    if row["scope"] == "item":
        data |= {"item": row["item"], "cycle": row["cycle"]}
    else:
        data |= {
            "window": window_form(Span(_instant(row["window_start"]), _instant(row["window_end"]))),
            "state": row["state"],
            "value": row["value"],
        }
    return data | {
        "opened_at": format_instant(_instant(row["opened_at"])),
        "closed_at": instant_text(_instant_or_none(row["closed_at"])),
        "confirmed": row["confirmed"],
        "withdrawn": row["withdrawn_at"] is not None,
    }


def _instant(value: object) -> Instant:
    if not isinstance(value, int):
        message = f"{value!r} is no instant"
        raise TypeError(message)
    return value


def _instant_or_none(value: object) -> Instant | None:
    return None if value is None else _instant(value)
