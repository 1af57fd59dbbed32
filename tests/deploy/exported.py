"""Which series there are: what the services export, and what Prometheus records of it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from services.cli.metrics_page import described

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))

Rule = dict[str, Any]


@cache
def exported_series() -> frozenset[str]:
    """The names of all series of our own that some service exports."""
    return frozenset(own.name + suffix for own in described() for suffix in own.suffixes)


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule that Prometheus is given."""
    return tuple(
        rule
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    )


def alerts() -> list[Rule]:
    """Those that alert."""
    return [rule for rule in rules() if "alert" in rule]


def recordings() -> list[Rule]:
    """Those that record."""
    return [rule for rule in rules() if "record" in rule]


@cache
def recorded_series() -> frozenset[str]:
    """The names of all series that are recorded."""
    return frozenset(rule["record"] for rule in recordings())
