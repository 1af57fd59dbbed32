"""What `ACCORD_SOURCES` names: the sources of a file or a folder."""

from dataclasses import dataclass
from pathlib import Path

from shared.documents.catalogue import load_nodes, read_texts
from shared.documents.files import shown_as
from shared.documents.loader import MapNode, Node, ScalarNode
from shared.documents.problems import Place, Problem
from shared.documents.schema import Kind
from shared.domain.source import DEFAULT_SOURCES, Source


@dataclass(frozen=True, slots=True)
class LoadedSources:
    """The sources by name, or (then there are none) what is wrong with their documents."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...] = ()


def load_sources(path: Path | None) -> LoadedSources:
    """Read the Source documents of a file or a folder; other kinds there are passed over.

    Without a path the topics `leads` and `tickets` carry CloudEvents.
    """
    if path is None:
        return LoadedSources(DEFAULT_SOURCES)
    texts = read_texts(path)
    nodes = [node for node in texts.nodes if not _is_other(node)]
    loaded = load_nodes(nodes, texts.problems)
    if not (loaded.problems or loaded.sources):
        problem = Problem(Place(shown_as(path), 1, 1), "there is no document of kind Source")
        return LoadedSources((), (problem,))
    return LoadedSources(loaded.sources, loaded.problems)


def _is_other(node: Node) -> bool:
    kind = node.members.get("kind") if isinstance(node, MapNode) else None
    word = kind.value if isinstance(kind, ScalarNode) else None
    return word in set(Kind) - {Kind.SOURCE}
