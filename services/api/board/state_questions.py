"""Questions about states in the current windows, which a picture in memory can answer at once.

What a question means under the documents is found once and kept with it: a question is often asked
again, of the next picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar, Final

import msgspec

from services.api.answering.parameters import StatesOrder, StatesParameters
from services.api.answering.requests import Scope, filter_hint, named_groups, state_filters
from services.api.answering.responses import Address, Answer, page_answer, tag_of
from services.api.board.board import Picture
from services.api.board.state_sources import found_states
from services.api.board.state_text import StateText
from services.api.reading.objectives import Choice, Group, Objectives
from services.api.reading.queries import StateQuery
from services.api.reading.standing import STALE_AFTER, Standing
from services.api.web.cursors import encode_cursor
from shared.domain.instant import NEVER, Instant

LIST: Final = "/v1/states"
ONE: Final = "/v1/states/{sla_id:path}"


@dataclass(slots=True, eq=False)
class OneState:
    """The state of the first group that has one, of those that an sla_id may mean.

    `meant` are these groups under the documents with these objectives.
    """

    path: ClassVar[str] = ONE
    readings: Sequence[str]
    meant: tuple[Objectives, Sequence[Group]] | None = None

    def groups(self, objectives: Objectives) -> Sequence[Group]:
        """The groups that may be meant under the documents."""
        if self.meant is None or self.meant[0] is not objectives:
            self.meant = (objectives, named_groups(objectives, self.readings))
        return self.meant[1]

    def answer(self, objectives: Objectives, picture: Picture, now: Instant) -> Answer | None:
        """The answer, once the explanation is known."""
        for group in self.groups(objectives):
            key = group.served.key
            text = picture.states.get(key, {}).get(group.stored)
            as_of = picture.standing.as_of([key])
            if text is None or as_of is None:
                continue
            known = text.explained
            if known is None or known[0] not in {None, as_of}:
                return None
            return explained_answer(text, picture.standing, as_of, known[1], now)
        return None


def explained_answer(
    text: StateText, standing: Standing, as_of: Instant, explain: bytes, now: Instant
) -> Answer:
    """A state with its explanation."""
    freshness = standing.freshness(as_of, now=now)
    tag = tag_of([text.digest, freshness.encode()])
    return Answer(text.text(freshness, as_of, explain), tag)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a list is about under the documents."""

    choices: Sequence[Choice]
    groups: Sequence[Group]
    customers: Sequence[str]
    hint: str | None

    @property
    def keys(self) -> list[str]:
        """The keys of the objectives."""
        return [choice.served.key for choice in self.choices]


@dataclass(slots=True, eq=False)
class StateList:
    """A page of states; `readings` are those of each sla_id that was asked for."""

    path: ClassVar[str] = LIST
    wanted: StatesParameters
    readings: Sequence[Sequence[str]]
    scope: Scope
    place: tuple[str, str] | None
    address: Address
    _meant: tuple[Objectives, Chosen] | None = None
    _limit: int = field(init=False)

    def __post_init__(self) -> None:
        self._limit = self.wanted.limit

    def chosen(self, objectives: Objectives, now: Instant) -> Chosen:
        """What it is about; kept where time does not change it."""
        if self._meant is not None and self._meant[0] is objectives:
            return self._meant[1]
        wanted = self.wanted
        groups = [own for some in self.readings for own in named_groups(objectives, some)]
        groups = list(dict.fromkeys(groups))
        choices = objectives.choose(state_filters(wanted, groups), now)
        if wanted.sla_id and not groups:
            choices = []
        customers = objectives.customers_among(wanted.customer)
        hint = filter_hint(objectives, wanted, self.readings)
        chosen = Chosen(choices, groups, customers, hint)
        if not (wanted.type or wanted.customer or wanted.service):
            self._meant = (objectives, chosen)
        return chosen

    def query(self, chosen: Chosen, standing: Standing) -> StateQuery:
        """The query of the page, one row more than it shows."""
        choices, starts = judged_choices(standing, chosen.choices, self.wanted.window)
        return replace(self._query(chosen), choices=choices, starts=starts)

    def _query(self, chosen: Chosen) -> StateQuery:
        wanted = self.wanted
        return StateQuery(
            choices=chosen.choices,
            starts=(),
            groups=[(group.served.key, group.stored) for group in chosen.groups],
            customers=chosen.customers,
            services=wanted.service,
            states=[state.value for state in wanted.state],
            levels=[level.value for level in wanted.level],
            after=self.place,
            descending=wanted.sort is StatesOrder.SLA_ID_DESCENDING,
            limit=self._limit + 1,
        )

    def answer(self, objectives: Objectives, picture: Picture, now: Instant) -> Answer | None:
        """The page, made once for each picture."""
        known = picture.answers.find(self, now)
        if known is not None:
            return known
        chosen = self.chosen(objectives, now)
        query = self._query(chosen)
        texts = [*islice(found_states(picture.states, query), query.limit)]
        answer, until = self.page(texts, chosen, picture.standing, now)
        picture.answers.keep(self, answer, until)
        return answer

    def page(
        self, texts: Sequence[StateText], chosen: Chosen, standing: Standing, now: Instant
    ) -> tuple[Answer, Instant]:
        """The page as JSON, and the last instant at which it says the same of freshness."""
        following = None
        if len(texts) > self._limit:
            texts = texts[: self._limit]
            following = encode_cursor(self.scope, (texts[-1].key, texts[-1].grp))
        written: list[msgspec.Raw] = []
        said: list[bytes] = []
        until = NEVER
        for own in texts:
            as_of = standing.as_of([own.key])
            freshness = standing.freshness(as_of, now=now)
            written.append(msgspec.Raw(own.text(freshness, as_of)))
            said += (own.digest, freshness.encode())
            if as_of is not None and now <= as_of + STALE_AFTER < until:
                until = as_of + STALE_AFTER
        tag = tag_of([*said, (following or "").encode(), (chosen.hint or "").encode()])
        as_of = standing.as_of(chosen.keys)
        answer = page_answer(self.address, written, following, as_of, tag, hint=chosen.hint)
        return answer, until


def judged_choices(
    standing: Standing, choices: Iterable[Choice], window: Instant | None
) -> tuple[list[Choice], list[Instant]]:
    """Those of which a window can be asked for, and where it starts."""
    starts = [(choice, start_of(standing, choice, window)) for choice in choices]
    judged = [(choice, start) for choice, start in starts if start is not None]
    return [choice for choice, _ in judged], [start for _, start in judged]


def start_of(standing: Standing, choice: Choice, window: Instant | None) -> Instant | None:
    """The start of the window that is wanted; None while the objective has not been judged."""
    as_of = standing.as_of([choice.served.key])
    if window is not None or as_of is None:
        return window
    return choice.served.window.current(as_of).start
