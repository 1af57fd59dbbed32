"""What Prometheus records of the promises: `level:metric:operations`.

Totals are read as the largest of the api's replicas: all show the same ones of one database, they
never fall, and the largest goes on when a replica is replaced. A ratio is one of sums.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from services.cli.alert_rules.burn import Pair
from services.cli.alert_rules.kinds import WindowKind, duration
from shared.domain.instant import HOUR, MINUTE, Micros

DIRECT: Final[Micros] = 6 * HOUR
"""Up to so long a range is read sample by sample; a longer one is a sum of shorter records."""
PARTS: Final = 288
SLOW: Final[Micros] = 2 * MINUTE
"""How often the rules of the long ranges are evaluated: a value can be seen for five minutes."""

Rule = dict[str, object]


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that is recorded: what people may ask for by its name."""

    name: str
    labels: tuple[str, ...]
    meaning: str


INFO: Final = Recording(
    "sla_id:accord_sla_info:max", ("those of accord_sla_info",), "accord_sla_info of all replicas"
)
BUDGET: Final = Recording(
    "sla_id:accord_sla_error_budget:max",
    ("sla_id", "sla_window"),
    "share of what is decided that may miss",
)
EVENTS: Final = Recording(
    "sla_id:accord_sla_events:max",
    ("sla_id", "sla_window"),
    "accord_sla_events_total of all replicas",
)
BREACHED: Final = Recording(
    "sla_id:accord_sla_breached_events:max",
    ("sla_id", "sla_window"),
    "accord_sla_breached_events_total of all replicas",
)
_IN_RANGE: Final = ("sla_id", "sla_window", "sla_period", "sla_range")
EVENTS_IN: Final = Recording(
    "sla_id:accord_sla_events:increase",
    _IN_RANGE,
    "what was decided or counted within the range",
)
BREACHED_IN: Final = Recording(
    "sla_id:accord_sla_breached_events:increase",
    _IN_RANGE,
    "what of it missed",
)
MISSED: Final = Recording(
    "sla_id:accord_sla_breached_events:ratio_increase",
    _IN_RANGE,
    "share missed within the range; absent when nothing was decided",
)
BURN: Final = Recording(
    "sla_id:accord_sla_burn_rate:ratio_increase",
    _IN_RANGE,
    "that share divided by the one that may be missed: above 1 the budget does not last",
)
RECORDINGS: Final = (INFO, BUDGET, EVENTS, BREACHED, EVENTS_IN, BREACHED_IN, MISSED, BURN)


def record(recording: Recording, expression: str, **labels: str) -> Rule:
    """A recording rule."""
    rule: Rule = {"record": recording.name, "expr": expression}
    return rule | ({"labels": labels} if labels else {})


def of_all_replicas() -> Iterator[Rule]:
    """What is read of the api, once for all replicas."""
    # Replicas of two versions may describe a promise in two ways: one is enough to join with.
    one = "topk by (job, sla_id) (1, max without (instance) (accord_sla_info))"
    yield record(INFO, one)
    yield record(BUDGET, "max without (instance) (accord_sla_error_budget_ratio)")
    for recording, counter in (
        (EVENTS, "accord_sla_events_total"),
        (BREACHED, "accord_sla_breached_events_total"),
    ):
        window = f"* on (job, sla_id) group_left (sla_window)\n{INFO.name}"
        yield record(recording, f"max without (instance) ({counter})\n{window}")


def over_ranges(
    kind: WindowKind, pairs: Iterable[Pair], done: set[tuple[Micros, bool]]
) -> Iterator[Rule]:
    """What the pairs compare; what is `done` is recorded already, what is here then too."""
    ranges = sorted({length for pair in pairs for length in (pair.long, pair.short)})
    parts = sorted({length // PARTS for length in ranges if length > DIRECT})
    for length, is_share in [
        *((part, False) for part in parts),
        *((length, is_share) for length in ranges for is_share in (False, True)),
    ]:
        if (length, is_share) in done:
            continue
        done.add((length, is_share))
        if is_share:
            yield from _shares(kind, duration(length))
        else:
            yield from _summed(kind, length) if length > DIRECT else _direct(kind, length)


def _direct(kind: WindowKind, length: Micros) -> Iterator[Rule]:
    text = duration(length)
    for recording, of in ((EVENTS_IN, EVENTS), (BREACHED_IN, BREACHED)):
        increase = f"increase({of.name}{{{kind.matcher}}}[{text}])"
        yield record(recording, increase, **_labels(kind, text))


def _summed(kind: WindowKind, length: Micros) -> Iterator[Rule]:
    text, part = duration(length), duration(length // PARTS)
    for recording in (EVENTS_IN, BREACHED_IN):
        parts = f"{of_range(recording, kind, part)}[{text}:{part}]"
        yield record(recording, f"sum_over_time({parts})", **_labels(kind, text))


def _shares(kind: WindowKind, text: str) -> Iterator[Rule]:
    missed, events = (of_range(one, kind, text) for one in (BREACHED_IN, EVENTS_IN))
    yield record(MISSED, f"{missed}\n/\n({events} > 0)", **_labels(kind, text))
    budget = f"/ ignoring (sla_range, sla_period)\n({BUDGET.name} > 0)"
    yield record(BURN, f"{of_range(MISSED, kind, text)}\n{budget}", **_labels(kind, text))


def _labels(kind: WindowKind, text: str) -> dict[str, str]:
    # The period tells kinds apart that have a range in common.
    return {"sla_period": duration(kind.period), "sla_range": text}


def of_range(recording: Recording, kind: WindowKind, text: str) -> str:
    """The series of a recording over one range."""
    return f'{recording.name}{{{kind.matcher}, sla_range="{text}"}}'
