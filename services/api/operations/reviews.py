"""Reviews: a period of an agreement is signed off, and keeps its numbers from then on."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.api.access import audit
from services.api.access.scopes import asks
from services.api.answering import schemas
from services.api.answering.parameters import NoParameters, Page, Text
from services.api.answering.requests import page_place
from services.api.answering.responses import list_answer
from services.api.answering.reviews import Review, review_form
from services.api.answering.shapes import At, Shape
from services.api.board.sources import From, Sources, Unread
from services.api.operations import sealing
from services.api.reading.objectives import Filters, Objectives
from services.api.reading.reviews import read_review, read_reviews
from services.api.web.bodies import Body, described, parsed, read_bytes
from services.api.web.caller import By, Caller
from services.api.web.idempotency import Answer, write_once
from services.api.web.problems import Refusal, suggestion
from shared.domain.instant import Instant
from shared.domain.period import NamedPeriod, parse_period
from shared.runtime.database import Connection
from shared.wire.results import encode

router: Final = APIRouter(prefix="/v1")
NOTE_MAX: Final = 2_000
"""Characters."""
_NAME_MAX: Final = 200


class ReviewBody(Body):
    """What is signed off."""

    agreement: Text = Field(max_length=_NAME_MAX, description="The agreement's name.")
    period: Text = Field(
        max_length=16,
        description="A month, quarter, week, day or year by the local calendar, as in reports.",
    )
    note: Text = Field("", max_length=NOTE_MAX, description="What the review has to say.")


class Reviews(Shape):
    """A page of reviews, the latest first."""

    items: list[Review]
    next: str | None = Field(description="The cursor of the next page.")
    as_of: At | None = Field(description="The instant at which all of this holds.")


class ReviewsParameters(Page):
    """Whose reviews."""

    agreement: list[Text] = Field([], description="The agreement's name.")


_EXAMPLE: Final[Mapping[str, Any]] = {
    "review_id": "rv_0f8fad5bd9cb469fa16570867728950e",
    "agreement": "acme-support",
    "period": {
        "name": "2026-03",
        "start": "2026-02-28T23:00:00Z",
        "end": "2026-03-31T22:00:00Z",
        "time_zone": "Europe/Berlin",
    },
    "at": "2026-04-02T09:00:00Z",
    "by": "service-manager",
    "note": "agreed with acme on 2 April",
    "windows": 14,
}


def _operation() -> dict[str, Any]:
    found = schemas.operation("sealPeriod", Review, _EXAMPLE)
    responses = found["responses"]
    responses[HTTPStatus.CREATED] = responses.pop(HTTPStatus.OK)
    body = {"agreement": "acme-support", "period": "2026-03", "note": _EXAMPLE["note"]}
    return {
        **found,
        "status_code": HTTPStatus.CREATED,
        "openapi_extra": {**described(ReviewBody, body), **asks("write")},
    }


@router.post("/reviews", **_operation())
async def seal_period(
    _: Annotated[NoParameters, Query()], request: Request, by: By, sources: Unread
) -> Response:
    """Sign off a period of an agreement: its numbers stay, what comes later stands beside them.

    Sealed are all windows that end in the period, as the agreement's report lists them; each has
    to be final. Values, states and reports show them from then on as they were, with `sealed`,
    and in `adjusted` what they would be now. It cannot be taken back. Under an `Idempotency-Key`
    the same request may be sent again and gets the same answer.
    """
    body = await read_bytes(request)
    wanted = parsed(body, ReviewBody)
    _refuse_restricted(by)
    period = _period(wanted.period)
    now = sources.clock()

    async def write(connection: Connection) -> Answer:
        here = await sources.at(connection)
        asked = _asked(here.objectives, wanted.agreement, period, now)
        await _refuse_unfinished(here, asked, now)
        said = sealing.Said(now, by.name, wanted.note)
        row = await read_review(connection, await sealing.seal(connection, asked, said))
        detail = {name: row[name] for name in ("agreement", "period", "windows")}
        await audit.note(connection, by.name, "period.sealed", f"review:{row['id']}", detail)
        return Answer(HTTPStatus.CREATED, encode(review_form(row, whole=True)))

    return await write_once(sources.pool, request, by, body, write, now=now)


@router.get(
    "/reviews",
    **schemas.operation(
        "listReviews",
        Reviews,
        {
            "items": [_EXAMPLE],
            "next": None,
            "as_of": "2026-04-02T09:00:00Z",
        },
    ),
)
async def list_reviews(
    wanted: Annotated[ReviewsParameters, Query()], request: Request, sources: From
) -> Response:
    """The periods that were signed off, those that were sealed last first."""
    scope, after = page_place(wanted, "reviews", (int, str))
    place = None if after is None else (int(after[0]), str(after[1]))
    names = _names(sources.objectives, wanted.agreement)
    async with sources.reading([]) as (connection, standing):
        rows = await read_reviews(connection, names, after=place, limit=wanted.limit + 1)
    page = rows[: wanted.limit]
    last = (page[-1]["sealed_at"], page[-1]["id"]) if len(rows) > len(page) else None
    whole = sources.customers is None
    items = [review_form(row, whole=whole) for row in page]
    return list_answer(request, items, scope, last, standing.as_of([]))


def _refuse_restricted(by: Caller) -> None:
    if by.customers is not None:
        raise Refusal(
            kind="restricted-credential",
            detail=f"a review seals the numbers of all customers; {by.name} sees those of some",
        )


def _period(text: str) -> NamedPeriod:
    try:
        return parse_period(text)
    except ValueError as error:
        errors = ({"pointer": "/period", "detail": str(error)},)
        raise Refusal(kind="invalid-body", detail=f"/period: {error}", errors=errors) from None


def _asked(objectives: Objectives, name: str, period: NamedPeriod, now: Instant) -> sealing.Asked:
    chosen = objectives.choose(Filters(agreement=[name]), now)
    if not chosen:
        hint = suggestion(name, sorted(objectives.agreements))
        raise Refusal(kind="unknown-agreement", detail=f"no document is named {name!r}{hint}")
    zone = objectives.agreements[name].version_nearest(now).calendar.zone
    return sealing.Asked(name, [own.served for own in chosen], period, zone)


async def _refuse_unfinished(sources: Sources, asked: sealing.Asked, now: Instant) -> None:
    async with sources.reading([own.key for own in asked.objectives]) as (_, standing):
        sealing.refuse_unfinished(asked, standing, now=now)


def _names(objectives: Objectives, wanted: list[str]) -> set[str] | None:
    """The agreements whose reviews are shown; None: all that there have ever been."""
    if objectives.customers is None:
        return set(wanted) or None
    seen = set(objectives.agreements)
    return seen & set(wanted) if wanted else seen
