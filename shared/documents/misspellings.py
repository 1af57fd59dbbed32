"""Types of events and attributes that are a letter away from those that everybody uses: warnings.

The vocabulary is open, so any other word is right; one so near is rather a typing error, which
would only show as a promise without data.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, takewhile
from typing import Final

from shared.documents.agreement_fields import AgreementSpec
from shared.documents.kpi_fields import MILESTONE_FIELDS, KpiSpec
from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.problems import Place, Problem, printable

_TICKET: Final = (
    ("created", "assigned", "replied", "commented", "status_changed", "priority_changed"),
    ("solved", "reopened", "closed", "rated", "merged", "retracted"),
)
_LEAD: Final = (
    ("created", "assigned", "qualified", "accepted", "rejected", "contacted", "converted"),
    ("won", "lost", "churned", "renewed", "rated", "retracted"),
)
_HAPPENS: Final = {
    "ticket": frozenset(chain.from_iterable(_TICKET)),
    "lead": frozenset(chain.from_iterable(_LEAD)),
}
_ATTRIBUTES: Final = frozenset(
    chain(
        ("customer", "service", "site", "provider", "team", "owner", "priority", "status"),
        ("channel", "amount", "score", "currency", "actor"),
    )
)


def misspellings(spec: KpiSpec | AgreementSpec) -> Iterator[Problem]:
    """Every word of the document that is nearly a usual one."""
    if isinstance(spec, KpiSpec):
        for name in MILESTONE_FIELDS:
            for node in _each(spec.node, name):
                yield from _type(name, node)
                yield from _values(node, "changes")
                yield from _names(node, "where")
        yield from _names(spec.node, "pause")
        yield from _values(spec.node, "field")
        return
    yield from _names(spec.node, "appliesTo")
    for objective in spec.objectives:
        yield from _names(objective.node, "where")
        yield from _values(objective.node, "groupBy")


def _each(holder: Node, name: str) -> tuple[Node, ...]:
    """What stands under the name, once or as a list."""
    node = holder.members.get(name) if isinstance(holder, MapNode) else None
    if isinstance(node, ListNode):
        return tuple(node.items)
    return () if node is None else (node,)


def _type(name: str, milestone: Node) -> Iterator[Problem]:
    for node in _each(milestone, "event"):
        if not isinstance(node, ScalarNode):
            continue
        kind, _, what = node.written.partition(".")
        if meant := _nearest(what, _HAPPENS.get(kind, frozenset())):
            message = f'{name}: "{printable(node.written)}" is not one of the usual types of events'
            yield Problem(node.place, f'{message}; did you mean "{kind}.{meant}"?')


def _values(holder: Node, name: str) -> Iterator[Problem]:
    """Attributes that are values."""
    for node in _each(holder, name):
        if isinstance(node, ScalarNode):
            yield from _attribute(name, node.written, node.place)


def _names(holder: Node, name: str) -> Iterator[Problem]:
    """Attributes that are the keys of matchers."""
    for matcher in _each(holder, name):
        if isinstance(matcher, MapNode):
            for word, place in matcher.keys.items():
                yield from _attribute(name, word, place)


def _attribute(name: str, word: str, place: Place) -> Iterator[Problem]:
    if meant := _nearest(word, _ATTRIBUTES):
        message = f'{name}: "{printable(word)}" is not one of the usual attributes'
        yield Problem(place, f'{message}; did you mean "{meant}"?')


@lru_cache(maxsize=4_096)
def _nearest(word: str, known: frozenset[str]) -> str | None:
    """The known word that this one nearly is."""
    # Blanks and what no screen shows have a warning of their own.
    if word in known or word != word.strip() or not word.isprintable():
        return None
    return next((own for own in sorted(known) if _is_a_letter_away(word, own)), None)


def _is_a_letter_away(word: str, other: str) -> bool:
    """One letter too many, too few or another one; or the same letters in another order."""
    if word[:1] == other[0] and sorted(word) == sorted(other):
        return True
    start = _alike(word, other)
    end = _alike(word[start:][::-1], other[start:][::-1])
    return max(len(word), len(other)) - start - end == 1


def _alike(one: str, other: str) -> int:
    """How many letters both begin with."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
