"""Everything an objective may get wrong, alone and beside its KPI and calendar."""

from pathlib import Path

import pytest

from tests.documents.writing import (
    COHORT,
    CONVERSION,
    OFFICE,
    REOPENED,
    RESPONSE,
    SCORE,
    first_response,
    problems,
    promising,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kpi": "Response"}, '"Response" is not a name'),
        ({"kpi": "respnse"}, 'no KPI is named "respnse"; did you mean "response"?'),
        (
            {"target": "95%"},
            'target: must be a mapping, not "95%"; did you mean {within: PT1H, ratio: "0.95"}?',
        ),
        (
            {"target": "{within: PT1H, ratio: 95%}"},
            'ratio: "95%" is not a decimal; did you mean "0.95"?',
        ),
        ({"target": "{within: PT1H, ratio: 99.5%}"}, 'did you mean "0.995"?'),
        (
            {"target": "{within: PT1H, ratio: 95}"},
            'ratio: must be between 0 and 1, not 95; did you mean "0.95"?',
        ),
        ({"target": "{within: PT1H, ratio: 150}"}, "write a decimal between 0 and 1"),
        ({"target": "{within: PT1H, ratio: -0.5}"}, "ratio: must be between 0 and 1, not -0.5"),
        ({"target": "{within: PT1H, ratio: high}"}, 'ratio: must be a number, not "high"'),
        ({"target": "{within: PT1H, ratio: ~}"}, "ratio: must be a number, not nothing"),
        ({"target": "{within: PT1H, ratio: true}"}, "ratio: must be a number, not true"),
        (
            {"target": "{within: 4h}"},
            'within: "4h" is not a duration like PT4H or PT30M; did you mean "PT4H"?',
        ),
        ({"target": "{within: 30 min}"}, 'did you mean "PT30M"?'),
        ({"target": "{within: 1:30}"}, 'did you mean "PT1H30M"?'),
        ({"target": "{within: pt4h}"}, 'did you mean "PT4H"?'),
        ({"target": "{within: 2d}"}, 'did you mean "PT48H" or {workingDays: 2}?'),
        ({"target": "{within: P}"}, '"P" is not a duration'),
        ({"target": "{within: P1M}"}, '"P1M" is not a duration'),
        ({"target": "{within: PT}"}, '"PT" is not a duration'),
        ({"target": "{within: PT0.0000001S}"}, "is not a whole number of microseconds"),
        ({"target": "{within: PT9999999999H}"}, "is longer than anything that can be measured"),
        ({"target": "{within: 60}"}, "within: must be a duration like PT4H or PT30M, not 60"),
        ({"target": "{within: {workingDays: 0}}"}, "workingDays: must be between 1 and"),
        ({"target": "{within: {endOfWorkingDay: -1}}"}, "endOfWorkingDay: must be between 0 and"),
        ({"target": "{within: {days: 1}}"}, 'unknown field "days" in a duration'),
        ({"target": "{within: {}}"}, "must be either {workingDays: n} or {endOfWorkingDay: n}"),
        (
            {"target": "{}"},
            "a target has one of within, percentile, mean, atLeast and atMost; here is none of",
        ),
        ({"target": "{within: PT1H, percentile: 0.5}"}, "here is within and percentile"),
        ({"target": "{within: PT1H, atMost: 5}"}, "here is within and atMost"),
        ({"target": "{atMost: 5, ratio: 0.5}"}, '"ratio" belongs to within, not to atMost'),
        (
            {"target": "{atLeast: 5}"},
            '"atLeast" does not fit the KPI "response", which measures a duration',
        ),
        ({"kpi": "reopened"}, '"within" does not fit the KPI "reopened", which measures a count'),
        (
            {"kpi": "reopened", "target": "{mean: true, atMost: PT1H}"},
            '"mean" does not fit the KPI "reopened", which measures a count; use {atLeast',
        ),
        ({"kpi": "reopened", "target": "{atMost: -1}"}, "atMost: a count is never below 0"),
        ({"kpi": "conversion", "target": "{atLeast: -0.1}"}, "atLeast: a ratio is never below 0"),
        ({"kpi": "cohort", "target": "{atLeast: 95}"}, 'at most 1; did you mean "0.95"?'),
        ({"kpi": "cohort", "target": "{atMost: 1.01}"}, "so at most 1"),
        ({"kpi": "cohort", "target": "{atLeast: 95%}"}, 'not a decimal; did you mean "0.95"?'),
        ({"kpi": "reopened", "target": "{atMost: PT1H}"}, 'a time needs "percentile" or "mean"'),
        ({"kpi": "conversion", "target": "{atMost: 1}", "pace": "{}"}, '"pace" belongs to'),
        ({"kpi": "conversion", "target": "{atLeast: 1}", "pace": "{}"}, "measures a ratio"),
        ({"kpi": "score", "target": "{atLeast: 1}", "pace": "{}"}, "measures a mean"),
        ({"target": "{percentile: 90, atMost: PT1H}"}, "percentile: must be between 0 and 1"),
        ({"target": "{percentile: 90%, atMost: PT1H}"}, 'did you mean "0.9"?'),
        ({"target": "{percentile: 0, atMost: PT1H}"}, "percentile: must be above 0"),
        ({"target": "{percentile: 0.9}"}, 'a target with percentile needs the field "atMost"'),
        ({"target": "{percentile: 0.9, atMost: 30}"}, "atMost: must be a duration like"),
        (
            {"target": "{percentile: 0.9, atMost: PT1H, ratio: 0.5}"},
            '"ratio" belongs to within, not to percentile',
        ),
        ({"target": "{mean: true}"}, 'a target with mean needs the field "atMost"'),
        ({"target": "{mean: false, atMost: PT1H}"}, "mean: must be true, not false"),
        (
            {"target": "{mean: true, atMost: {workingDays: 2}}"},
            "atMost: a mean has no working days",
        ),
        (
            {"target": "{meen: true, atMost: PT1H}"},
            'field "meen" in a target; did you mean "mean"?',
        ),
        ({"window": "{rolling: P7D}"}, 'a rolling window needs the field "step"'),
        ({"window": "{step: PT1H}"}, "a window has one of calendar, rolling and tumbling; here"),
        ({"window": "{calendar: day, tumbling: PT1H}"}, "here is calendar and tumbling"),
        (
            {"window": "{tumbling: PT1H, timeZone: UTC}"},
            '"timeZone" belongs to calendar, not to tumbling: windows of a fixed length',
        ),
        ({"window": "{rolling: PT1H, step: PT1H, timeZone: UTC}"}, '"timeZone" belongs to'),
        ({"window": "{tumbling: PT1H, step: PT1H}"}, '"step" belongs to rolling, not to tumbling'),
        (
            {"window": "{rolling: PT90M, step: PT1H}"},
            "rolling: its length is a multiple of the step; write PT1H or PT2H",
        ),
        ({"window": "{rolling: PT30M, step: PT1H}"}, "a multiple of the step; write PT1H"),
        ({"window": "{rolling: PT2501M, step: PT1M}"}, "step: 2,501 steps are more than 2,500"),
        ({"window": "{tumbling: PT0S}"}, "tumbling: must be at least PT1S"),
        ({"window": "{tumbling: PT0.5S}"}, "tumbling: must be at least PT1S"),
        ({"window": "{tumbling: P10Y}"}, '"P10Y" is not a duration'),
        ({"window": "{tumbling: 1mo}"}, '"1mo" is not a duration'),
        ({"window": "{tumbling: P367D}"}, "tumbling: must be at most P366D"),
        ({"window": "{rolling: P36526D, step: P26D}"}, "rolling: must be at most P36525D"),
        ({"window": "{tumbling: -PT1H}"}, '"-PT1H" is not a duration'),
        (
            {"window": "{calendar: monthly}"},
            'calendar: "monthly" is unknown; did you mean "month"?',
        ),
        ({"window": "{timeZone: UTC}"}, "a window has one of calendar, rolling and tumbling"),
        ({"window": "month"}, "a window is a mapping like {calendar: month}"),
        (
            {"window": "{calendar: month, timeZone: Mars/Olympus}"},
            'unknown time zone "Mars/Olympus"',
        ),
        ({"window": ""}, 'an objective needs the field "window"'),
        ({"name": ""}, 'an objective needs the field "name"'),
        ({"name": "First"}, '"First" is not a name'),
        ({"minimum": "0"}, "minimum: must be between 1 and"),
        (
            {"atRisk": "{elapsed: 80}"},
            'elapsed: must be between 0 and 1, not 80; did you mean "0.8"?',
        ),
        (
            {"atRisk": "{budget: 0.8}"},
            'unknown field "budget" in atRisk; did you mean "budgetConsumed"?',
        ),
        ({"onChange": "carried"}, 'onChange: "carried" is unknown; did you mean "carry"?'),
        ({"attribution": "start"}, 'attribution: "start" is unknown; did you mean "started"?'),
        (
            {"kpi": "reopened", "target": "{atMost: 1}", "attribution": "started"},
            "attribution: only durations start; a count counts at its event",
        ),
        ({"pace": "{}"}, '"pace" belongs to a target with atLeast'),
        ({"groupBy": "team"}, "groupBy: must be a list like [team]"),
        ({"groupBy": "[team, team]"}, '"team" stands there twice'),
        ({"colour": "red"}, 'unknown field "colour" in an objective; its fields are name, kpi'),
    ],
)
def test_an_objective_is_refused(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    text = promising(first_response(**changes))
    found = problems(tmp_path, text, RESPONSE, REOPENED, CONVERSION, COHORT, SCORE)
    assert [line for line, _ in found] == [len(text.splitlines())]
    assert message in found[0][1]


@pytest.mark.parametrize(
    ("target", "field", "instead"),
    [
        ("{within: P1D}", "within", ", or {workingDays: 1}"),
        ("{percentile: 0.9, atMost: P1DT2H}", "atMost", ", or {workingDays: 1}"),
        ("{mean: true, atMost: P2W}", "atMost", ""),
    ],
)
def test_a_day_is_refused_unless_the_calendar_is_always(
    tmp_path: Path, target: str, field: str, instead: str
) -> None:
    objective = first_response(target=target)
    assert problems(tmp_path, promising(objective), RESPONSE) == []
    assert problems(tmp_path, promising(objective, more="calendar: always\n"), RESPONSE) == []
    text = promising(objective, more="calendar: office\n")
    (found,) = problems(tmp_path, text, RESPONSE, OFFICE)
    assert found[0] == len(text.splitlines())
    assert found[1].startswith(f"{field}: a day has no fixed open time")
    assert found[1].endswith(f"write PT24H for 24 open hours{instead}")


def test_two_objectives_of_one_name_are_refused(tmp_path: Path) -> None:
    text = promising(f"{first_response()}\n- {first_response()}")
    (found,) = problems(tmp_path, text, RESPONSE)
    last = len(text.splitlines())
    message = f'two objectives are named "first-response"; the first is on line {last - 1}'
    assert found == (last, message)
