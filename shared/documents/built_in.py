"""The KPIs that need no document: what is measured on tickets and leads everywhere.

They are documents too, read by the same rules from files beside this one; a folder's own KPI of
the same name stands instead.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from shared.documents.kpi_fields import KPI
from shared.documents.loader import MapNode, Node, ScalarNode, parse
from shared.domain.agreement import Kpi

FILES: Final = ("tickets.yaml", "leads.yaml")


@lru_cache(maxsize=1)
def built_in_kpis() -> Mapping[str, Kpi]:
    """Every built-in KPI by its name, tickets first."""
    folder = files("shared.documents") / "built_in_kpis"
    kpis = [
        _kpi(node)
        for name in FILES
        for node in parse((folder / name).read_text(encoding="utf-8"), name)[0]
    ]
    return MappingProxyType({kpi.name: kpi for kpi in kpis})


def _kpi(document: Node) -> Kpi:
    name = _member(_member(document, "metadata"), "name")
    if not isinstance(name, ScalarNode):
        raise TypeError
    return KPI.read(_member(document, "spec")).named(name.written)


def _member(node: Node, name: str) -> Node:
    if not isinstance(node, MapNode):
        raise TypeError
    return node.members[name]
