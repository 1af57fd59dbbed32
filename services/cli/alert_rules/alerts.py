"""The alerts that depend on the kinds of windows: budgets that burn, promises not measured."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from services.cli.alert_rules.burn import GRACE, USUAL, Pair, exhausted_after
from services.cli.alert_rules.kinds import Watch, WindowKind, duration
from services.cli.alert_rules.recordings import (
    BREACHED_IN,
    BUDGET,
    BURN,
    DIRECT,
    EVENTS_IN,
    INFO,
    SLOW,
    Rule,
    of_all_replicas,
    of_range,
    over_ranges,
)
from shared.domain.instant import HOUR, SECOND, Micros
from shared.wire.results import decimal_text

MISSED_LEAST: Final = 2
"""One that misses is no trend: where little comes in it would burn at any rate."""
LOOK_BACK: Final = "6h"
PATIENCE: Final[Micros] = 3 * HOUR
"""A promise is not waited for any longer, however much may miss."""
STEP: Final = "1m"
DESCRIBED: Final = "sla_scope, sla_customer, sla_service, sla_type, kpi"
_FAST: Final = "critical"
_PROMISE: Final = (
    '/d/accord-agreement?var-agreement={{ reReplaceAll "/.*" "" $labels.sla_id | urlquery }}'
    "&var-sla_id={{ $labels.sla_id | urlquery }}"
)
"""Where Grafana shows a promise; an `sla_id` begins with its agreement (`deploy/dashboards`)."""
_ALL_PROMISES: Final = "/d/accord-overview"


def rule_groups(kinds: Sequence[WindowKind], watch: Watch) -> Iterator[Rule]:
    """All groups: what is read, two for each kind of window, and one about these rules."""
    yield {"name": "accord-promises-read", "rules": [*of_all_replicas()]}
    known: list[str] = []
    for kind in kinds:
        known.extend(kind.labels)
        recorded: set[tuple[Micros, bool]] = set()
        for is_slow in (False, True):
            pairs = [pair for pair in kind.pairs if (pair.long > DIRECT) is is_slow]
            rules = [*over_ranges(kind, pairs, recorded)]
            rules += [_burning(kind, pair, watch) for pair in pairs]
            name = f"accord-promises-{kind.name}{'-slow' if is_slow else ''}"
            pace = {"interval": duration(SLOW)} if is_slow else {}
            if rules:
                yield {"name": name, **pace, "rules": rules}
    yield {
        "name": "accord-promises-rules",
        "interval": STEP,
        "rules": [*map(_absent, kinds), _outdated(known)],
    }


def _burning(kind: WindowKind, pair: Pair, watch: Watch) -> Rule:
    factor = pair.factor(kind.period)
    above, long, short = _number(factor), duration(pair.long), duration(pair.short)
    least = max(1, -(-watch.minimum * pair.short // pair.long))
    both = [
        f"{of_range(BURN, kind, long)} > {above}",
        f"{of_range(BURN, kind, short)} > {above}",
        f"{of_range(EVENTS_IN, kind, long)} >= {watch.minimum}",
        f"{of_range(EVENTS_IN, kind, short)} >= {least}",
        f"{of_range(BREACHED_IN, kind, long)} >= {MISSED_LEAST}",
    ]
    is_fast = pair.severity == _FAST
    name = "AccordSlaFastBurn" if is_fast else "AccordSlaSlowBurn"
    how = "fast: somebody has to act now" if is_fast else "faster than it lasts"
    exhausted = duration(exhausted_after(factor, kind.period))
    return {
        "alert": name,
        "expr": f"(\n  {_indented(both)}\n)\n{_described()}",
        "labels": {
            "severity": pair.severity,
            "sla_period": duration(kind.period),
            "long": long,
            "short": short,
            "exhaustion": exhausted,
        },
        "annotations": {
            "summary": f"The error budget of a promise burns {how}.",
            "description": "{{ $labels.sla_id }} burns its budget {{ $value | humanize }} times "
            f"as fast as it lasts, over {long} and {short}; at {above} times a full one is gone "
            f"after {exhausted}.",
            "runbook_url": f"docs/runbooks/{name}.md",
            "dashboard_url": _PROMISE,
        },
    }


def _absent(kind: WindowKind) -> Rule:
    """A promise without groups has a state at all times; how long one may have none is derived."""
    spent = round(USUAL[0].share * kind.period / SECOND)
    budget = f"last_over_time({BUDGET.name}{{{kind.matcher}}}[{LOOK_BACK}])"
    delay = f"{budget} * {spent} + {GRACE // SECOND}"
    seen = f'timestamp({INFO.name}{{{kind.matcher}, sla_group=""}})'
    return {
        "alert": "AccordSlaAbsent",
        "expr": f"time() - max_over_time({seen}[{LOOK_BACK}:{STEP}])\n"
        f"> on (job, sla_id)\nclamp_max({delay}, {PATIENCE // SECOND})",
        "labels": {"severity": "warning", "sla_period": duration(kind.period)},
        "annotations": {
            "summary": "A promise is no longer measured.",
            "description": "{{ $labels.sla_id }} has no series for "
            "{{ $value | humanizeDuration }}: an outage would have been told by now.",
            "runbook_url": "docs/runbooks/AccordSlaAbsent.md",
            "dashboard_url": _PROMISE,
        },
    }


def _outdated(known: list[str]) -> Rule:
    labels = "|".join(sorted(known))
    return {
        "alert": "AccordBurnRulesOutdated",
        "expr": "count without (instance, sla_id)"
        f' (accord_sla_error_budget_ratio{{sla_window!~"{labels}"}}) > 0',
        "for": "15m",
        "labels": {"severity": "warning"},
        "annotations": {
            "summary": "Promises have a kind of window that the burn alerts do not know.",
            "description": "{{ $value }} promises with windows of {{ $labels.sla_window }} have no "
            "burn alerts: write the rules anew with `accord rules`.",
            "runbook_url": "docs/runbooks/AccordBurnRulesOutdated.md",
            "dashboard_url": _ALL_PROMISES,
        },
    }


def _described() -> str:
    return f"* on (job, sla_id) group_left ({DESCRIBED})\n{INFO.name}"


def _indented(conditions: list[str]) -> str:
    return "\n  and on (job, sla_id)\n  ".join(conditions)


def _number(value: Fraction) -> str:
    return decimal_text(value) or "0"
