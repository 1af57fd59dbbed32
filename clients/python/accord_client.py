"""Reads Accord over HTTP: typed, exact, one file to take along. It needs httpx and msgspec.

    with Accord("https://accord.example", key="accord_…") as accord:
        for state in accord.states(state=["breached", "at_risk"]):
            print(state.sla_id, state.value, state.freshness)

Ratios, values and seconds are `Decimal`, instants `datetime` in UTC. What cannot be answered is
raised as `Problem`. A question that was answered before is asked on condition; one that meets a
server which has too much to do, or none, is asked again a few times.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

_AGAIN: Final = frozenset({429, 502, 503, 504})
_NOT_MODIFIED: Final = 304
_ERRORS: Final = 400
_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 10.0
_KEPT: Final = 1_000
_SILENCE_S: Final = 45.0
"""A stream says something every 15 seconds."""
_BATCH: Final = 500

T = TypeVar("T")
Question = str | Sequence[str] | int | bool | datetime


class Problem(Exception):  # noqa: N818 - RFC 9457 has the name
    """Why there is no answer (RFC 9457); `kind` is the last part of `type`."""

    def __init__(self, body: "ProblemBody", retry_after_s: float | None = None) -> None:
        """As it was answered."""
        super().__init__(f"{body.status} {body.title}: {body.detail}")
        self.type = body.type
        self.kind = body.type.rpartition("/")[2]
        self.title = body.title
        self.status = body.status
        self.detail = body.detail
        self.errors = body.errors or []
        self.request_id = body.request_id
        self.retry_after_s = retry_after_s


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """A problem as it is written."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""
    errors: list[dict[str, str]] | None = None
    request_id: str | None = None


class Window(msgspec.Struct, frozen=True):
    """Half-open: `start` is in it, `end` is not."""

    start: datetime
    end: datetime


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A review has signed off the period of a window: its numbers stay."""

    at: datetime
    by: str | None


class Adjusted(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of a sealed window would be now."""

    level: str
    final: bool
    value: Decimal | None
    target: dict[str, Any]
    state: str
    budget_remaining: Decimal | None
    counts: dict[str, int]
    breach_id: str | None
    revision: int
    provisional: bool
    cause: str


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one objective's group, and how it stands."""

    sla_id: str
    agreement: str
    objective: str
    level: str
    group: dict[str, str]
    window: Window
    final: bool
    value: Decimal | None
    target: dict[str, Any]
    state: str
    budget_remaining: Decimal | None
    counts: dict[str, int]
    since: datetime
    breach_id: str | None
    freshness: str
    complete: bool
    revision: int
    provisional: bool
    as_of: datetime | None
    sealed: Sealed | None = None
    adjusted: Adjusted | None = None
    explain: dict[str, Any] | None = None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a final window from `known_at` on."""

    revision: int
    cause: str
    known_at: datetime
    state: str
    value: Decimal | None
    budget_remaining: Decimal | None
    counts: dict[str, int]


class Value(State, frozen=True, kw_only=True):
    """A window with all its revisions."""

    revisions: list[Revision]


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that ran out (`item`, `cycle`), or a window that missed its target (`sla_id`, …)."""

    scope: str
    breach_id: str
    agreement: str
    objective: str
    opened_at: datetime
    closed_at: datetime | None
    confirmed: bool
    detected_at: datetime
    item: str | None = None
    cycle: int | None = None
    sla_id: str | None = None
    group: dict[str, str] | None = None
    window: Window | None = None


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """One running of a duration KPI on an item."""

    agreement: str
    objective: str
    item: str
    cycle: int
    state: str
    at_risk: bool
    binding: bool
    started_at: datetime
    stopped_at: datetime | None
    due_at: datetime | None
    due_last: datetime | None
    breached_at: datetime | None
    elapsed_s: Decimal
    paused_s: Decimal
    remaining_s: Decimal | None
    target_s: Decimal | None
    explain: dict[str, Any] | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One lead or ticket with its clocks."""

    item: str
    kind: str
    subject: str
    as_of: datetime
    freshness: str
    clocks: list[Clock]
    levels: list[dict[str, Any]] = []


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change from the stream: go on after `id`; `event` is a CloudEvent."""

    id: str
    name: str
    event: dict[str, Any]


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    next: str | None


class _Entry(msgspec.Struct, frozen=True):
    sla_id: str
    state: State | None
    problem: ProblemBody | None


class _Entries(msgspec.Struct, frozen=True):
    items: list[_Entry]


class Accord:
    """The api at an address; `key` is a key or token where access is not open."""

    def __init__(
        self,
        address: str,
        *,
        key: str | None = None,
        timeout_s: float = 15.0,
        attempts: int = 4,
        http: httpx.Client | None = None,
    ) -> None:
        """Nothing is asked yet; `attempts` is how often a question is asked at most."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._http = http or httpx.Client(timeout=timeout_s)
        self._address = address.rstrip("/")
        self._headers = headers
        self._attempts = attempts
        self._kept: dict[str, tuple[str, bytes]] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._http.close()

    def states(self, **filters: Question) -> Iterator[State]:
        """The current windows that the filters choose, page by page."""
        return self._list("/v1/states", State, filters)

    def state(self, sla_id: str, **asked: Question) -> State:
        """One state with its explanation; `sla_id` as every answer writes it."""
        path = f"/v1/states/{quote(sla_id, safe='/%~')}"
        return msgspec.json.decode(self._get(path, asked), type=State)

    def batch(self, sla_ids: Sequence[str]) -> dict[str, State | Problem]:
        """Many states, or why there is none, by sla_id."""
        found: dict[str, State | Problem] = {}
        for start in range(0, len(sla_ids), _BATCH):
            body = msgspec.json.encode({"sla_ids": sla_ids[start : start + _BATCH]})
            answer = self._ask("POST", "/v1/states:batchGet", {}, body)
            for entry in msgspec.json.decode(answer.content, type=_Entries).items:
                state, problem = entry.state, entry.problem
                found[entry.sla_id] = state or Problem(problem or ProblemBody())
        return found

    def breaches(self, **filters: Question) -> Iterator[Breach]:
        """Breaches of items and windows, those opened last first."""
        return self._list("/v1/breaches", Breach, filters)

    def values(self, sla_id: str, **asked: Question) -> Iterator[Value]:
        """The windows of one group with their revisions; `known_at` for what was said then."""
        return self._list("/v1/values", Value, {"sla_id": sla_id, **asked})

    def item(self, kind: str, subject: str) -> Item:
        """One lead or ticket with its clocks explained."""
        answer = self._get("/v1/items", {"kind": kind, "subject": subject})
        return msgspec.json.decode(answer, type=Item)

    def items(self, kind: str, **asked: Question) -> Iterator[Item]:
        """All of a kind, by key."""
        return self._list("/v1/items", Item, {"kind": kind, **asked})

    def changes(self, last_id: str | None = None, **filters: Question) -> Iterator[Change]:
        """Changes as they happen, from after `last_id` on; a broken stream is taken up again.

        An event named `reset` says that some are not kept any more: read states and breaches anew.
        """
        failed = 0
        while True:
            try:
                for event in self._stream(last_id, filters):
                    last_id, failed = event.id, 0
                    if event.name:
                        yield event
                time.sleep(_PAUSE_S)  # who ends streams at once is not to be asked without rest
            except (httpx.TransportError, Problem) as error:
                failed += 1
                if failed >= self._attempts or not _may_pass(error):
                    raise
                _rest(failed, error)

    def _stream(self, last_id: str | None, filters: Mapping[str, Question]) -> Iterator[Change]:
        headers = {**self._headers, **({"last-event-id": last_id} if last_id else {})}
        timeout = httpx.Timeout(15.0, read=_SILENCE_S)
        with self._http.stream(
            "GET",
            self._address + "/v1/stream",
            params=_parameters(filters),
            headers=headers,
            timeout=timeout,
        ) as answer:
            if answer.status_code >= _ERRORS:
                answer.read()
                raise _problem(answer)
            members: dict[str, str] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(":")
                if line and name:
                    members[name] = value.removeprefix(" ")
                elif not line and "id" in members:
                    event = msgspec.json.decode(members.get("data", "{}"))
                    yield Change(id=members["id"], name=members.get("event", ""), event=event)
                    members = {}

    def _list(self, path: str, shape: type[T], asked: Mapping[str, Question]) -> Iterator[T]:
        more: dict[str, Question] = {}
        while True:
            page = msgspec.json.decode(self._get(path, {**asked, **more}), type=_Page)
            for own in page.items:
                yield msgspec.json.decode(own, type=shape)
            if page.next is None:
                return
            more = {"cursor": page.next}

    def _get(self, path: str, asked: Mapping[str, Question]) -> bytes:
        """An answer, or the one that is kept when nothing has changed since."""
        place = str(httpx.URL(path, params=_parameters(asked)))
        tag, body = self._kept.get(place, ("", b""))
        answer = self._ask("GET", path, asked, if_none_match=tag)
        if answer.status_code == _NOT_MODIFIED:
            return body
        if "etag" in answer.headers:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[place] = (answer.headers["etag"], answer.content)
        return answer.content

    def _ask(
        self,
        method: str,
        path: str,
        asked: Mapping[str, Question],
        body: bytes | None = None,
        if_none_match: str = "",
    ) -> httpx.Response:
        headers = dict(self._headers)
        if if_none_match:
            headers["if-none-match"] = if_none_match
        if body is not None:
            headers["content-type"] = "application/json"
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._http.request(
                    method,
                    self._address + path,
                    params=_parameters(asked),
                    headers=headers,
                    content=body,
                )
                if answer.status_code < _ERRORS:
                    return answer
                raise _problem(answer)
            except (httpx.TransportError, Problem) as error:
                if attempt == self._attempts or not _may_pass(error):
                    raise
                _rest(attempt, error)
        raise AssertionError


def _parameters(asked: Mapping[str, Question]) -> httpx.QueryParams:
    return httpx.QueryParams(
        [
            (name, _text(own))
            for name, value in asked.items()
            for own in ([value] if isinstance(value, str | int | datetime) else value)
        ]
    )


def _text(value: Question) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _problem(answer: httpx.Response) -> Problem:
    try:
        body = msgspec.json.decode(answer.content, type=ProblemBody)
    except msgspec.DecodeError:
        body = ProblemBody(title=answer.reason_phrase)
    body = msgspec.structs.replace(body, status=answer.status_code)
    after = answer.headers.get("retry-after", "")
    return Problem(body, float(after) if after.isdigit() else None)


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, Problem) or error.status in _AGAIN


def _rest(attempt: int, error: Exception) -> None:
    """Wait as long as was asked for, else longer each time, not all at once."""
    asked = error.retry_after_s if isinstance(error, Problem) else None
    pause = _PAUSE_S * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    time.sleep(min(_LONGEST_PAUSE_S, pause if asked is None else asked))
