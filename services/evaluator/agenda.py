"""What has to be judged: windows whose panes changed, and those that time may change.

Time changes the current windows, and those that have ended and are not final yet; other documents
change every window.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.evaluator import judge_store
from services.evaluator.judge_store import BEGINNING, NEVER, Due, Group, Moment
from services.evaluator.posting import Cause, Window, stronger
from shared.domain.agreement import Agreement, AtLeast, Objective, objective_id
from shared.domain.instant import Instant
from shared.domain.judge import windows
from shared.domain.measure import Counts
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.runtime.tables import RUNNING_WINDOW

UNGROUPED = "[]"
"""The text of the one group of an objective that is not grouped."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An objective with what is the same in all its versions, and its current window."""

    agreement: Agreement
    name: str
    own: Objective
    current: Span
    is_shown: bool

    @property
    def id(self) -> str:
        """`<agreement>/<objective>`."""
        return objective_id(self.agreement.name, self.name)

    @property
    def is_volume(self) -> bool:
        """Whether windows without data are listed and judged too."""
        return isinstance(self.own.target, AtLeast)

    def span(self, start: Instant) -> Span | None:
        """The window that starts there, None when the documents have no such window (any more)."""
        try:
            return self.own.window.starting(start)
        except ValueError:
            return None


@dataclass(slots=True)
class Work:
    """The windows to judge: where their walk changed first, and why."""

    changed: dict[Window, tuple[Instant, str]] = field(default_factory=dict)

    def add(self, window: Window, dirty_from: Instant = NEVER, cause: str = Cause.LATE) -> None:
        """Have a window judged."""
        known = self.changed.get(window)
        if known is not None:
            dirty_from, cause = min(dirty_from, known[0]), stronger(cause, known[1])
        self.changed[window] = (dirty_from, cause)

    def take(self, window: Window, anew: str | None) -> None:
        """Have a window looked at, or (for a cause) walked anew from its beginning."""
        if anew is None:
            self.add(window)
        else:
            self.add(window, BEGINNING, anew)


async def find_work(
    connection: Connection,
    moment: Moment,
    due: Iterable[Due],
    subjects: Mapping[str, Subject],
    documents: str,
) -> Work:
    """The windows to judge of the objectives that are due; takes them from the queue."""
    work = Work()
    turned = _Turned()
    for own in due:
        turned.look_at(own, subjects[own.objective], moment, documents)
    for window in await _candidates(connection, turned):
        place = placed(window, subjects)
        if place.start <= moment.as_of:
            work.take(place, turned.anew.get(window.objective))
    for change in await judge_store.take_changes(connection, [*subjects], moment.as_of):
        running = change.window.start == RUNNING_WINDOW
        dirty_from = NEVER if running else change.dirty_from
        work.add(placed(change.window, subjects), dirty_from, change.cause)
    return work


def placed(window: Window, subjects: Mapping[str, Subject]) -> Window:
    """The current window for what is running, else the window itself."""
    if window.start != RUNNING_WINDOW:
        return window
    return window._replace(start=subjects[window.objective].current.start)


@dataclass(slots=True)
class _Turned:
    """The objectives that time or other documents change, and which windows that concerns."""

    shown: list[Window] = field(default_factory=list)
    anew: dict[str, str] = field(default_factory=dict)
    beginnings: dict[str, Instant] = field(default_factory=dict)
    only_provisional: dict[str, bool] = field(default_factory=dict)

    def look_at(self, own: Due, subject: Subject, moment: Moment, documents: str) -> None:
        """Say what has turned for an objective since it was judged last."""
        if own.documents != documents:
            self.anew[own.objective] = Cause.DOCUMENTS if own.documents else Cause.LATE
            self.beginnings[own.objective] = BEGINNING
        elif own.next_turn <= moment.as_of:
            self.only_provisional[own.objective] = False
            self.beginnings[own.objective] = subject.own.window.holding(own.as_of).start
        elif own.provisional_until <= moment.watermark:
            self.only_provisional[own.objective] = True
        if own.objective in self.beginnings and subject.is_shown:
            self.shown.append(Window(own.objective, UNGROUPED, subject.current.start))


async def _candidates(connection: Connection, turned: _Turned) -> list[Window]:
    found = [*turned.shown]
    if turned.only_provisional:
        found += await judge_store.open_windows(connection, turned.only_provisional)
    if turned.beginnings:
        found += await judge_store.windows_from(connection, turned.beginnings)
    if turned.anew:
        found += await judge_store.all_windows(connection, [*turned.anew])
    return found


async def list_volumes(
    connection: Connection, work: Work, subjects: Mapping[str, Subject], as_of: Instant
) -> dict[Group, set[Instant]]:
    """Of objectives that list empty windows: which of each group; adds those not yet said."""
    groups = sorted({window[:2] for window in work.changed if subjects[window.objective].is_volume})
    if not groups:
        return {}
    with_data = await judge_store.starts_with_data(connection, groups)
    before = await judge_store.starts_listed(connection, groups)
    listed: dict[Group, set[Instant]] = {}
    for group in groups:
        subject = subjects[group[0]]
        starts = [
            start
            for start in with_data.get(group, ())
            if start <= as_of and subject.span(start) is not None
        ]
        grouped = group[1] != UNGROUPED
        shown = windows(subject.agreement, subject.name, starts, grouped=grouped, now=as_of)
        listed[group] = {span.start for span in shown}
        for start in listed[group] ^ before.get(group, set()):
            work.add(Window(*group, start))
    return listed


def is_listed(
    subject: Subject,
    window: Window,
    counts: Counts,
    listed: Mapping[Group, set[Instant]],
) -> bool:
    """Whether `evaluate` would list the window."""
    if subject.is_volume:
        return window.start in listed[window.objective, window.grp]
    is_current = window.start == subject.current.start and window.grp == UNGROUPED
    return counts.has_data or (is_current and subject.is_shown)
