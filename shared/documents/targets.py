"""Targets as documents write them: `{within: PT1H, ratio: "0.95"}`, `{atLeast: 1000}`."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from shared.documents import notation
from shared.documents.fields import Field, OneForm, Record
from shared.documents.loader import MapNode, Node, ScalarNode
from shared.documents.problems import Place
from shared.documents.reader import JsonSchema, Reader, shown, wrong
from shared.documents.values import Number, Ratio, Text, Whole
from shared.domain.agreement import (
    AtLeast,
    AtMost,
    Duration,
    EndOfWorkingDay,
    Mean,
    MeasureKind,
    OpenTime,
    Percentile,
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
        """The word it is told apart by: within, percentile, mean, atLeast or atMost."""
        match self.target:
            case Within():
                return "within"
            case Percentile():
                return "percentile"
            case Mean():
                return "mean"
            case AtLeast():
                return "atLeast"
            case AtMost():
                return "atMost"

    @property
    def is_of_clocks(self) -> bool:
        """Whether it is promised of durations; else of an amount."""
        return isinstance(self.target, Within | Percentile | Mean)

    def fits(self, measure: MeasureKind) -> bool:
        """Whether it can be promised of such a measure."""
        return self.is_of_clocks is (measure is MeasureKind.DURATION)

    @property
    def has_pace(self) -> bool:
        """Whether one can be ahead of it or behind."""
        return self.kind == "atLeast"


def _days(_node: MapNode, **given: int) -> Duration:
    if "working_days" in given:
        return WorkingDays(given["working_days"])
    return EndOfWorkingDay(given["end_of_working_day"])


_NOUGHT: Final = r"^[-+]?(0+(\.0*)?|\.0+)$"
_DURATION_TEXT: Final = Text(notation.duration, {"pattern": f"^{notation.DURATION}$"})


class _OpenTime(Reader[tuple[Duration, Place | None]]):
    """`PT4H`, and where it says days."""

    def read(self, node: Node) -> tuple[Duration, Place | None]:
        if isinstance(node, MapNode):
            message = "a mean has no working days, as each is of another length"
            raise wrong(node, f"{message}; write open time like PT8H")
        if isinstance(node, ScalarNode) and not isinstance(node.value, str):
            raise wrong(node, f"must be a duration like PT4H or PT30M, not {shown(node)}")
        micros, in_days = _DURATION_TEXT.read(node)
        return OpenTime(micros), node.place if in_days else None

    def json_schema(self) -> JsonSchema:
        return _DURATION_TEXT.json_schema()


class _AnyDuration(_OpenTime):
    """`PT4H`, `{workingDays: n}` or `{endOfWorkingDay: n}`."""

    _working: Record[Duration] = Record(
        "a duration",
        _days,
        {
            "workingDays": Field(Whole(1, MOST_DAYS), "the same time, n working days on"),
            "endOfWorkingDay": Field(Whole(0, MOST_DAYS), "the closing, n working days on"),
        },
    )

    def read(self, node: Node) -> tuple[Duration, Place | None]:
        if not isinstance(node, MapNode):
            return super().read(node)
        if len(node.members) != 1:
            raise wrong(node, "must be either {workingDays: n} or {endOfWorkingDay: n}")
        return self._working.read(node), None

    def json_schema(self) -> JsonSchema:
        one = {"minProperties": 1, "maxProperties": 1}
        return {"oneOf": [super().json_schema(), self._working.json_schema() | one]}


class _Amount(Number):
    """A number; what is a time instead gets its targets named."""

    def read(self, node: Node) -> Fraction:
        if isinstance(node, ScalarNode) and str(node.value).startswith("P"):
            message = f'must be a number, not {shown(node)}; a time needs "percentile" or "mean"'
            raise wrong(node, f"{message} beside it, or is written {{within: {node.written}}}")
        return super().read(node)


class _Quantile(Ratio):
    """A share above 0: of none of the clocks there is no longest time."""

    def read(self, node: Node) -> Fraction:
        share = super().read(node)
        if not share:
            raise wrong(node, 'must be above 0; write for example "0.9"')
        return share

    def json_schema(self) -> JsonSchema:
        return super().json_schema() | {
            "not": {"anyOf": [{"const": 0}, {"type": "string", "pattern": _NOUGHT}]}
        }


class _True(Reader[bool]):
    """The word true."""

    def read(self, node: Node) -> bool:
        if isinstance(node, ScalarNode) and node.value is True:
            return True
        raise wrong(node, f"must be true, not {shown(node)}")

    def json_schema(self) -> JsonSchema:
        return {"const": True}


def _within(
    _node: MapNode, within: tuple[Duration, Place | None], ratio: Fraction = Fraction(1)
) -> TargetSpec:
    duration, in_days = within
    return TargetSpec(Within(duration, ratio), in_days)


def _percentile(
    _node: MapNode, percentile: Fraction, at_most: tuple[Duration, Place | None]
) -> TargetSpec:
    duration, in_days = at_most
    return TargetSpec(Percentile(percentile, duration), in_days)


def _mean(_node: MapNode, mean: bool, at_most: tuple[OpenTime, Place | None]) -> TargetSpec:  # noqa: ARG001, FBT001 - the field must be there
    duration, in_days = at_most
    return TargetSpec(Mean(duration.micros), in_days)


def _at_least(_node: MapNode, at_least: Fraction) -> TargetSpec:
    return TargetSpec(AtLeast(at_least))


def _at_most(_node: MapNode, at_most: Fraction) -> TargetSpec:
    return TargetSpec(AtMost(at_most))


_WITHIN: Record[TargetSpec] = Record(
    "a target with within",
    _within,
    {
        "within": Field(_AnyDuration(), "open time that a clock may take", required=True),
        "ratio": Field(Ratio(), "the share of clocks that keep to it; 1 by default"),
    },
)
_PERCENTILE: Record[TargetSpec] = Record(
    "a target with percentile",
    _percentile,
    {
        "percentile": Field(_Quantile(), "the share whose longest time is judged", required=True),
        "atMost": Field(_AnyDuration(), "open time that it may be", required=True),
    },
)
_MEAN: Record[TargetSpec] = Record(
    "a target with mean",
    _mean,
    {
        "mean": Field(_True(), "judge the mean of the times", required=True),
        "atMost": Field(_OpenTime(), "open time that it may be", required=True),
    },
)
_AT_LEAST: Record[TargetSpec] = Record(
    "a target", _at_least, {"atLeast": Field(_Amount(), "so much or more", required=True)}
)
_AT_MOST: Record[TargetSpec] = Record(
    "a target", _at_most, {"atMost": Field(_Amount(), "so much or less", required=True)}
)


class _AnyTarget(OneForm[TargetSpec]):
    """A target; a lone percentage gets the whole notation explained."""

    def read(self, node: Node) -> TargetSpec:
        if isinstance(node, ScalarNode):
            share = node.written.rstrip("%").strip()
            ratio = f'"0.{share}"' if share.isdecimal() and len(share) == 2 else '"0.95"'  # noqa: PLR2004
            message = f"must be a mapping, not {shown(node)}"
            raise wrong(node, f"{message}; did you mean {{within: PT1H, ratio: {ratio}}}?")
        return super().read(node)


ANY_TARGET: Final = _AnyTarget(
    "a target",
    {
        "within": _WITHIN,
        "percentile": _PERCENTILE,
        "mean": _MEAN,
        "atLeast": _AT_LEAST,
        "atMost": _AT_MOST,
    },
    example='{within: PT1H, ratio: "0.95"}',
    reasons={},
)
