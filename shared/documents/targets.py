"""Targets as documents write them: `{within: PT1H, ratio: "0.95"}`, `{atLeast: 1000}`."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from shared.documents import notation
from shared.documents.fields import Field, NotYet, Record
from shared.documents.loader import MapNode, Node, ScalarNode
from shared.documents.problems import Place, refused
from shared.documents.reader import JsonSchema, Reader, shown, wrong
from shared.documents.values import Number, Ratio, Text, Whole
from shared.domain.agreement import (
    AtLeast,
    AtMost,
    Duration,
    EndOfWorkingDay,
    MeasureKind,
    OpenTime,
    Target,
    Within,
    WorkingDays,
)

MOST_DAYS: Final = 1_000_000
"""Far beyond the 36,525 days after which no target is reached (contract section 3)."""


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target, and where its duration says days (which only `always` allows)."""

    target: Target
    in_days: Place | None = None

    @property
    def kind(self) -> str:
        """The word it is told apart by: within, atLeast or atMost."""
        match self.target:
            case Within():
                return "within"
            case AtLeast():
                return "atLeast"
            case AtMost():
                return "atMost"

    @property
    def measure(self) -> MeasureKind:
        """The only measure it fits."""
        return MeasureKind.DURATION if self.kind == "within" else MeasureKind.COUNT

    @property
    def has_pace(self) -> bool:
        """Whether one can be ahead of it or behind."""
        return self.kind == "atLeast"


def _days(_node: MapNode, **given: int) -> Duration:
    if "working_days" in given:
        return WorkingDays(given["working_days"])
    return EndOfWorkingDay(given["end_of_working_day"])


class _AnyDuration(Reader[tuple[Duration, Place | None]]):
    """`PT4H`, `{workingDays: n}` or `{endOfWorkingDay: n}`."""

    _text = Text(notation.duration, {"pattern": f"^{notation.DURATION}$"})
    _working: Record[Duration] = Record(
        "a duration",
        _days,
        {
            "workingDays": Field(Whole(1, MOST_DAYS), "the same time, n working days on"),
            "endOfWorkingDay": Field(Whole(0, MOST_DAYS), "the closing, n working days on"),
        },
    )

    def read(self, node: Node) -> tuple[Duration, Place | None]:
        if isinstance(node, MapNode):
            if len(node.members) != 1:
                raise wrong(node, "must be either {workingDays: n} or {endOfWorkingDay: n}")
            return self._working.read(node), None
        micros, in_days = self._text.read(node)
        return OpenTime(micros), node.place if in_days else None

    def json_schema(self) -> JsonSchema:
        one = {"minProperties": 1, "maxProperties": 1}
        return {"oneOf": [self._text.json_schema(), self._working.json_schema() | one]}


def _target(
    node: MapNode,
    within: tuple[Duration, Place | None] | None = None,
    ratio: Fraction | None = None,
    at_least: Fraction | None = None,
    at_most: Fraction | None = None,
) -> TargetSpec:
    kinds = [name for name in ("within", "atLeast", "atMost") if name in node.members]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "nothing of it"
        message = f"a target has one of within, atLeast and atMost; here is {found}"
        raise refused(node.place, message)
    if ratio is not None and within is None:
        raise refused(node.keys["ratio"], f'"ratio" belongs to within, not to {kinds[0]}')
    if within is not None:
        return TargetSpec(Within(within[0], Fraction(1) if ratio is None else ratio), within[1])
    return TargetSpec(AtLeast(at_least) if at_least is not None else AtMost(at_most or Fraction(0)))


_FIELDS: Mapping[str, Field] = {
    "within": Field(_AnyDuration(), "open time that a clock may take"),
    "ratio": Field(Ratio(), "the share of clocks that keep to it; 1 by default"),
    "atLeast": Field(Number(least=0), "so many or more"),
    "atMost": Field(Number(least=0), "so many or fewer"),
    "percentile": Field(NotYet("a percentile target"), "the share that the time is judged at"),
    "mean": Field(NotYet("a mean target"), "judge the mean"),
}


class _AnyTarget(Record[TargetSpec]):
    """A target; a lone percentage gets the whole notation explained."""

    def read(self, node: Node) -> TargetSpec:
        if isinstance(node, ScalarNode):
            share = node.written.rstrip("%").strip()
            ratio = f'"0.{share}"' if share.isdecimal() and len(share) == 2 else '"0.95"'  # noqa: PLR2004
            message = f"must be a mapping, not {shown(node)}"
            raise wrong(node, f"{message}; did you mean {{within: PT1H, ratio: {ratio}}}?")
        return super().read(node)

    def json_schema(self) -> JsonSchema:
        one_of = [{"required": [name]} for name in ("within", "atLeast", "atMost")]
        return super().json_schema() | {"oneOf": one_of}


ANY_TARGET: Final = _AnyTarget("a target", _target, _FIELDS)
