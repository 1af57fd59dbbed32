"""The digest of a catalogue: the same for the same meaning, whatever files and layout say it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Final

from shared.documents.calendar_fields import CalendarSpec
from shared.documents.public_holidays import PACKAGE_VERSION
from shared.domain.agreement import Agreement, Kpi, Version
from shared.domain.canonical import plain_decimal

_OF_VERSION: Final = frozenset({"document", "calendar", "objectives"})
_OF_OBJECTIVE: Final = frozenset({"kpi"})
_OF_CALENDAR: Final = frozenset({"node"})


def digest(
    agreements: Iterable[Agreement], kpis: Iterable[Kpi], calendars: Mapping[str, CalendarSpec]
) -> str:
    """SHA-256 in hex over the resolved content, defaults filled in."""
    content = {
        "agreements": {one.name: [_version(v) for v in one.versions] for one in agreements},
        "kpis": {one.name: _members(one) for one in kpis},
        "calendars": {name: _calendar(spec) for name, spec in calendars.items()},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def contents(
    agreements: Iterable[Agreement],
    kpis: Mapping[str, Kpi],
    calendars: Mapping[str, CalendarSpec],
) -> dict[str, str]:
    """The same of each agreement for itself, by name: all that can change what it says."""
    found = {}
    for one in agreements:
        named = {own.kpi.name for version in one.versions for own in version.objectives}
        used = {version.calendar.rules.name for version in one.versions}
        own_calendars = {name: calendars[name] for name in used if name in calendars}
        found[one.name] = digest([one], [kpis[name] for name in named], own_calendars)
    return found


def _version(version: Version) -> object:
    members = _members(version, without=_OF_VERSION)
    objectives = [
        _members(own, without=_OF_OBJECTIVE) | {"kpi": own.kpi.name} for own in version.objectives
    ]
    return members | {"calendar": version.calendar.rules.name, "objectives": objectives}


def _calendar(spec: CalendarSpec) -> object:
    members = _members(spec, without=_OF_CALENDAR)
    # Another release of the package may know other holidays.
    return members | ({"holidays_package": PACKAGE_VERSION} if spec.holidays.countries else {})


def _members(of: object, *, without: frozenset[str] = frozenset()) -> dict[str, object]:
    if not is_dataclass(of):
        message = f"{type(of).__name__} has no fields"
        raise TypeError(message)
    names = of.__dataclass_fields__  # `fields` makes a list of it, which is half of the work here
    return {name: _value(getattr(of, name)) for name in names if name not in without}


def _value(value: object) -> object:
    """JSON of the domain's values: each kind of value has one form, numbers one by their value."""
    match value:
        case None | str() | bool():
            return value
        case int() | Decimal():
            return {"number": plain_decimal(value)}
        case Fraction() | date():
            return str(value)
        case _:
            return _values(value)


def _values(value: object) -> object:
    """The same of what holds others."""
    match value:
        case frozenset():
            return sorted(map(str, value))
        case tuple() | list():
            return [_value(one) for one in value]
        case Mapping():
            return {str(key): _value(one) for key, one in value.items()}
        case _:
            return {"type": type(value).__name__} | _members(value)
