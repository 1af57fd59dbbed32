"""Running a scenario: its answers from whoever gives them, and what is not as expected."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from services.cli.evaluate import evaluate_lines
from services.cli.scenarios.files import ExpectedReading, Scenario
from services.cli.scenarios.matching import Answer, Difference, differences
from shared.domain.instant import Instant
from shared.wire import results

Answering = Callable[[Scenario, ExpectedReading], Answer]


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that is not as expected, at an instant; documents have none."""

    at: Instant | None
    difference: Difference


def evaluated(scenario: Scenario, reading: ExpectedReading) -> Answer:
    """What `accord evaluate` answers."""
    catalogue = scenario.loaded.catalogue
    if catalogue is None:
        raise ValueError(scenario.loaded.problems)
    found = evaluate_lines(
        catalogue, scenario.lines, now=reading.at, all_windows=reading.all_windows
    )
    return decoded(results.encode(found))


def decoded(text: bytes | str) -> Answer:
    """The JSON of an answer; no number of it becomes a float."""
    answer: Answer = json.loads(text, parse_float=Decimal)
    return answer


def failures(scenario: Scenario, answering: Answering = evaluated) -> list[Failure]:
    """All that does not hold."""
    if scenario.refused is not None:
        return _not_refused(scenario, scenario.refused)
    found: list[Failure] = []
    for reading in scenario.readings:
        answer = answering(scenario, reading)
        wrong = [*_rejected(scenario, reading, answer)]
        for expected in reading.parts:
            wrong.extend(differences(expected, answer, scenario.times))
        found.extend(Failure(reading.at, one) for one in wrong)
    return found


def _not_refused(scenario: Scenario, reason: str) -> list[Failure]:
    problems = scenario.loaded.problems
    if any(reason in problem.message for problem in problems):
        return []
    expected = f"refused: {reason}" if reason else "refused"
    found = "; ".join(str(problem) for problem in problems) or "the documents load"
    return [Failure(None, Difference("documents", expected, found))]


def _rejected(scenario: Scenario, reading: ExpectedReading, answer: Answer) -> list[Difference]:
    rows = {int(str(row["line"])): str(row["reason"]) for row in answer["rejected"]}
    wanted = reading.rejected
    if wanted == (len(rows) if isinstance(wanted, int) else tuple(rows)):
        return []
    told = [
        f"{number} (line {scenario.events[number - 1].place.line}: {reason})"
        for number, reason in rows.items()
    ]
    found = f"{len(rows)}: {', '.join(told)}" if rows else "0"
    expected = str(wanted) if isinstance(wanted, int) else ", ".join(map(str, wanted))
    return [Difference("rejected", expected, found)]
