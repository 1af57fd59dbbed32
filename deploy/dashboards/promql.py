"""The PromQL that panels share: selectors, and promises chosen by what is known of them.

Every replica of the api exports the same figures of an agreement: they are reduced by `max`, never
added up. They are multiplied by `accord_sla_info`, which is 1, for its labels and for the choice.
"""

from dataclasses import dataclass
from typing import Final

from deploy.dashboards.states import STATES

SCRAPED: Final = ('job=~"$job"', 'instance=~"$instance"')
"""What every selector asks: the processes that were chosen."""

END: Final = " @ end()"
"""After a selector: as of the end of the time range, whatever instant is drawn."""

LANES: Final = 40
"""How many things are shown over time at most."""


def of(metric: str, *matchers: str) -> str:
    """The series of a metric from the processes that were chosen."""
    return f"{metric}{{{', '.join((*SCRAPED, *matchers))}}}"


def each(metric: str, *matchers: str, by: str = "sla_id") -> str:
    """A gauge's value of each promise, whichever replica says it."""
    return f"max by ({by}) ({of(metric, *matchers)})"


def grown(counter: str, over: str, *matchers: str) -> str:
    """By how much a counter of each promise grew; `over` is a duration or a variable with one."""
    return f"max by (sla_id) (increase({of(counter, *matchers)}[{over}]))"


def severity(*matchers: str, at: str = "") -> str:
    """The state of each promise as a number: the worse, the higher (`states.STATES`)."""
    weighed = (
        of("accord_sla_state", f'state="{own.name}"', *matchers) + f"{at} * {own.severity}"
        for own in STATES
    )
    return f"max by (sla_id) ({' or '.join(weighed)})"


def among(expression: str, by: str, most: int, order: str) -> str:
    """Of a long list the series whose label `by` is among those that come first in an order."""
    return f"{expression} and on ({by}) topk ({most}, {order})"


def or_none(expression: str, service: str) -> str:
    """The number, and 0 where the service has no series for what has not happened yet.

    Where no process of the service is read there is no number.
    """
    running = of("accord_build_info", f'job="accord-{service}"')
    return f"({expression} or 0 * count ({running}))"


@dataclass(frozen=True, slots=True)
class Promises:
    """The promises that a dashboard is about, by matchers on `accord_sla_info`."""

    matchers: tuple[str, ...]

    def chosen(self, expression: str, *labels: str, at: str = "") -> str:
        """`expression`, which has the label sla_id: that of those chosen, with these labels."""
        # One of each: while labels change, replicas may for a moment say different ones, and two
        # would make the whole query fail.
        info = f"topk by (sla_id) (1, {of('accord_sla_info', *self.matchers)}{at})"
        return f"{expression} * on (sla_id) group_left ({', '.join(labels)}) {info}"

    def summed(self, expression: str, *labels: str) -> str:
        """The sum over those chosen, by labels of `accord_sla_info`."""
        by = f" by ({', '.join(labels)})" if labels else ""
        return f"sum{by} ({self.chosen(expression, *labels)})"

    def severities(self, *labels: str, at: str = "") -> str:
        """The state of each of those chosen as a number, with labels of `accord_sla_info`."""
        return self.chosen(severity(at=at), *labels, at=at)

    def worst(self, label: str, at: str = "") -> str:
        """The worst state among those chosen, by a label of `accord_sla_info`."""
        return f"max by ({label}) ({self.severities(label, at=at)})"

    def by_state(self) -> str:
        """How many of those chosen are in each state."""
        states = each("accord_sla_state", by="sla_id, state")
        return f"sum by (state) ({self.chosen(states)})"

    def in_state(self, state: str, *labels: str) -> str:
        """How many of those chosen are in a state."""
        return self.summed(each("accord_sla_state", f'state="{state}"'), *labels)
