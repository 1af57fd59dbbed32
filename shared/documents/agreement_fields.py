"""The fields of an Agreement document and their checks."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from shared.documents import notation
from shared.documents.fields import Field, ListOf, Record
from shared.documents.loader import MapNode, Node, plain
from shared.documents.matching import ANYTHING, MATCHER
from shared.documents.problems import Problem, refused
from shared.documents.reader import JsonSchema, Placed, WithPlace, wrong
from shared.documents.targets import ANY_TARGET, TargetSpec
from shared.documents.values import NAME, TEXT, OneOf, Ratio, Text, Whole
from shared.documents.window_fields import WINDOW, WindowSpec
from shared.domain.agreement import AgreementType, AtRisk, Attribution, Level, OnChange
from shared.domain.instant import Instant, parse_instant
from shared.domain.matcher import Matcher

ALWAYS: Final = "always"
"""The calendar that is built in: 24 x 7, UTC."""
_AT_RISK: Final = AtRisk()
_NO_TOLERANCE: Final = Fraction(0)
_INSTANT: Final = Text(parse_instant, {"pattern": f"^{notation.INSTANT}$", "format": "date-time"})


@dataclass(frozen=True, slots=True)
class Parties:
    """Who promises, to whom."""

    provider: str
    customer: str


@dataclass(frozen=True, slots=True)
class Effective:
    """`[start, until)`."""

    start: Instant
    until: Instant | None


@dataclass(frozen=True, slots=True)
class ObjectiveSpec:
    """An objective of an Agreement document."""

    node: MapNode
    name: str
    kpi: Placed[str]
    target: Placed[TargetSpec]
    window: Placed[WindowSpec]
    where: Matcher = ANYTHING
    group_by: tuple[str, ...] = ()
    minimum: int = 1
    at_risk: AtRisk = _AT_RISK
    on_change: OnChange = OnChange.CARRY
    pace: Fraction | None = None
    attribution: Attribution = Attribution.DECIDED
    series: str | None = None

    @property
    def target_text(self) -> object:
        """The target as written."""
        return plain(self.node.members["target"])


@dataclass(frozen=True, slots=True)
class AgreementSpec:
    """An Agreement document."""

    node: MapNode
    level: Level
    parties: Parties
    effective: Placed[Effective]
    objectives: tuple[ObjectiveSpec, ...]
    type: AgreementType = AgreementType.SLA
    applies_to: Matcher = ANYTHING
    precedence: int = 0
    calendar: Placed[str] | None = None


def _effective(node: MapNode, **given: Instant) -> Effective:
    start, until = given["from"], given.get("until")
    if until is not None and until <= start:
        raise refused(node.members["until"].place, '"until" is not after "from"')
    return Effective(start, until)


def _at_risk(
    _node: MapNode,
    budget_consumed: Fraction = _AT_RISK.budget_consumed,
    elapsed: Fraction = _AT_RISK.elapsed,
) -> AtRisk:
    return AtRisk(budget_consumed, elapsed)


def _pace(_node: MapNode, tolerance: Fraction = _NO_TOLERANCE) -> Fraction:
    return tolerance


def _parties(_node: MapNode, provider: str, customer: str) -> Parties:
    return Parties(provider, customer)


def _misplaced_pace(spec: ObjectiveSpec) -> Iterator[Problem]:
    if spec.pace is not None and not spec.target.value.has_pace:
        yield Problem(
            spec.node.keys["pace"], '"pace" belongs to a target with atLeast of a count or a sum'
        )


def _names_twice(spec: AgreementSpec) -> Iterator[Problem]:
    seen: dict[str, ObjectiveSpec] = {}
    for objective in spec.objectives:
        first = seen.setdefault(objective.name, objective)
        if first is not objective:
            place = objective.node.members["name"].place
            line = first.node.place.line
            message = f'two objectives are named "{objective.name}"; the first is on line {line}'
            yield Problem(place, message)


class _GroupBy(ListOf[str]):
    """Attributes, each once."""

    def read(self, node: Node) -> tuple[str, ...]:
        names = super().read(node)
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise wrong(node, f'"{twice[0]}" stands there twice')
        return names

    def json_schema(self) -> JsonSchema:
        return super().json_schema() | {"uniqueItems": True}


_OBJECTIVE = Record(
    "an objective",
    ObjectiveSpec,
    {
        "name": Field(NAME, "its name within the agreement", required=True),
        "kpi": Field(WithPlace(NAME), "the name of a Kpi document", required=True),
        "target": Field(WithPlace(ANY_TARGET), "what is promised", required=True),
        "window": Field(WithPlace(WINDOW), "over which time it is judged", required=True),
        "where": Field(MATCHER, "for which items, beside appliesTo"),
        "minimum": Field(Whole(1, 10**9), "with fewer decided clocks there is no judgement"),
        "atRisk": Field(
            Record(
                "atRisk",
                _at_risk,
                {
                    "budgetConsumed": Field(Ratio(), "share of the allowed misses; 0.8 by default"),
                    "elapsed": Field(Ratio(), "share of a clock's target; 0.8 by default"),
                },
            ),
            "from when on it is at risk",
        ),
        "onChange": Field(OneOf(OnChange), "what leaving it does to a clock; carry by default"),
        "attribution": Field(
            OneOf(Attribution), "a clock counts where it was decided (default), or started"
        ),
        "pace": Field(
            Record(
                "pace",
                _pace,
                {"tolerance": Field(Ratio(), "how far behind the pace is no risk; 0 by default")},
                example='{tolerance: "0.1"}',
            ),
            "be at risk when behind the pace of elapsed open time",
        ),
        "groupBy": Field(_GroupBy(TEXT, example="[team]"), "a judgement for each value of these"),
        "series": Field(NAME, "alternatives of one clock that share this name"),
    },
    check=_misplaced_pace,
    schema={"dependentSchemas": {"pace": {"properties": {"target": {"required": ["atLeast"]}}}}},
)
AGREEMENT = Record(
    "an agreement",
    AgreementSpec,
    {
        "level": Field(OneOf(Level), "corporate, customer or service", required=True),
        "type": Field(OneOf(AgreementType), "sla (default), ola or uc"),
        "parties": Field(
            Record(
                "parties",
                _parties,
                {
                    "provider": Field(TEXT, "who promises", required=True),
                    "customer": Field(TEXT, "to whom", required=True),
                },
                example="{provider: support, customer: acme}",
            ),
            "who promises, to whom",
            required=True,
        ),
        "appliesTo": Field(MATCHER, "to which items; {} means all"),
        "precedence": Field(Whole(-(10**9), 10**9), "breaks a tie of level: the higher binds"),
        "calendar": Field(WithPlace(NAME), "the name of a Calendar document, or always"),
        "effective": Field(
            WithPlace(
                Record(
                    "effective",
                    _effective,
                    {
                        "from": Field(_INSTANT, "from this instant on", required=True),
                        "until": Field(_INSTANT, "up to this instant"),
                    },
                    example='{from: "2026-01-01T00:00:00Z"}',
                )
            ),
            "when it holds",
            required=True,
        ),
        "objectives": Field(
            ListOf(_OBJECTIVE, least=1, example="- name: first-response"),
            "what is promised",
            required=True,
        ),
    },
    check=_names_twice,
)
