"""What became of scenarios: lines for people, one JSON object for programs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import typer

from services.cli.scenarios.files import Scenario, ScenarioFile
from services.cli.scenarios.outcome import Failure, failures
from shared.documents import Problem
from shared.domain.instant import format_instant

Json = dict[str, object]
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario that has run."""

    scenario: Scenario
    failures: Sequence[Failure]

    @property
    def ok(self) -> bool:
        """Whether all of it holds."""
        return not self.failures


def run(file: ScenarioFile, only: str = "") -> Iterator[Told]:
    """Run the scenarios of a file whose sentence contains `only`."""
    for scenario in file.scenarios:
        if only in scenario.it:
            yield Told(scenario, failures(scenario))


def lines(told: Told) -> Iterator[str]:
    """A line for the scenario; below it, of each failure, the expected and the found."""
    mark = typer.style("✓", fg="green") if told.ok else typer.style("✗", fg="red")
    yield f"  {mark} {told.scenario.it}"
    for failure in told.failures:
        difference = failure.difference
        place = difference.place or told.scenario.place
        at = "" if failure.at is None else f" at {told.scenario.times.text(failure.at)}"
        yield f"      {place.file}:{place.line}: {difference.part}{at}"
        yield f"        expected  {difference.expected or _NOTHING}"
        yield f"        found     {difference.found or _NOTHING}"


def summary(told: Sequence[Told]) -> str:
    """`N scenarios, M failed`."""
    failed = sum(not one.ok for one in told)
    return f"{len(told)} scenario{'' if len(told) == 1 else 's'}, {failed} failed"


def as_json(told: Sequence[Told]) -> Json:
    """The same for programs."""
    return {
        "ok": all(one.ok for one in told),
        "scenarios": len(told),
        "failed": sum(not one.ok for one in told),
        "results": [_one(one) for one in told],
    }


def problems_as_json(problems: Iterable[Problem]) -> Json:
    """Files that do not load."""
    return {
        "ok": False,
        "problems": [
            {
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "message": problem.message,
            }
            for problem in problems
        ],
    }


def _one(told: Told) -> Json:
    place = told.scenario.place
    return {
        "file": place.file,
        "line": place.line,
        "it": told.scenario.it,
        "ok": told.ok,
        "failures": [
            {
                "at": None if failure.at is None else format_instant(failure.at),
                "line": (failure.difference.place or place).line,
                "part": failure.difference.part,
                "expected": failure.difference.expected,
                "found": failure.difference.found,
            }
            for failure in told.failures
        ],
    }
