"""What `accord.breaches` says in the end, against `evaluate`; and how it came to say it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.cli.terminal import say
from services.cli.trial import Trial
from services.cli.verification.accepted import read_accepted, records_of
from services.cli.verification.compare import Row, breach_text
from services.cli.verification.expected import expect
from shared.documents import load
from shared.domain.instant import Instant
from tests.e2e.chaos.change_log import log_problems

_MAY_FOLLOW: Final = {
    None: {"opened"},
    "opened": {"confirmed", "closed", "withdrawn"},
    "confirmed": {"closed", "restated", "withdrawn"},
    "closed": {"confirmed", "restated", "withdrawn"},
    "restated": {"confirmed", "closed", "restated", "withdrawn"},
    "withdrawn": {"opened"},
}
"""What a reader may be told of one breach after what."""


@dataclass(frozen=True, slots=True)
class Announced:
    """How many events, and what is wrong with them."""

    events: int
    wrong: tuple[str, ...]


def check_announcements(trial: Trial, *, at: Instant) -> Announced:
    """Compare the topic of breaches with `evaluate` at `at`.

    Every repetition has to equal the first of its id, and what is told of one breach has to be a
    story; and what the events say in the end, each once and in order, has to be exactly the
    breaches that `evaluate` finds. The change log has to say the same, and of states what is
    stored.
    """
    everything = trial.background.run(_announcements(trial))
    first: dict[str, Row] = {}
    wrong = []
    for event in everything:
        known = first.setdefault(str(event["id"]), event)
        if known != event:
            wrong.append(f"two events have the id {event['id']}: {known} and {event}")
    wrong += _no_story(first.values())
    wrong += trial.background.run(log_problems(trial.system.database_url, first))
    said = {breach_text(_data(event)) for event in _latest(first.values()).values()}
    catalogue = load(trial.agreements).catalogue
    if catalogue is None:
        message = "the documents do not load"
        raise SystemExit(message)
    accepted = trial.background.run(read_accepted(trial.system.bootstrap_servers, trial.topics))
    true = {breach_text(row) for row in expect(catalogue, accepted.events, at=at).breaches}
    wrong += [
        f"{'announced only' if text in said else 'never announced'}: {text}"
        for text in sorted(said ^ true)
    ]
    for text in wrong[:20]:
        say(text)
    return Announced(len(everything), tuple(wrong))


def _no_story(events: Iterable[Row]) -> list[str]:
    told: dict[str, str] = {}
    wrong = []
    for event in events:
        name, what = str(_data(event)["breach_id"]), str(event["type"]).rpartition(".")[2]
        if what not in _MAY_FOLLOW[told.get(name)]:
            wrong.append(f"{what} follows {told.get(name)} of the breach {name}")
        told[name] = what
    return wrong


def _latest(events: Iterable[Row]) -> dict[str, Row]:
    latest: dict[str, Row] = {}
    for event in events:
        name = str(_data(event)["breach_id"])
        if event["type"] == "accord.breach.withdrawn":
            latest.pop(name, None)
        else:
            latest[name] = event
    return latest


def _data(event: Row) -> dict[str, object]:
    data = event["data"]
    if not isinstance(data, dict):
        message = f"an event without data: {event}"
        raise TypeError(message)
    return data


async def _announcements(trial: Trial) -> list[Row]:
    servers, breaches = trial.system.bootstrap_servers, trial.topics.breaches
    return [json.loads(own.value or b"{}") async for own in records_of(servers, [breaches])]
