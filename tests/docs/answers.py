"""Whether what a command wrote is what the page shows of it."""

import json
from decimal import Decimal
from typing import Any


def missing_lines(shown: str, said: str) -> list[str]:
    """The shown lines that were not said, blanks aside."""
    told = " ".join(said.split())
    return [line for line in shown.splitlines() if " ".join(line.split()) not in told]


def json_of(text: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON that a command wrote; numbers exact."""
    return json.loads(text, parse_float=Decimal)


def misfit(shown: object, said: object, *, exact: bool, place: str = "$") -> str | None:
    """Where what was said lacks what is shown; None when it has everything.

    Members may be more than shown. Each shown element of a list is like one of those said. Not
    exact, values only have to be of the same type, or null.
    """
    match shown:
        case dict():
            return _of_members(shown, said, exact=exact, place=place)
        case list():
            return _of_elements(shown, said, exact=exact, place=place)
        case _ if exact and "…" not in str(shown):
            return None if shown == said else f"{place} is {said!r}, not {shown!r}"
        case _:
            fits = said is None or _kind(shown) is _kind(said)
            return None if fits else f"{place} is {said!r}, which is not like {shown!r}"


def _of_members(shown: dict[str, Any], said: object, *, exact: bool, place: str) -> str | None:
    if not isinstance(said, dict):
        return f"{place} is {said!r} and no object"
    for name, value in shown.items():
        if name not in said:
            return f"{place} has no member {name!r}"
        wrong = misfit(value, said[name], exact=exact, place=f"{place}.{name}")
        if wrong is not None:
            return wrong
    return None


def _of_elements(shown: list[Any], said: object, *, exact: bool, place: str) -> str | None:
    if not isinstance(said, list):
        return f"{place} is {said!r} and no list"
    for number, value in enumerate(shown):
        wrong = [
            misfit(value, own, exact=exact, place=f"{place}[{at}]") for at, own in enumerate(said)
        ]
        if None not in wrong:
            return (
                wrong[0] if len(wrong) == 1 else f"{place} has nothing like its {number + 1}. entry"
            )
    return None


def _kind(value: object) -> type:
    return (
        Decimal if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value)
    )
