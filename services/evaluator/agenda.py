"""What has to be judged: what counts in panes that changed, and what time may change.

Time changes the current windows, those that have ended since, and those of a cohort whose items
have had their time; the watermark those that wait for it; other documents change every window. A
calendar or tumbling window is a pane and judged for itself; a pane of a rolling window is part of
many, so of a group of these whole stretches are judged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.evaluator import judge_store, panes, standing
from services.evaluator.judge_store import BEGINNING, Change, Due, Moment
from services.evaluator.panes import Group
from services.evaluator.posting import Cause, stronger
from services.evaluator.rows import Window
from shared.domain.agreement import Agreement, Objective, objective_id
from shared.domain.instant import NEVER, Instant
from shared.domain.pace import periods
from shared.domain.window import RollingWindow, Span
from shared.runtime.conventions import RUNNING_PANE
from shared.runtime.database import Connection

UNGROUPED = "[]"
"""The text of the one group of an objective that is not grouped."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An objective with what is the same in all its versions, and its current window.

    `pane_key` is the key of its panes.
    """

    agreement: Agreement
    name: str
    own: Objective
    current: Span
    is_shown: bool
    pane_key: str

    @property
    def id(self) -> str:
        """`<agreement>/<objective>`."""
        return objective_id(self.agreement.name, self.name)

    @property
    def rolling(self) -> RollingWindow | None:
        """Its window where that is a rolling one."""
        return self.own.window if isinstance(self.own.window, RollingWindow) else None

    def span(self, start: Instant) -> Span | None:
        """The window that starts there, None when the documents have no such window (any more)."""
        try:
            return self.own.window.starting(start)
        except ValueError:
            return None


def pane_keys(subjects: Mapping[str, Subject]) -> dict[str, str]:
    """The key of each objective's panes, by its name."""
    return {name: subject.pane_key for name, subject in subjects.items()}


@dataclass(slots=True)
class Stretches:
    """The rolling windows of a group to judge: those that end from a first to a last instant."""

    causes: dict[tuple[Instant, Instant], str] = field(default_factory=dict)

    def add(self, first: Instant, last: Instant, cause: str) -> None:
        """Have the windows judged that end in `[first, last]`."""
        known = self.causes.get((first, last), cause)
        self.causes[first, last] = stronger(known, cause)

    def cause(self, end: Instant) -> str:
        """Why the window that ends there is judged."""
        several = [own for (first, last), own in self.causes.items() if first <= end <= last]
        cause: str = Cause.LATE
        for own in several:
            cause = stronger(cause, own)
        return cause

    def merged(self, window: RollingWindow) -> list[tuple[Instant, Instant]]:
        """The stretches in order, as one where they need the same panes."""
        found: list[tuple[Instant, Instant]] = []
        for first, last in sorted(self.causes):
            if found and first - window.length <= found[-1][1]:
                found[-1] = (found[-1][0], max(last, found[-1][1]))
            else:
                found.append((first, last))
        return found


@dataclass(slots=True)
class Work:
    """What to judge: windows with where their walk changed first and why, stretches of groups.

    `anew` are the objectives whose windows are all judged as if for the first time, `turned` those
    that time has changed; `gone` are windows that the documents do not have any more.
    """

    changed: dict[Window, tuple[Instant, str]] = field(default_factory=dict)
    rolled: dict[Group, Stretches] = field(default_factory=dict)
    anew: dict[str, str] = field(default_factory=dict)
    turned: set[str] = field(default_factory=set)
    gone: list[Window] = field(default_factory=list)

    def add(self, window: Window, dirty_from: Instant = NEVER, cause: str = Cause.LATE) -> None:
        """Have a window judged that is a pane."""
        known = self.changed.get(window)
        if known is not None:
            dirty_from, cause = min(dirty_from, known[0]), stronger(cause, known[1])
        self.changed[window] = (dirty_from, cause)

    def roll(self, group: Group, first: Instant, last: Instant, cause: str = Cause.LATE) -> None:
        """Have the rolling windows of a group judged that end in `[first, last]`."""
        self.rolled.setdefault(group, Stretches()).add(first, last, cause)

    def look_at(self, window: Window, subject: Subject) -> None:
        """Have a window of any kind looked at; under other documents it is judged anew."""
        span = subject.span(window.start)
        cause = self.anew.get(window.objective)
        if span is None or span.end > subject.current.end:
            self.gone.append(window)
        elif subject.rolling is not None:
            self.roll(window[:2], span.end, span.end, cause or Cause.LATE)
        elif cause is None:
            self.add(window)
        else:
            self.add(window, BEGINNING, cause)

    def take(self, change: Change, subject: Subject) -> None:
        """Have judged what a pane that changed counts in."""
        window, current = subject.rolling, subject.current
        objective, grp, start = change.pane
        running = start == RUNNING_PANE
        if window is None:
            place = Window(objective, grp, current.start) if running else change.pane
            if subject.span(place.start) is not None:
                self.add(place, NEVER if running else change.dirty_from, change.cause)
        elif running:
            self.roll((objective, grp), current.end, current.end, change.cause)
        else:
            first = window.pane(start).end
            # One more than those that hold the pane: a breach may begin with it now.
            last = min(first + window.length, current.end)
            if first <= last:
                self.roll((objective, grp), first, last, change.cause)


async def find_work(
    connection: Connection,
    moment: Moment,
    due: Iterable[Due],
    subjects: Mapping[str, Subject],
) -> Work:
    """What to judge of the objectives that are due; takes the changes from the queue."""
    work = Work()
    provisional = []
    turned: dict[str, Instant] = {}
    for own in due:
        if own.pane_key != subjects[own.objective].pane_key:
            work.anew[own.objective] = Cause.DOCUMENTS if own.pane_key else Cause.LATE
            turned[own.objective] = BEGINNING
        elif own.next_turn <= moment.as_of:
            turned[own.objective] = own.as_of
        if own.provisional_until <= moment.watermark:
            provisional.append(own.objective)
    work.turned.update(turned)
    await _look_at_windows(connection, work, turned, subjects, moment)
    for window in await judge_store.provisional_windows(connection, provisional):
        work.look_at(window, subjects[window.objective])
    await _look_at_panes(connection, work, turned, subjects, moment)
    for change in await judge_store.take_changes(connection, [*subjects], moment.as_of):
        work.take(change, subjects[change.pane.objective])
    return work


async def _look_at_windows(
    connection: Connection,
    work: Work,
    turned: Mapping[str, Instant],
    subjects: Mapping[str, Subject],
    moment: Moment,
) -> None:
    """Of objectives that time or documents have changed: windows that were said; the present."""
    known = await judge_store.windows_ending(connection, _ending(turned, subjects, moment))
    known += await judge_store.all_windows(connection, [*work.anew])
    for objective in turned:
        subject = subjects[objective]
        if subject.is_shown:
            known.append(Window(subject.id, UNGROUPED, subject.current.start))
    resuming = [name for name, since in turned.items() if _resumes(subjects[name], since)]
    for objective, grp in await judge_store.groups_listed(connection, resuming):
        known.append(Window(objective, grp, subjects[objective].current.start))
    for window in known:
        work.look_at(window, subjects[window.objective])


def _resumes(subject: Subject, since: Instant) -> bool:
    """Whether windows without data exist again: no window of a group led up to them."""
    if since == BEGINNING or not subject.own.is_volume:
        return False
    agreement, own = subject.agreement, subject.own
    before = own.window.current(since)
    whole = Span(before.start, subject.current.end)
    return not periods(agreement, own, before) and bool(periods(agreement, own, whole))


def _ending(
    turned: Mapping[str, Instant], subjects: Mapping[str, Subject], moment: Moment
) -> list[tuple[str, Instant, Instant]]:
    """Where those windows end that time has changed since."""
    found = []
    for objective, since in turned.items():
        if since == BEGINNING:
            continue
        found.append((objective, since, NEVER))
        kpi = subjects[objective].own.kpi
        if kpi.cohort and kpi.within is not None:
            found.append((objective, since - kpi.within, moment.as_of - kpi.within))
    return found


async def _look_at_panes(
    connection: Connection,
    work: Work,
    turned: Mapping[str, Instant],
    subjects: Mapping[str, Subject],
    moment: Moment,
) -> None:
    """Of objectives that time has changed: what counts since then, in windows not yet said."""
    apart: dict[str, Instant] = {}
    rolling: dict[str, Instant] = {}
    ends: dict[str, Instant] = {}
    for objective, since in turned.items():
        subject = subjects[objective]
        window = subject.rolling
        begins = since == BEGINNING
        if window is None:
            apart[objective] = since if begins else subject.own.window.pane(since).start
        else:
            ends[objective] = since if begins else window.pane(since).end
            rolling[objective] = since if begins else ends[objective] - window.length
    for pane in await panes.panes_from(connection, pane_keys(subjects), apart):
        subject = subjects[pane.objective]
        start = subject.current.start if pane.start == RUNNING_PANE else pane.start
        if start <= moment.as_of and subject.span(start) is not None:
            work.look_at(pane._replace(start=start), subject)
    groups = await panes.groups_from(connection, pane_keys(subjects), rolling)
    groups += await standing.groups_in_breach(connection, [*rolling])
    for group in groups:
        objective = group[0]
        cause = work.anew.get(objective, Cause.LATE)
        work.roll(group, ends[objective], subjects[objective].current.end, cause)
