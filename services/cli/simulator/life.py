"""A life: the events of one lead or ticket as its source tells them, each at its own time."""

from dataclasses import dataclass, field
from random import Random

from services.cli.simulator.company import Site
from shared.domain.instant import SECOND, Instant, Micros


@dataclass(frozen=True, slots=True)
class Fact:
    """One event before it is put on the wire.

    `time` is when it happened, `sent` when its source tells it (later for a correction); `zone` is
    the one its source writes times in.
    """

    kind: str
    subject: str
    source: str
    id: str
    what: str
    time: Instant
    sent: Instant
    data: dict[str, object]
    zone: str
    replaces: str | None = None
    sequence: int | None = None


@dataclass(slots=True)
class Life:
    """What happens to one item, told forward: `at` moves on as one waits."""

    random: Random
    kind: str
    subject: str
    source: str
    site: Site
    at: Instant
    numbered: bool = False
    facts: list[Fact] = field(default_factory=list)

    def tell(
        self,
        what: str,
        *,
        at: Instant | None = None,
        replaces: str | None = None,
        **data: object,
    ) -> Fact:
        """Something happens now (or at `at`)."""
        number = len(self.facts) + 1
        fact = Fact(
            kind=self.kind,
            subject=self.subject,
            source=self.source,
            id=f"{self.subject}-{number}",
            what=what,
            time=self.at if at is None else at,
            sent=self.at,
            data=data,
            zone=self.site.zone,
            replaces=replaces,
            sequence=number if self.numbered else None,
        )
        self.facts.append(fact)
        return fact

    def wait(self, median_s: float, spread: float = 0.7) -> None:
        """Time passes by the clock on the wall: log-normal around a median in seconds."""
        self.at += self._drawn(median_s, spread)

    def work(self, median_s: float, spread: float = 0.8) -> None:
        """Time passes while the site is open: log-normal around a median in seconds."""
        self.at = self.site.later(self.at, self._drawn(median_s, spread))

    def happens(self, chance: float) -> bool:
        """Whether something of that chance (0 to 1) comes to pass."""
        return self.random.random() < chance

    def _drawn(self, median_s: float, spread: float) -> Micros:
        return round(median_s * self.random.lognormvariate(0, spread) * SECOND)
