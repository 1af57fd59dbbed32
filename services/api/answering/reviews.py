"""A review as the api shows it: which period of which agreement was signed off, by whom, when."""

import asyncpg
import msgspec
from pydantic import Field

from services.api.answering.shapes import At, Shape
from shared.domain.instant import format_instant


class ReviewedPeriod(Shape):
    """Half-open."""

    name: str
    start: At
    end: At
    time_zone: str = Field(description="The zone of the agreement's calendar.")


class Review(Shape):
    """A period of an agreement that was signed off: the numbers of its windows stay."""

    review_id: str
    agreement: str
    period: ReviewedPeriod
    at: At
    by: str | None = Field(
        description="The name of the key or token that signed off; null, as are `note` and "
        "`windows`, for callers who see certain customers alone."
    )
    note: str | None
    windows: int | None = Field(description="How many windows ended in the period.")


class ReviewedPeriodForm(msgspec.Struct, frozen=True, kw_only=True):
    """The period of a review."""

    name: str
    start: str
    end: str
    time_zone: str


class ReviewForm(msgspec.Struct, frozen=True, kw_only=True):
    """A review by its members."""

    review_id: str
    agreement: str
    period: ReviewedPeriodForm
    at: str
    by: str | None
    note: str | None
    windows: int | None


def review_form(row: asyncpg.Record, *, whole: bool) -> ReviewForm:
    """A row of `review`; what was said in it is not for one customer alone: not without `whole`."""
    period = ReviewedPeriodForm(
        name=row["period"],
        start=format_instant(row["starts"]),
        end=format_instant(row["ends"]),
        time_zone=row["time_zone"],
    )
    return ReviewForm(
        review_id=row["id"],
        agreement=row["agreement"],
        period=period,
        at=format_instant(row["sealed_at"]),
        by=row["sealed_by"] if whole else None,
        note=row["note"] if whole else None,
        windows=row["windows"] if whole else None,
    )
