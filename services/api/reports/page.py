"""A report as a page for print: no script, no style in the text, everything escaped."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.api.reports.forms import Report, ReportedObjective
from shared.domain.comparison import Unit
from shared.domain.instant import SECOND, as_datetime, parse_instant
from shared.domain.wording import length_words, number_words

STYLE_PATH: Final = "/assets/report.css"
"""Where the api serves the style of its reports."""

_STATES: Final = {
    "ok": "kept",
    "at_risk": "at risk",
    "breached": "broken",
    "no_data": "no data",
    "excluded": "excluded",
}
_COUNTS: Final = {
    "eligible": "eligible",
    "excluded": "excluded",
    "running": "running",
    "met": "in time",
    "breached_open": "late, open",
    "breached_closed": "late, closed",
    "count": "count",
    "good": "good",
    "total": "all",
    "pending": "pending",
}
_CAUSES: Final = {
    "final": "the window had ended",
    "late": "events that came late",
    "corrected": "events that were corrected",
    "documents": "other documents",
    "closed": "what was open has ended",
}
_CHANGES: Final = {
    "found": "found since",
    "withdrawn": "withdrawn since: it did not happen after all",
    "closed": "has ended since, or at another time",
    "reopened": "has not ended after all",
}
_PERCENT: Final = 100


def report_page(report: Report, *, style_path: str | None = STYLE_PATH) -> str:
    """The page; `style_path` is where its style is served, None puts the style into it."""
    zone = ZoneInfo(report.period.time_zone)
    template = _environment().get_template("report.html")
    return template.render(
        report=report,
        title=f"{report.agreement}, {_period_words(report, zone)}",
        period=_period_words(report, zone),
        style_path=style_path,
        style="" if style_path else style_text(),
        zone=zone,
        states=_STATES,
        counts=_COUNTS,
        causes=_CAUSES,
        changes=_CHANGES,
        columns=_columns,
    )


@cache
def style_text() -> str:
    """The style of the page."""
    return (files(__package__) / "report.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["at"] = at_words
    environment.filters["value"] = value_words
    environment.filters["percent"] = percent_words
    environment.filters["lasting"] = _lasting
    environment.filters["group"] = _group
    return environment


def at_words(text: str | None, zone: ZoneInfo) -> str:
    """An instant in local time with its offset: `2026-03-02 10:00 +01:00`."""
    if text is None:
        return ""
    moment = as_datetime(parse_instant(text)).astimezone(zone)
    precise = "microseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    local = moment.replace(tzinfo=None).isoformat(" ", precise)
    offset = moment.isoformat()[-6:]
    return f"{local} {offset}"


def value_words(value: str | None, unit: str) -> str:
    """A value as people read it, with all its digits: `97.5 %`, `1 h 30 min`, `12`."""
    match unit:
        case _ if value is None:
            return "–"  # noqa: RUF001 - a dash
        case Unit.RATIO:
            return percent_words(value)
        case Unit.SECONDS:
            return length_words(round(Fraction(value) * SECOND))
        case _:
            return value


def percent_words(ratio: str | None) -> str:
    """A ratio in per cent, with all its digits: `0.975` is `97.5 %`."""
    if ratio is None:
        return "–"  # noqa: RUF001 - a dash
    return f"{number_words(Fraction(ratio) * _PERCENT)} %"


def _lasting(length: int | Decimal) -> str:
    return length_words(round(Fraction(length) * SECOND))


def _group(group: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value or '(none)'}" for name, value in group.items())


def _columns(objective: ReportedObjective) -> list[str]:
    """Which counts its windows have."""
    return list(objective.windows[0].counts) if objective.windows else []


def _period_words(report: Report, zone: ZoneInfo) -> str:
    if report.period.name is not None:
        return report.period.name
    return f"{at_words(report.period.start, zone)} to {at_words(report.period.end, zone)}"
