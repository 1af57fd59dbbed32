"""What becomes of one ticket: its events in, its clocks and contributions out, in short form."""

from collections.abc import Iterable
from typing import NamedTuple

from shared.domain.agreement import Agreement, Objective
from shared.domain.clock_reading import ClockReading
from shared.domain.event import Event, Scalar
from shared.domain.instant import MINUTE, Instant
from shared.domain.item import Item
from shared.domain.plan import compile_plan
from tests.domain.building import a_catalogue, an_event, at, promising

NINE = at("09:00")


class Told(NamedTuple):
    """A clock; instants and lengths are minutes, instants after nine o'clock."""

    objective: str
    cycle: int
    state: str
    started: int
    stopped: int | None
    elapsed: int


def ticket(*told: str) -> list[Event]:
    """Events as `09:10 status_changed status=pending`; `x=1` is a number, `x=` removes x."""
    events = []
    for n, text in enumerate(told):
        time, what, *members = text.split()
        data = {name: scalar(value) for name, _, value in (m.partition("=") for m in members)}
        events.append(an_event(what, time, event_id=f"e-{n:02}", **data))  # type: ignore[arg-type]
    return events


def scalar(text: str) -> Scalar:
    """A value as JSON would say it, texts without quotes."""
    words: dict[str, Scalar] = {"": None, "true": True, "false": False}
    if text in words:
        return words[text]
    return int(text) if text.lstrip("-").isdigit() else text


def item_of(promises: Objective | Agreement, events: Iterable[Event]) -> Item:
    """The ticket under these promises."""
    own = promises if isinstance(promises, Agreement) else promising(promises)
    return Item(compile_plan(a_catalogue(own)), "ticket", "T-1", events)


def clocks(promises: Objective | Agreement, *told: str, now: str) -> list[ClockReading]:
    """The clocks of a ticket as of an instant."""
    return item_of(promises, ticket(*told)).clocks(now=at(now))


def story(promises: Objective | Agreement, *told: str, now: str) -> list[Told]:
    """The clocks of a ticket in short form."""
    return [
        Told(
            c.objective,
            c.cycle,
            c.state.value,
            minute(c.started_at),
            None if c.stopped_at is None else minute(c.stopped_at),
            c.elapsed // MINUTE,
        )
        for c in clocks(promises, *told, now=now)
    ]


def minute(instant: Instant) -> int:
    """Minutes after nine o'clock."""
    return (instant - NINE) // MINUTE


def groups(promises: Objective | Agreement, *told: str, now: str) -> list[tuple[str, str]]:
    """Outcome and first group value of each contribution."""
    settled = item_of(promises, ticket(*told)).settle(now=at(now))
    return [(own.outcome.value, own.group[0]) for own in settled.contributions]
