"""What the change log says in the end: what was announced, in order, and the states as stored."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import asyncpg

from services.cli.verification.compare import Row
from shared.runtime.config import driver_url

_PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 0.2
_LOG: Final = "SELECT seq, event_id, type, objective, grp, body FROM change ORDER BY seq"
_WAITING: Final = "SELECT count(*) FROM state_queue"
# The latest window of each group, as the relay finds it.
_STATES: Final = """
SELECT DISTINCT ON (objective, grp) objective, grp, state, listed FROM value
ORDER BY objective, grp, window_start DESC
"""


async def log_problems(database_url: str, announced: Mapping[str, Row]) -> list[str]:
    """What is wrong with the log; `announced` are the events of the topic by id, in its order."""
    connection = await asyncpg.connect(driver_url(database_url))
    try:
        end = asyncio.get_running_loop().time() + _PATIENCE_S
        while (  # noqa: ASYNC110 - another process takes them
            await connection.fetchval(_WAITING) and asyncio.get_running_loop().time() < end
        ):
            await asyncio.sleep(_AGAIN_S)
        log = await connection.fetch(_LOG)
        states = await connection.fetch(_STATES)
    finally:
        await connection.close()
    told = [row for row in log if row["type"] == "state.changed"]
    return [
        *_not_numbered(log),
        *_not_announced([row for row in log if row["type"] != "state.changed"], announced),
        *_not_told(told, states),
    ]


def _not_numbered(log: Sequence[asyncpg.Record]) -> list[str]:
    wrong = []
    if [row["seq"] for row in log] != list(range(1, len(log) + 1)):
        wrong.append("the numbers of the change log have a gap or a repetition")
    if len({row["event_id"] for row in log}) != len(log):
        wrong.append("an event is in the change log twice")
    return wrong


def _not_announced(log: Iterable[asyncpg.Record], announced: Mapping[str, Row]) -> list[str]:
    logged = {row["event_id"]: json.loads(row["body"]) for row in log}
    wrong = [
        f"{'only in the log' if own in logged else 'only in the topic'}: {own}"
        for own in sorted(logged.keys() ^ announced.keys())
    ]
    wrong += [
        f"the log and the topic say other things of {own}"
        for own in logged.keys() & announced.keys()
        if logged[own] != announced[own]
    ]
    if not wrong and [*logged] != [*announced]:
        wrong.append("the log has not the order of the topic")
    return wrong


def _not_told(told: Iterable[asyncpg.Record], states: Iterable[asyncpg.Record]) -> list[str]:
    wrong = []
    last: dict[tuple[str, str], str] = {}
    for row in told:
        key, data = (row["objective"], row["grp"]), json.loads(row["body"])["data"]
        if data["previous"] != last.get(key):
            wrong.append(f"{key} is told to come from {data['previous']}, not {last.get(key)}")
        last[key] = data["state"]
    wrong += [
        f"{row['objective']} {row['grp']} is {row['state']}, told last was {last.get(row[:2])}"
        for row in states
        if row["state"] != last.get((row["objective"], row["grp"]))
        and (row["listed"] or (row["objective"], row["grp"]) in last)
    ]
    return wrong
