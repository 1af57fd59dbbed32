"""Documents for tests: small texts, written to a file and loaded."""

from pathlib import Path
from textwrap import dedent, indent

from shared.documents import Loaded, load
from shared.domain.agreement import Catalogue

HEAD = "apiVersion: accord/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"


def document(kind: str, name: str, spec: str) -> str:
    """A document whose spec begins on its fifth line."""
    return HEAD.format(kind=kind, name=name) + indent(dedent(spec).strip(), "  ") + "\n"


def calendar(spec: str, name: str = "office") -> str:
    return document("Calendar", name, spec)


def kpi(spec: str, name: str = "response") -> str:
    return document("Kpi", name, spec)


def agreement(spec: str, name: str = "acme") -> str:
    return document("Agreement", name, spec)


OFFICE = calendar('timeZone: Europe/Berlin\nweekly: {mon: ["09:00-17:00"]}')
RESPONSE = kpi(
    "{item: ticket, measure: duration, start: {event: ticket.created},"
    " stop: {event: ticket.replied}}"
)
REOPENED = kpi("{item: ticket, measure: count, event: {event: ticket.reopened}}", "reopened")

SCORE = kpi("{item: ticket, measure: mean, event: {event: ticket.rated}, field: score}", "score")
_CONVERTED = (
    "item: ticket, measure: ratio, good: {event: ticket.solved}, total: {event: ticket.created}"
)
CONVERSION = kpi(f"{{{_CONVERTED}}}", "conversion")
COHORT = kpi(f"{{{_CONVERTED}, cohort: true, within: P30D}}", "cohort")


def promising(objective: str, *, name: str = "acme", more: str = "") -> str:
    """An agreement with one objective, which stands on the last line."""
    since = "" if "effective:" in more else 'effective: {from: "2026-01-01T00:00:00Z"}\n'
    return agreement(
        "level: customer\nparties: {provider: support, customer: acme}\n"
        f"{more}{since}objectives:\n- {objective}",
        name,
    )


def first_response(**changes: str) -> str:
    """An objective in one line; a change replaces a field or (empty) leaves it out."""
    fields = {
        "name": "first-response",
        "kpi": "response",
        "target": "{within: PT1H}",
        "window": "{calendar: month}",
    } | changes
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items() if value) + "}"


def loaded(folder: Path, *documents: str, file: str = "documents.yaml") -> Loaded:
    (folder / file).write_text("---\n".join(documents), encoding="utf-8")
    return load(folder)


def catalogue(folder: Path, *documents: str) -> Catalogue:
    """The catalogue of documents that must be fine."""
    found = loaded(folder, *documents)
    assert found.catalogue is not None, [str(problem) for problem in found.problems]
    return found.catalogue


def problems(folder: Path, *documents: str) -> list[tuple[int, str]]:
    """The line and message of everything that is wrong."""
    found = loaded(folder, *documents)
    assert (found.catalogue is None) is bool(found.problems)
    return [(problem.place.line, problem.message) for problem in found.problems]
