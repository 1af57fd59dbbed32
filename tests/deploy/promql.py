"""What lint rules ask of a PromQL expression."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser
from promql_parser import Call, Expr, MatrixSelector, SubqueryExpr, VectorSelector

# Grafana puts a duration in their place.
DURATIONS = re.compile(r"\$(__rate_interval|__interval|__range)\b")
RATE_INTERVAL = "11m11s"
"""What stands for $__rate_interval: nobody writes this one by hand."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A selector, and the functions around it from outside to inside."""

    name: str
    matchers: tuple[str, ...]
    functions: tuple[str, ...]
    range_s: float | None


def parse(expression: str) -> Expr:
    """Raises ValueError for what is no PromQL."""
    return promql_parser.parse(DURATIONS.sub(_stand_in, expression))


def selectors(expression: Expr) -> list[Selected]:
    """Every selector of an expression."""
    return list(_selectors(expression, ()))


def _stand_in(found: re.Match[str]) -> str:
    return RATE_INTERVAL if found[1] == "__rate_interval" else "1h"


def _selectors(node: Expr, functions: tuple[str, ...]) -> Iterator[Selected]:
    match node:
        case VectorSelector():
            yield _selected(node, functions, None)
        case MatrixSelector():
            yield _selected(node.vector_selector, functions, node.range.total_seconds())
        case Call():
            for argument in node.args:
                yield from _selectors(argument, (*functions, node.func.name))
        case SubqueryExpr():
            yield from _selectors(node.expr, functions)
        case _:
            for part in ("lhs", "rhs", "expr"):
                child = getattr(node, part, None)
                if isinstance(child, Expr):
                    yield from _selectors(child, functions)


def _selected(
    selector: VectorSelector, functions: tuple[str, ...], range_s: float | None
) -> Selected:
    matchers = tuple(
        f"{matcher.name}{'=~' if 'Re' in str(matcher.op) else '='}{matcher.value}"
        for matcher in selector.matchers.matchers
    )
    return Selected(selector.name or "", matchers, functions, range_s)
