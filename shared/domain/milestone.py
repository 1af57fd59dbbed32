"""An event in its moment, and the milestones that it hits: what KPIs start, stop and count at."""

from collections.abc import Sequence
from typing import Final

from shared.domain.event import Event, Scalar
from shared.domain.matcher import Milestone

_SOLVED: Final = frozenset({"solved", "closed"})


class Moment:
    """An event with the attributes before and after it; `seen` are those after it with `actor`.

    `changed` names the attributes that got another value, and `actor` where there is one.
    `reopens` says whether a reopening comes, or the status leaves solved and closed.
    """

    __slots__ = ("after", "before", "changed", "event", "reopens", "seen")

    def __init__(
        self,
        event: Event,
        before: dict[str, Scalar],
        after: dict[str, Scalar],
        seen: dict[str, Scalar],
        changed: tuple[str, ...],
    ) -> None:
        """See whether it reopens."""
        self.event = event
        self.before = before
        self.after = after
        self.seen = seen
        self.changed = changed
        self.reopens = event.type == "ticket.reopened" or (
            "status" in changed
            and before.get("status") in _SOLVED
            and after.get("status") not in _SOLVED
        )


class Counter:
    """Which events hit some milestones, each of which counts its own matches."""

    __slots__ = ("_any_type", "_by_type", "_seen")

    def __init__(self, milestones: "Milestones") -> None:
        """Nothing has matched yet."""
        self._by_type = milestones.by_type
        self._any_type = milestones.any_type
        self._seen: dict[int, int] = {}

    def hits(self, moment: Moment) -> list[Milestone]:
        """Count the event; the milestones that it matches, where `nth` is written as that match."""
        event = moment.event
        found = []
        for place, own in self._by_type.get(event.type, self._any_type):
            if not own.matches(event, moment.before, moment.seen):
                continue
            if own.nth is not None:
                times = self._seen[place] = self._seen.get(place, 0) + 1
                if times != own.nth:
                    continue
            found.append(own)
        return found


class Milestones:
    """Several milestones, any of which is meant; they are found by the type of an event."""

    __slots__ = ("_uncounted", "any_type", "by_type")

    def __init__(self, milestones: Sequence[Milestone]) -> None:
        """Find those that an event of some type may match, with their places in the list."""
        numbered = tuple(enumerate(milestones))
        self.any_type = tuple(one for one in numbered if one[1].event is None)
        self.by_type = {
            own.event: tuple(one for one in numbered if one[1].event in (own.event, None))
            for own in milestones
            if own.event is not None
        }
        counted = any(own.nth is not None for own in milestones)
        self._uncounted = None if counted else Counter(self)

    def counter(self) -> Counter:
        """A counter from the beginning; where no `nth` is written there is nothing to count."""
        return Counter(self) if self._uncounted is None else self._uncounted
