"""The operation that sets agreements side by side: an outside provider and the unit inside."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Annotated, Final

import asyncpg
import msgspec
from fastapi import APIRouter, Query, Request, Response

from services.api.answering import examples, schemas
from services.api.answering.parameters import ComparisonsParameters
from services.api.answering.requests import page_place
from services.api.answering.responses import list_answer
from services.api.board.sources import From
from services.api.reading.objectives import Objectives, Served
from services.api.reading.standing import Standing
from services.api.web.problems import Refusal, suggestion
from shared.domain.comparison import Side, compare
from shared.domain.instant import Instant
from shared.domain.judge import State
from shared.domain.window import Span
from shared.runtime.database import Connection
from shared.wire.compared import ComparisonRow, comparison_row
from shared.wire.groups import group_of
from shared.wire.results import counts_of

router: Final = APIRouter(prefix="/v1")
_counts: Final = msgspec.json.Decoder(dict[str, int])
_PLACE: Final = (int, int, str, str)
"""Window start and end, the attributes of the group, its values in that order."""


@router.get(
    "/comparisons",
    **schemas.operation("listComparisons", schemas.Comparisons, examples.COMPARISONS),
)
async def list_comparisons(
    wanted: Annotated[ComparisonsParameters, Query()], request: Request, sources: From
) -> Response:
    """How the agreements about one KPI stand side by side, in each window and group.

    `differences` subtract from the value of each outside provider (type `uc`) that of each unit
    inside, where the two measure alike. Of rolling windows the current one is compared.
    """
    scope, after = page_place(wanted, "comparisons", _PLACE)
    chosen = _chosen(sources.objectives, wanted.kpi)
    keys = [served.key for served in chosen]
    async with sources.reading(keys) as (connection, standing):
        wishes = _wishes(sources.objectives, chosen, standing, wanted.window)
        customers = sources.objectives.customers_among(())
        rows = await _read(connection, wishes, customers, after, wanted.limit + 1)
    places: dict[tuple[int | str, ...], list[Side]] = {}
    for row in rows:
        served = sources.objectives[row["objective"]]
        as_of = standing.as_of([served.key]) or row["window_start"]
        place = (row["window_start"], row["window_end"], row["names"], row["place"])
        places.setdefault(place, []).append(_side(served, row, as_of))
    page = list(places)[: wanted.limit]
    last = page[-1] if len(places) > len(page) else None
    items = [*_rows((places[place] for place in page), wanted.kpi)]
    return list_answer(request, items, scope, last, standing.as_of(keys))


def _rows(places: Iterable[list[Side]], kpi: str) -> Iterable[ComparisonRow]:
    for sides in places:
        yield from map(comparison_row, compare(sides, kpi))


def _chosen(objectives: Objectives, kpi: str) -> list[Served]:
    found = [served for served in objectives if served.kpi.name == kpi]
    if not found:
        known = sorted({served.kpi.name for served in objectives})
        detail = f"no agreement promises anything of {kpi!r}{suggestion(kpi, known)}"
        raise Refusal(kind="unknown-kpi", detail=detail)
    return found


_Wish = tuple[str, str, Instant, str, str, int | None]


def _wishes(
    objectives: Objectives, chosen: Sequence[Served], standing: Standing, window: Instant | None
) -> list[_Wish]:
    """Of each objective: key, agreement, start of the window, attributes, and their order.

    Last the place of the group value that has to be a customer whom the caller may see.
    """
    found = []
    for served in chosen:
        as_of = standing.as_of([served.key])
        if as_of is None:
            continue
        start = served.window.current(as_of).start if window is None else window
        order = sorted(range(len(served.group_by)), key=served.group_by.__getitem__)
        names = msgspec.json.encode(sorted(served.group_by)).decode()
        places = ",".join(map(str, order))
        customer_at = objectives.choice(served).customer_at
        found.append((served.key, served.agreement.name, start, names, places, customer_at))
    return found


async def _read(
    connection: Connection,
    wishes: Sequence[_Wish],
    customers: Sequence[str],
    after: Sequence[int | str] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """The rows of the first places after a key at which at least two agreements stand."""
    if not wishes:
        return []
    key = (None, 0, "", "") if after is None else after
    own = zip(*wishes, strict=True)
    return await connection.fetch(_COMPARED, *own, *key, limit, customers)


# The values of a group, in the order of its attributes' names: a place that two objectives share
# though they name the attributes in another order.
_COMPARED: Final = """
WITH found AS (
    SELECT v.objective, v.grp, v.window_start, v.window_end, v.value, v.state, v.counts,
           wanted.agreement, wanted.names COLLATE "C" AS names,
           (SELECT coalesce(jsonb_agg(v.grp::jsonb -> o.at ORDER BY o.number), '[]')::text
            FROM unnest(string_to_array(wanted.places, ',')::int[])
                 WITH ORDINALITY AS o (at, number)) COLLATE "C" AS place
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::int[])
         AS wanted (objective, agreement, window_start, names, places, customer_at)
    JOIN value v ON v.objective = wanted.objective AND v.window_start = wanted.window_start
    WHERE v.listed
      AND (customer_at IS NULL OR (v.grp::jsonb ->> customer_at) = ANY($12::text[]))
), several AS (
    SELECT window_start, window_end, names, place
    FROM found
    WHERE $7::bigint IS NULL OR (window_start, window_end, names, place) > ($7, $8, $9, $10)
    GROUP BY window_start, window_end, names, place
    HAVING count(DISTINCT agreement) > 1
    ORDER BY window_start, window_end, names, place
    LIMIT $11
)
SELECT found.*
FROM several JOIN found USING (window_start, window_end, names, place)
ORDER BY window_start, window_end, names, place, objective
"""


def _side(served: Served, row: asyncpg.Record, as_of: Instant) -> Side:
    span = Span(row["window_start"], row["window_end"])
    version, objective = served.judged_by(min(as_of, span.end - 1))
    return Side(
        version=version,
        objective=objective,
        group=group_of(row["grp"]),
        window=span,
        value=None if row["value"] is None else Fraction(row["value"]),
        state=State(row["state"]),
        measure=counts_of(_counts.decode(row["counts"])),
    )
