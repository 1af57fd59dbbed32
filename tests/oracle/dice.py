"""Dice that know where and when a case takes place."""

import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

# Around each date something happens to local time in its zone (or to the calendar year).
PLACES = (
    ("2026-03-02", "UTC"),
    ("2026-03-28", "Europe/Berlin"),
    ("2026-10-24", "Europe/Berlin"),
    ("2026-03-07", "America/New_York"),
    ("2026-04-04", "Australia/Lord_Howe"),
    ("2026-10-03", "Australia/Lord_Howe"),
    ("2011-12-28", "Pacific/Apia"),
    ("2026-10-31", "America/Havana"),
    ("2026-04-23", "Africa/Cairo"),
    ("2026-10-29", "Africa/Cairo"),
    ("2025-12-30", "Asia/Kolkata"),
    ("2026-09-05", "America/Santiago"),
    ("2026-05-30", "Europe/Berlin"),
)


class Dice:
    """Random choices; all instants are few and lie in the first hours after the place's date."""

    def __init__(self, seed: int) -> None:
        """Throw the place, how long it lasts, and how far apart its instants are."""
        self.random = Random(seed)  # noqa: S311 - a test's dice
        date, self.zone = self.choice(PLACES)
        self.first = dt.datetime.fromisoformat(f"{date}T00:00:00+00:00")
        self.hours = self.choice((6, 30, 72))
        self.step = self.choice((10, 30, 60))
        # Conditions and exceptions are few, so that much counts; in a crowd there is much, too.
        self.plain = self.maybe(0.35)
        self.crowd = self.plain and self.maybe(0.3)

    def maybe(self, chance: float) -> bool:
        """True so often."""
        return self.random.random() < chance

    def seldom(self, chance: float) -> bool:
        """True so often, and never in a plain case."""
        return not self.plain and self.maybe(chance)

    def choice(self, among: Sequence[T]) -> T:
        """One of them."""
        return self.random.choice(among)

    def some(self, among: Sequence[T], least: int, most: int) -> list[T]:
        """At least and at most so many different ones."""
        return self.random.sample(among, self.random.randint(least, min(most, len(among))))

    def at(self) -> str:
        """An instant of the case, now and then a microsecond beside the others."""
        minutes = self.random.randrange(0, self.hours * 60, self.step)
        moment = self.first + dt.timedelta(minutes=minutes)
        if self.maybe(0.03):
            moment += dt.timedelta(microseconds=self.choice((-1, 1)))
        return moment.replace(tzinfo=None).isoformat() + "Z"
