"""The digest of a catalogue: the same for the same meaning, whatever files and layout say it."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from fractions import Fraction
from hashlib import sha256

from shared.documents.calendar_fields import CalendarSpec
from shared.documents.public_holidays import PACKAGE_VERSION
from shared.domain.agreement import Agreement, Kpi, Version
from shared.domain.canonical import canonical_json


def digest(
    agreements: Iterable[Agreement], kpis: Iterable[Kpi], calendars: Mapping[str, CalendarSpec]
) -> str:
    """SHA-256 in hex over the resolved content, defaults filled in."""
    content = {
        "agreements": {one.name: [_version(v) for v in one.versions] for one in agreements},
        "kpis": {one.name: _members(one, without=set()) for one in kpis},
        "calendars": {name: _calendar(spec) for name, spec in calendars.items()},
    }
    return sha256(canonical_json(content, exact=True).encode()).hexdigest()


def _version(version: Version) -> object:
    members = _members(version, without={"document", "calendar", "objectives"})
    objectives = [
        _members(own, without={"kpi"}) | {"kpi": own.kpi.name} for own in version.objectives
    ]
    return members | {"calendar": version.calendar.rules.name, "objectives": objectives}


def _calendar(spec: CalendarSpec) -> object:
    members = _members(spec, without={"node"})
    # Another release of the package may know other holidays.
    return members | ({"holidays_package": PACKAGE_VERSION} if spec.holidays.countries else {})


def _members(of: object, *, without: set[str]) -> dict[str, object]:
    if not is_dataclass(of):
        message = f"{type(of).__name__} has no fields"
        raise TypeError(message)
    return {f.name: _value(getattr(of, f.name)) for f in fields(of) if f.name not in without}


def _value(value: object) -> object:
    """JSON of the domain's values: each kind of value has one form."""
    if is_dataclass(value):
        return {"type": type(value).__name__} | _members(value, without=set())
    match value:
        case Fraction() | date():
            return str(value)
        case frozenset():
            return sorted(map(str, map(_value, value)))
        case tuple() | list():
            return [_value(one) for one in value]
        case Mapping():
            return {str(key): _value(one) for key, one in value.items()}
        case _:
            return value
