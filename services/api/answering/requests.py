"""What a request says beyond its typed parameters: sla_ids, and where a page begins."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final
from urllib.parse import unquote_plus

from fastapi import Request

from services.api.answering.parameters import BreachesParameters, Page, StatesParameters
from services.api.reading.objectives import Filters, Group, Objectives
from services.api.web.cursors import Key, decode_cursor
from services.api.web.problems import Refusal, suggestion

Scope = list[object]
"""The list's name and its filters: what a cursor belongs to."""
_HINTS_MAX: Final = 3
"""Names that are spoken of: the nearest to each is looked for among all."""


def page_place(wanted: Page, name: str, shape: tuple[type, ...]) -> tuple[Scope, Key | None]:
    """The scope of a list's cursors, and the key after which the page begins."""
    filters = wanted.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_defaults=True)
    scope: Scope = [name, filters]
    key = None if wanted.cursor is None else decode_cursor(scope, wanted.cursor, shape)
    return scope, key


def path_sla_id(request: Request, prefix: str, decoded: str) -> list[str]:
    """How an sla_id in the path may be meant, the likeliest first.

    As written, since every answer writes sla_ids encoded as they are to stand in a path; and
    decoded once, for a caller who encoded it again.
    """
    raw: bytes = request.scope.get("raw_path") or b""
    written = raw.decode("latin-1").partition(prefix)[2]
    return [written, decoded] if written else [decoded]


def query_sla_ids(request: Request) -> list[list[str]]:
    """How each `sla_id` of the query may be meant, the likeliest first: decoded, or as written."""
    members = (member.partition("=") for member in request.url.query.split("&"))
    written = [value for name, _, value in members if unquote_plus(name) == "sla_id"]
    return [[unquote_plus(value), value] for value in written]


def named_groups(objectives: Objectives, readings: Sequence[str]) -> list[Group]:
    """The groups that the readings of one sla_id name, each once."""
    groups = (objectives.group(reading) for reading in readings)
    return list(dict.fromkeys(group for group in groups if group is not None))


def the_groups(objectives: Objectives, readings: Sequence[str]) -> list[Group]:
    """The same, where it is an error that there are none."""
    groups = named_groups(objectives, readings)
    if not groups:
        raise _unknown(objectives, readings[-1])
    return groups


def filtered_groups(objectives: Objectives, request: Request) -> list[Group]:
    """The groups that all `sla_id`s of the query name."""
    return [
        group for readings in query_sla_ids(request) for group in named_groups(objectives, readings)
    ]


def state_filters(wanted: StatesParameters, groups: Sequence[Group]) -> Filters:
    """The filters of the states that are about objectives."""
    return Filters(
        sla_id=groups,
        agreement=wanted.agreement,
        objective=wanted.objective,
        type=[kind.value for kind in wanted.type],
        customer=wanted.customer,
        service=wanted.service,
    )


def filter_hint(
    objectives: Objectives,
    wanted: StatesParameters | BreachesParameters,
    readings: Sequence[Sequence[str]],
) -> str | None:
    """What filters name that the documents do not have, with what was perhaps meant.

    `readings` are those of each `sla_id`. A list stays a list: what is named may come, or have
    gone, with other documents.
    """
    # Asked of every list: all names are gathered only where some are named.
    agreements = sorted(objectives.agreements) if wanted.agreement else []
    names = sorted({served.name for served in objectives}) if wanted.objective else []
    items = wanted.item if isinstance(wanted, BreachesParameters) else []
    said = [
        *(
            f"agreement: no document is named {name!r}{suggestion(name, agreements)}"
            for name in _first(own for own in wanted.agreement if own not in agreements)
        ),
        *(
            f"objective: no agreement has one named {name!r}{suggestion(name, names)}"
            for name in _first(own for own in wanted.objective if own not in names)
        ),
        *(
            f"sla_id: {_unknown(objectives, sla_id).detail}"
            for sla_id in _first(own[-1] for own in readings if not named_groups(objectives, own))
        ),
        *(
            f"item: {item!r} has no kind; an item is kind:subject, like ticket:T-9"
            for item in _first(own for own in items if ":" not in own)
        ),
    ]
    return "; ".join(said) or None


def _first(names: Iterable[str]) -> Iterator[str]:
    return islice(names, _HINTS_MAX)


def _unknown(objectives: Objectives, sla_id: str) -> Refusal:
    agreement, _, rest = sla_id.partition("/")
    objective, *parts = rest.split("/")
    key = f"{agreement}/{objective}"
    served = objectives.get(key)
    if not rest:
        detail = _of_agreement(objectives, agreement)
    elif served is None:
        detail = f"no agreement has the objective {key!r}{suggestion(key, objectives.keys)}"
    elif served.group_by:
        names = ", ".join(served.group_by)
        detail = (
            f"{key!r} is grouped by {names}: its sla_id goes on with one part for each, "
            f"'~' for an empty one; {sla_id!r} has {len(parts)}"
        )
    else:
        detail = f"{key!r} is not grouped, so nothing follows it in an sla_id"
    return Refusal(kind="unknown-sla-id", detail=detail)


def _of_agreement(objectives: Objectives, name: str) -> str:
    """What is wrong with an sla_id that has no objective."""
    known = objectives.agreements.get(name)
    if known is None:
        nearest = suggestion(name, sorted(objectives.agreements))
        return f"an sla_id is an agreement/objective; no agreement is named {name!r}{nearest}"
    seen = sorted(own for own in objectives.keys if own.startswith(f"{name}/"))
    return f"{name!r} is an agreement; its objectives are {', '.join(seen)}"
