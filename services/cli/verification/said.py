"""Asks the API about everything that `evaluate` knows, several questions at a time."""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote

from services.cli.api_client import Answer, Api, ApiError, NotKnown
from services.cli.verification.compare import (
    Difference,
    Row,
    WindowKey,
    compare_breaches,
    compare_clocks,
    compare_windows,
)
from services.cli.verification.expected import Expected
from shared.domain.instant import Instant, parse_instant

_AT_ONCE: Final = 8
_ASKED_ALONE: Final = 50
"""So many items are asked for one by one as well as in the list of all."""

Told = Callable[[int], None]


def differences(
    api: Api, expected: Expected, *, done: Told, items_each: int = 1
) -> list[Difference]:
    """Every difference between what the API says and what is expected.

    Of items one in `items_each` is compared; `done` hears how many more were.
    """
    states = list(api.each("/v1/states"))
    found = compare_windows("state", states, expected.current, waiting=expected.waiting)
    found += compare_breaches(api.each("/v1/breaches"), expected.breaches)
    by_sla: dict[str, list[Row]] = {str(row["sla_id"]): [] for row in states}
    for row in expected.objectives:
        by_sla.setdefault(str(row["sla_id"]), []).append(row)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for part in pool.map(
            lambda name: _values(api, name, by_sla[name], expected.waiting), by_sla
        ):
            found += part
        alone = expected.items[::items_each]
        if items_each == 1:
            kinds = sorted({key.partition(":")[0] for key in expected.items})
            for part in pool.map(lambda kind: _items(api, kind, expected, done), kinds):
                found += part
            alone = expected.items[:: max(1, len(expected.items) // _ASKED_ALONE)]
        for part in pool.map(lambda key: _item(api, key, expected), alone):
            found += part
            if items_each > 1:
                done(1)
    return found


def _items(api: Api, kind: str, expected: Expected, done: Told) -> list[Difference]:
    found: list[Difference] = []
    left = {key for key in expected.items if key.startswith(f"{kind}:")}
    for answer in api.each("/v1/items", kind=kind):
        key = str(answer["item"])
        found += compare_clocks(key, _clocks_of(answer), expected.clocks_of(key))
        left.discard(key)
        done(1)
    found += [Difference(f"item {key}", "item", "(absent)", "there") for key in sorted(left)]
    return found


def _item(api: Api, key: str, expected: Expected) -> list[Difference]:
    kind, _, subject = key.partition(":")
    try:
        alone = api.get(f"/v1/items/{kind}/{quote(subject, safe='')}")
    except NotKnown:
        return [Difference(f"item {key}", "item", "(absent)", "there")]
    return compare_clocks(key, _clocks_of(alone), expected.clocks_of(key))


def stopped_at(api: Api, *, pause: Callable[[], None]) -> Instant:
    """The instant at which the running system's clock stands; `ApiError` if it moves."""
    first = api.get("/v1/states", limit=1).get("as_of")
    pause()
    second = api.get("/v1/states", limit=1).get("as_of")
    if first is None or first != second:
        message = (
            f"the clock of the running system moves ({first}, then {second}), so its answers belong"
            " to many instants. Start the three services with ACCORD_CLOCK=<instant> and run"
            " `accord verify` again, or let `accord verify --start` do both"
        )
        raise ApiError(message)
    return parse_instant(str(first))


def _values(
    api: Api, sla_id: str, evaluated: Iterable[Row], waiting: Collection[WindowKey]
) -> list[Difference]:
    try:
        said = list(api.each("/v1/values", sla_id=sla_id))
    except NotKnown:
        said = []
    return compare_windows("value", said, evaluated, waiting=waiting)


def _clocks_of(answer: Answer) -> list[Row]:
    clocks = answer.get("clocks")
    return list(clocks) if isinstance(clocks, list) else []
