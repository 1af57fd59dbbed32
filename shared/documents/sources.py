"""Source documents beside each other: one for each topic."""

from collections.abc import Iterable, Iterator

from shared.documents.problems import Problem
from shared.documents.resolve import Document
from shared.documents.source_fields import SourceSpec, source_of
from shared.domain.source import Source


def sources_of(documents: Iterable[Document]) -> tuple[Source, ...]:
    """The sources that the documents declare, by name."""
    found = [source_of(name, spec) for name, spec in _specs(documents)]
    return tuple(sorted(found, key=lambda source: source.name))


def clashes(documents: Iterable[Document]) -> Iterator[Problem]:
    """Topics that two sources read: each record would be two."""
    first: dict[str, tuple[str, SourceSpec]] = {}
    for name, spec in _specs(documents):
        other, known = first.setdefault(spec.topic.value, (name, spec))
        if known is not spec:
            place = known.topic.place
            message = f'"{spec.topic.value}" is read by the source "{other}" already'
            where = f"({place.file}:{place.line})"
            yield Problem(spec.topic.place, f"topic: {message} {where}")


def _specs(documents: Iterable[Document]) -> Iterator[tuple[str, SourceSpec]]:
    for document in documents:
        if isinstance(document.spec, SourceSpec):
            yield document.name, document.spec
