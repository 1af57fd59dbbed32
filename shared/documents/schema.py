"""The kinds of documents and the fields that all of them have; the published JSON Schema.

What a kind says stands in `calendar_fields`, `kpi_fields`, `agreement_fields` and `source_fields`.
Reading gives specs: values of the domain where a document alone decides them, names with their
places where other documents do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.documents.agreement_fields import AGREEMENT, AgreementSpec
from shared.documents.calendar_fields import CALENDAR, CalendarSpec
from shared.documents.fields import Field, Record
from shared.documents.kpi_fields import KPI, KpiSpec
from shared.documents.loader import MapNode
from shared.documents.reader import AsWritten, JsonSchema
from shared.documents.source_fields import SOURCE, SourceSpec
from shared.documents.values import NAME, OneOf, Text

API_VERSION: Final = "accord/v1"


class Kind(StrEnum):
    """The kinds of documents."""

    CALENDAR = "Calendar"
    KPI = "Kpi"
    AGREEMENT = "Agreement"
    SOURCE = "Source"


@dataclass(frozen=True, slots=True)
class Header:
    """What every document begins with."""

    node: MapNode
    api_version: str
    kind: Kind
    metadata: str
    spec: MapNode


def _api_version(text: str) -> str:
    if text != API_VERSION:
        message = f'"{text}" is unknown; write {API_VERSION}'
        raise ValueError(message)
    return text


def _metadata(_node: MapNode, name: str) -> str:
    return name


HEADER = Record(
    "a document",
    Header,
    {
        "apiVersion": Field(Text(_api_version, {"const": API_VERSION}), API_VERSION, required=True),
        "kind": Field(OneOf(Kind), "Calendar, Kpi, Agreement or Source", required=True),
        "metadata": Field(
            Record(
                "metadata",
                _metadata,
                {"name": Field(NAME, "small letters, digits and hyphens", required=True)},
                example="{name: acme-support}",
            ),
            "its name",
            required=True,
        ),
        "spec": Field(AsWritten(), "what it says", required=True),
    },
)
Spec = CalendarSpec | KpiSpec | AgreementSpec | SourceSpec
SPECS: Final[Mapping[Kind, Record[Spec]]] = {
    Kind.CALENDAR: CALENDAR,
    Kind.KPI: KPI,
    Kind.AGREEMENT: AGREEMENT,
    Kind.SOURCE: SOURCE,
}


DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> JsonSchema:
    """What may be written in one document, as JSON Schema 2020-12, for editors."""
    by_kind: list[JsonSchema] = [
        {
            "if": {"properties": {"kind": {"const": kind.value}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{kind.value}"},
        }
        for kind in Kind
    ]
    return {
        "$schema": DIALECT,
        "title": "Accord document",
        **HEADER.json_schema(),
        "allOf": by_kind,
        "$defs": {kind.value: _kind_schema(kind) for kind in Kind},
    }


def kind_schema(kind: Kind) -> JsonSchema:
    """What may be written in a document of one kind."""
    return {"$schema": DIALECT} | _kind_schema(kind)


def _kind_schema(kind: Kind) -> JsonSchema:
    schema = HEADER.json_schema()
    properties = schema["properties"]
    if not isinstance(properties, dict):
        raise TypeError
    spec = SPECS[kind].json_schema()
    own = properties | {"kind": {"const": kind.value}, "spec": spec}
    return {"title": kind.value} | schema | {"properties": own}
