"""From a path to the catalogue: which files are read, and everything that is wrong with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.documents.loader import MapNode, Node, ScalarNode, parse, read_text
from shared.documents.problems import InvalidDocument, Place, Problem
from shared.documents.resolve import Document, resolve
from shared.documents.schema import HEADER, SPECS, Kind, Spec
from shared.domain.agreement import Catalogue


@dataclass(frozen=True, slots=True)
class Loaded:
    """The catalogue, or (then it is None) what is wrong, in the order of files and lines.

    `built_in` names the KPIs that agreements use and no document defines.
    """

    catalogue: Catalogue | None
    problems: tuple[Problem, ...]
    built_in: tuple[str, ...] = ()


def load(path: Path) -> Loaded:
    """Read a file, or a folder recursively: `*.yaml` and `*.yml`, hidden ones left out."""
    nodes: list[Node] = []
    problems: list[Problem] = []
    files = files_of(path)
    if not files:
        message = "there is no .yaml or .yml file" if path.is_dir() else "there is no such file"
        problems.append(Problem(Place(str(path), 1, 1), message))
    for file in files:
        found, wrong = _read(file)
        nodes.extend(found)
        problems.extend(wrong)
    return load_nodes(nodes, problems)


def load_nodes(nodes: Iterable[Node], problems: Iterable[Problem] = ()) -> Loaded:
    """Read documents that are nodes already; `problems` are those that their text had."""
    problems = list(problems)
    broken = {problem.place for problem in problems}
    documents = []
    for node in nodes:
        document, wrong = _document(node)
        # What the text's own problem breaks further on is not said again.
        problems.extend(problem for problem in wrong if problem.place not in broken)
        if document is not None:
            documents.append(document)
    found = resolve(documents)
    already = {problem.place for problem in problems}
    problems = sorted({*problems, *(one for one in found.problems if one.place not in already)})
    if problems:
        return Loaded(None, tuple(problems))
    return Loaded(found.catalogue, (), found.built_in)


def files_of(path: Path) -> list[Path]:
    """The file, or the YAML files of a folder in order; none where there is nothing."""
    if not path.is_dir():
        return [path] if path.exists() else []
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix in (".yaml", ".yml")
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and not file.is_dir()
    ]


def _read(path: Path) -> tuple[list[Node], list[Problem]]:
    file = str(path)
    try:
        nodes, problems = parse(read_text(path, file), file)
    except InvalidDocument as error:
        return [], list(error.problems)
    if not nodes:
        problems.append(Problem(Place(file, 1, 1), "there is no document in this file"))
    return nodes, problems


def _document(node: Node) -> tuple[Document | None, list[Problem]]:
    """As much of a document as can be told, and what is wrong with it."""
    problems: list[Problem] = []
    try:
        HEADER.read(node)
    except InvalidDocument as error:
        problems.extend(error.problems)
    if not isinstance(node, MapNode):
        return None, problems
    kind = _word(node.members.get("kind"))
    if kind not in set(Kind):
        return None, problems
    written = node.members.get("spec")
    if not isinstance(written, MapNode):
        return None, problems
    spec: Spec | None = None
    try:
        spec = SPECS[Kind(kind)].read(written)
    except InvalidDocument as error:
        problems.extend(error.problems)
    metadata = node.members.get("metadata")
    named = metadata.members.get("name") if isinstance(metadata, MapNode) else None
    if named is None or (name := _word(named)) is None:
        return None, problems
    spec = None if problems else spec
    return Document(Kind(kind), name, named.place, written, spec), problems


def _word(node: Node | None) -> str | None:
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else None
