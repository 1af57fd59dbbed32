"""What a report is asked for by, and what that means for an agreement."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from fastapi import Request
from pydantic import Field

from services.api.answering.parameters import Parameters, Text
from services.api.reading.objectives import Choice, Filters, Objectives
from services.api.reports.composing import Asked
from services.api.web.problems import Refusal, invalid_parameter, suggestion
from shared.domain.instant import Instant
from shared.domain.period import NamedPeriod, parse_edge, parse_period, periods_before
from shared.domain.window import Period, Span

_Found = TypeVar("_Found")


class Format(StrEnum):
    """The forms of a report."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


MEDIA_TYPES: Final = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv",
    Format.HTML: "text/html",
}


class ReportParameters(Parameters):
    """The period and form of a report."""

    period: Text | None = Field(
        None,
        description="A month, quarter, week, day or year by the local calendar: `2026-03`, "
        "`2026-Q1`, `2026-W10`, `2026-03-05`, `2026`. Without any: the last whole month.",
        examples=["2026-03"],
    )
    from_: Text | None = Field(
        None,
        alias="from",
        description="Instead of `period`, with `until`: an instant with an offset, or a date or "
        "time in the zone of the agreement's calendar.",
    )
    until: Text | None = Field(None, description="Where it ends; not part of it.")
    format: Format | None = Field(
        None, description="`json`, `csv` or `html`; without it as `Accept` asks, else `json`."
    )
    objective: list[Text] = Field([], description="Only these objectives of the agreement.")
    customer: list[Text] = Field([], description="Only what is about these customers.")
    all_windows: bool = Field(
        default=False,
        description="Every rolling window that ends in the period, not only the last one.",
    )


def format_of(wanted: ReportParameters, request: Request) -> Format:
    """The form that is asked for: by `format`, or by what `Accept` likes best."""
    if wanted.format is not None:
        return wanted.format
    best, chosen = 0.0, Format.JSON
    for part in ",".join(request.headers.getlist("accept")).split(","):
        media_type, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        for form, own in MEDIA_TYPES.items():
            if media_type.strip().lower() == own and weight > best:
                best, chosen = weight, form
    return chosen


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def choices_of(
    objectives: Objectives, name: str, customers: Sequence[str], now: Instant
) -> list[Choice]:
    """The objectives of an agreement that are about these customers; none: about any.

    Raises a 404 where there are none: an agreement that the caller may not see is none.
    """
    chosen = objectives.choose(Filters(agreement=[name], customer=customers), now)
    if chosen:
        return chosen
    known = [own for own in sorted(objectives.agreements) if own != name]
    hint = suggestion(name, known)
    raise Refusal(kind="unknown-agreement", detail=f"no document is named {name!r}{hint}")


def asked_of(
    objectives: Objectives,
    name: str,
    choices: Sequence[Choice],
    wanted: ReportParameters,
    as_of: Instant,
) -> Asked:
    """What is asked for, in the time zone of the agreement's calendar."""
    agreement = objectives.agreements[name]
    kept = [own for own in choices if not wanted.objective or own.served.name in wanted.objective]
    for own in wanted.objective:
        if own not in agreement.objective_names:
            hint = suggestion(own, agreement.objective_names)
            detail = f"{name!r} has no objective {own!r}{hint}"
            raise invalid_parameter(name="objective", detail=detail)
    zone = agreement.version_nearest(as_of).calendar.zone
    try:
        period, span = period_of(wanted.period, wanted.from_, wanted.until, zone, as_of)
    except InvalidPeriod as error:
        raise invalid_parameter(error.parameter, str(error)) from None
    return Asked(
        objectives.catalogue, agreement, kept, period, span, zone, all_windows=wanted.all_windows
    )


class InvalidPeriod(ValueError):  # noqa: N818 - a normal answer to the caller
    """No period can be made of what was given; `parameter` says of which."""

    def __init__(self, parameter: str, message: str) -> None:
        """What is wrong with a parameter."""
        super().__init__(message)
        self.parameter = parameter


def period_of(
    name: str | None, start: str | None, end: str | None, zone: str, as_of: Instant
) -> tuple[NamedPeriod | None, Span]:
    """The period meant, by its name or two edges; without any the last whole month before `as_of`.

    Raises `InvalidPeriod`.
    """
    if start is None and end is None:
        if name is None:
            found = next(periods_before(Period.MONTH, zone, as_of))
        else:
            found = _read("period", parse_period, name)
        return found, found.within(zone)
    if name is not None:
        raise InvalidPeriod(parameter="period", message="it cannot stand beside `from` and `until`")
    if start is None or end is None:
        missing = "from" if start is None else "until"
        raise InvalidPeriod(missing, "`from` and `until` need each other")
    span = Span(
        _read("from", lambda text: parse_edge(text, zone), start),
        _read("until", lambda text: parse_edge(text, zone), end),
    )
    if span.start >= span.end:
        raise InvalidPeriod(parameter="until", message="the period ends before it begins")
    return None, span


def _read(parameter: str, reader: Callable[[str], _Found], text: str) -> _Found:
    try:
        return reader(text)
    except ValueError as error:
        raise InvalidPeriod(parameter, str(error)) from None
