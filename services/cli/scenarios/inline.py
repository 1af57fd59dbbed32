"""Documents inside a scenario file, written short: what no scenario is about is filled in.

`{kind: Kpi, name: answer, measure: ...}` is a document's spec with its kind and name in front.
"""

from collections.abc import Mapping
from typing import Final

from services.cli.scenarios.notation import Times, written_out
from shared.documents.loader import ListNode, MapNode, Node, ScalarNode
from shared.documents.problems import Place
from shared.documents.schema import API_VERSION, Kind

_PARTIES: Final = {"provider": "support", "customer": "acme"}


def full_document(short: MapNode, times: Times) -> MapNode:
    """The document of the contract; every node keeps its place. One in full stays as it is."""
    if "apiVersion" in short.members:
        return short
    members = dict(short.members)
    heading = {name: members.pop(name) for name in ("kind", "name") if name in members}
    spec = MapNode(members, {name: short.keys[name] for name in members}, short.place)
    kind = heading.get("kind")
    if isinstance(kind, ScalarNode) and kind.value == Kind.KPI:
        spec = _with(spec, {"item": _text("ticket", short.place)})
    if isinstance(kind, ScalarNode) and kind.value == Kind.AGREEMENT:
        spec = _agreement(spec, times)
    name = {"name": heading["name"]} if "name" in heading else {}
    whole = {
        "apiVersion": _text(API_VERSION, short.place),
        **({"kind": kind} if kind is not None else {}),
        "metadata": _map(name, short.place),
        "spec": spec,
    }
    return _map(whole, short.place)


def _agreement(spec: MapNode, times: Times) -> MapNode:
    parties = {name: _text(text, spec.place) for name, text in _PARTIES.items()}
    spec = _with(
        spec,
        {
            "level": _text("customer", spec.place),
            "parties": _map(parties, spec.place),
            "effective": _map({"from": _text("2000-01-01T00:00:00Z", spec.place)}, spec.place),
        },
    )
    members = dict(spec.members)
    if isinstance(effective := members["effective"], MapNode):
        members["effective"] = _instants(effective, times)
    if isinstance(objectives := members.get("objectives"), ListNode):
        items = tuple(map(_objective, objectives.items))
        members["objectives"] = ListNode(items, objectives.place)
    return MapNode(members, spec.keys, spec.place)


def _objective(node: Node) -> Node:
    if not isinstance(node, MapNode):
        return node
    return _with(node, {"window": _map({"calendar": _text("month", node.place)}, node.place)})


def _instants(node: MapNode, times: Times) -> MapNode:
    """Short times written out; what is no time stays, for the loader to refuse."""
    members = {}
    for name, member in node.members.items():
        members[name] = member
        if isinstance(member, ScalarNode) and isinstance(member.value, str):
            try:
                members[name] = _text(written_out(member.value, times), member.place)
            except ValueError:
                continue
    return MapNode(members, node.keys, node.place)


def _with(node: MapNode, defaults: Mapping[str, Node]) -> MapNode:
    lacking = {name: member for name, member in defaults.items() if name not in node.members}
    keys = dict.fromkeys(lacking, node.place)
    return MapNode({**node.members, **lacking}, {**node.keys, **keys}, node.place)


def _map(members: Mapping[str, Node], place: Place) -> MapNode:
    return MapNode(members, dict.fromkeys(members, place), place)


def _text(text: str, place: Place) -> ScalarNode:
    return ScalarNode(text, text, place)
