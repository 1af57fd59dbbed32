"""From a path to the catalogue: which files are read, and everything that is wrong with them."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from shared.documents.coverage import coverage
from shared.documents.files import Source as File
from shared.documents.files import read_path
from shared.documents.loader import MapNode, Node, ScalarNode, parse
from shared.documents.problems import MAX_PROBLEMS, InvalidDocument, Place, Problem
from shared.documents.resolve import Document, resolve
from shared.documents.schema import HEADER, SPECS, Kind, Spec
from shared.documents.sources import clashes, sources_of
from shared.documents.suspicions import suspicions
from shared.domain.agreement import Catalogue
from shared.domain.source import Source


@dataclass(frozen=True, slots=True)
class Loaded:
    """The catalogue, or (then it is None) what is wrong, in the order of files and lines.

    `warnings` are what is allowed and hardly meant, in the same order. `built_in` names the KPIs
    that agreements use and no document defines. `sources` are no part of the catalogue. `texts`
    are the files that were read.
    """

    catalogue: Catalogue | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    built_in: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    texts: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Texts:
    """The documents of a path, and what is wrong with the files and texts that hold them."""

    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def load(path: Path, *, today: date | None = None) -> Loaded:
    """Read a file, or a folder recursively: `*.yaml` and `*.yml`, hidden ones left out.

    With `today` there are also warnings of calendars whose holidays run out.
    """
    with _no_collecting():
        files = read_path(path)
        texts = _parsed_all(files.texts, files.problems, files.warnings)
        loaded = load_nodes(texts.nodes, texts.problems, texts.warnings, today=today)
        return replace(loaded, texts=files.texts)


def load_texts(texts: Iterable[File]) -> Loaded:
    """Read files whose texts are at hand."""
    texts = tuple(texts)
    with _no_collecting():
        parsed = _parsed_all(texts)
        return replace(load_nodes(parsed.nodes, parsed.problems), texts=texts)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Look for no garbage cycles meanwhile.

    Documents hold none, and the collector would walk the growing pile of their nodes again and
    again: with thousands of promises that is nearly half of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_texts(path: Path) -> Texts:
    """The documents of a file or a folder, not yet looked into."""
    files = read_path(path)
    return _parsed_all(files.texts, files.problems, files.warnings)


def _parsed_all(
    texts: Iterable[File], problems: Iterable[Problem] = (), warnings: Iterable[Problem] = ()
) -> Texts:
    nodes: list[Node] = []
    several = list(problems)
    for file in texts:
        found, wrong = _parsed(file)
        nodes.extend(found)
        several.extend(wrong)
    return Texts(tuple(nodes), tuple(several), tuple(warnings))


def load_nodes(
    nodes: Iterable[Node],
    problems: Iterable[Problem] = (),
    warnings: Iterable[Problem] = (),
    *,
    today: date | None = None,
) -> Loaded:
    """Read documents that are nodes already; `problems`, `warnings` are those of their text."""
    problems = list(problems)
    broken = {problem.place for problem in problems}
    documents = []
    for node in nodes:
        document, wrong = _document(node)
        # What the text's own problem breaks further on is not said again.
        problems.extend(problem for problem in wrong if problem.place not in broken)
        if document is not None:
            documents.append(document)
        if len(problems) > MAX_PROBLEMS:
            return Loaded(None, _first(problems), _first(warnings))
    found = resolve(documents)
    already = {problem.place for problem in problems}
    beside = (*found.problems, *clashes(documents))
    problems.extend(one for one in beside if one.place not in already)
    versions = [written.version for written in found.versions]
    holidays = [] if today is None else coverage(found.calendars, versions, today)
    warned = _first([*warnings, *suspicions(found), *holidays])
    if problems:
        return Loaded(None, _first(problems), warned)
    return Loaded(found.catalogue, (), warned, found.built_in, sources_of(documents))


def _first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """As many as anybody reads, in the order of files and lines."""
    each = sorted(set(problems))
    if len(each) <= MAX_PROBLEMS:
        return tuple(each)
    last = each[MAX_PROBLEMS - 1]
    more = Problem(last.place, f"there is more; these are the first {MAX_PROBLEMS:,}")
    return (*each[:MAX_PROBLEMS], more)


def _parsed(source: File) -> tuple[list[Node], list[Problem]]:
    try:
        nodes, problems = parse(source.text, source.file)
    except InvalidDocument as error:
        return [], list(error.problems)
    if not nodes:
        message = "there is no document in this file"
        problems.append(Problem(Place(source.file, 1, 1), message))
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
