"""Everything a single document may get wrong: the line and the message of each refusal."""

from pathlib import Path

import pytest

from tests.documents.writing import (
    OFFICE,
    REOPENED,
    RESPONSE,
    agreement,
    calendar,
    first_response,
    kpi,
    problems,
    promising,
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("kind: Kpi\nmetadata: {name: a}\nspec: {}", 1, 'a document needs the field "apiVersion"'),
        ("apiVersion: accord/v2", 1, 'apiVersion: "accord/v2" is unknown; write accord/v1'),
        (
            "apiVersion: accord/v1\nkind: Agrement",
            2,
            'kind: "Agrement" is unknown; did you mean "Agreement"?',
        ),
        ("apiVersion: accord/v1\nkind: Source", 2, 'kind: "Source" is not supported yet'),
        (
            "apiVersion: accord/v1\nmetadata: acme",
            2,
            "metadata is a mapping like {name: acme-support}",
        ),
        (
            "apiVersion: accord/v1\nmetadata: {name: Acme_Support}",
            2,
            'did you mean "acme-support"?',
        ),
        (
            "apiVersion: accord/v1\nmetadata: {name: 7}",
            2,
            'name: must be text; write "7" in quotes',
        ),
        (
            "apiVersion: accord/v1\nspecs: {}",
            2,
            'unknown field "specs" in a document; did you mean "spec"?',
        ),
    ],
)
def test_a_header_is_refused(tmp_path: Path, text: str, line: int, message: str) -> None:
    assert any(at == line and message in said for at, said in problems(tmp_path, text))


@pytest.mark.parametrize(
    ("spec", "line", "message"),
    [
        (
            "timeZone: Europe/Berln",
            5,
            'unknown time zone "Europe/Berln"; did you mean "Europe/Berlin"?',
        ),
        ("timeZone: europe/berlin", 5, 'did you mean "Europe/Berlin"?'),
        ("timeZone: ../../etc/passwd", 5, "use an IANA name like Europe/Berlin"),
        ('timeZone: ""', 5, 'unknown time zone ""'),
        ("timeZone:", 5, "timeZone: must be text, not nothing"),
        ("timeZone: UTC\nweekly: {}", 6, "the calendar has no open time"),
        ("timeZone: UTC\nweekly: {mon: []}", 6, "the calendar has no open time"),
        ("timeZone: UTC", 5, "the calendar has no open time"),
        ('weekly: {mon: ["09:00-17:00"]}', 5, 'a calendar needs the field "timeZone"'),
        (
            'timeZone: UTC\nweekly: {monday: ["09:00-17:00"]}',
            6,
            '"monday" is not a day of the week',
        ),
        (
            'timeZone: UTC\nweekly:\n  mon: ["22:00-06:00"]',
            7,
            '"22:00-06:00" ends before it starts',
        ),
        ('timeZone: UTC\nweekly: {mon: ["09:00-09:00"]}', 6, '"09:00-09:00" is empty'),
        ('timeZone: UTC\nweekly: {mon: ["09:00-12:00", "11:00-17:00"]}', 6, "overlap"),
        ('timeZone: UTC\nweekly: {mon: ["11:00-17:00", "09:00-12:00"]}', 6, "overlap"),
        ('timeZone: UTC\nweekly: {mon: ["9-17"]}', 6, '"9-17" is not an interval like 09:00-17:00'),
        ('timeZone: UTC\nweekly: {mon: ["09:00-24:01"]}', 6, '"09:00-24:01" ends after 24:00'),
        ('timeZone: UTC\nweekly: {mon: "09:00-17:00"}', 6, 'must be a list like ["09:00-17:00"]'),
        ("timeZone: UTC\nholidays: {dates: [2026-02-30]}", 6, '"2026-02-30" is not a date'),
        ("timeZone: UTC\nholidays: {dates: [03.04.2026]}", 6, "is not a date like 2026-04-03"),
        ('timeZone: UTC\nholidays: {yearly: ["13-01"]}', 6, "is not a date"),
        (
            "timeZone: UTC\nholidays: {yearly: [Christmas]}",
            6,
            "is not a day of every year like 12-25",
        ),
        (
            "timeZone: UTC\nholidays: {countries: [{country: Deutschland}]}",
            6,
            'unknown country "Deutschland"; use its code, like DE',
        ),
        (
            "timeZone: UTC\nholidays: {countries: [{country: DE, subdivision: BLN}]}",
            6,
            'unknown subdivision "BLN" of DE',
        ),
        (
            "timeZone: UTC\nholidays: {countries: [DE]}",
            6,
            "a country is a mapping like {country: DE",
        ),
        ('timeZone: UTC\nshifts: {"12-24": []}', 6, '"12-24" is not a date'),
    ],
)
def test_a_calendar_is_refused(tmp_path: Path, spec: str, line: int, message: str) -> None:
    found = problems(tmp_path, calendar(spec))
    assert any(at == line and message in said for at, said in found), found


DURATION = """item: ticket
measure: duration
start: {event: ticket.created}
stop: {event: ticket.replied}
"""


@pytest.mark.parametrize(
    ("spec", "line", "message"),
    [
        ("item: ticket\nmeasure: sum\nfield: amount", 6, 'measure: "sum" is not supported yet'),
        ("item: ticket\nmeasure: mean", 6, 'measure: "mean" is not supported yet'),
        (
            "item: lead\nmeasure: ratio\ngood: {event: lead.won}",
            6,
            'measure: "ratio" is not supported yet',
        ),
        ("item: ticket\nmeasure: counts", 6, 'measure: "counts" is unknown; did you mean "count"?'),
        ("item: ticket\nmeasure: duration", 5, 'a KPI with measure duration needs "start"'),
        ("item: ticket\nmeasure: duration", 5, 'a KPI with measure duration needs "stop"'),
        ("item: ticket\nmeasure: count", 5, 'a KPI with measure count needs "event"'),
        (DURATION + "every: true", 9, '"every" does not belong to a KPI with measure duration'),
        (DURATION + "within: P30D", 9, "is not supported yet"),
        (DURATION + "repeat: yes", 9, 'repeat: must be true or false, not "yes"'),
        (DURATION + "reopen: new", 9, 'reopen: "new" is unknown'),
        (DURATION + "treshold: 1", 9, 'unknown field "treshold" in a KPI; its fields are'),
        (DURATION + "pauze: {}", 9, 'unknown field "pauze" in a KPI; did you mean "pause"?'),
        (
            DURATION + "pause: pending",
            9,
            "pause: must map attributes to values like {priority: p1}",
        ),
        (
            DURATION + "pause: {status: {is: x}}",
            9,
            "must be a value, a list of values, or {not: value}",
        ),
        (DURATION + "pause: {status: [[x]]}", 9, "must be a single value, not a list"),
        (
            "item: ticket\nmeasure: count\nevent: {where: {a: 1}}",
            7,
            'a milestone needs "event" or "changes"',
        ),
        ("item: ticket\nmeasure: count\nevent: []", 7, "event: must not be an empty list"),
        (
            "item: ticket\nmeasure: count\nevent: ticket.created",
            7,
            "a milestone is a mapping like {event: ticket.created}",
        ),
        (
            "item: ticket\nmeasure: count\nevent: {event: created}",
            7,
            '"created" is not a type of event',
        ),
        (
            "item: ticket\nmeasure: count\nevent: {event: lead.created}",
            7,
            'did you mean "ticket.created"?',
        ),
        (
            "item: ticket\nmeasure: count\nevent: {event: ticket.created, nth: 0}",
            7,
            "nth: must be between 1 and",
        ),
        (
            "item: ticket\nmeasure: count\nevent: {event: ticket.created, nth: 1.5}",
            7,
            "nth: must be a whole number, not 1.5",
        ),
        (
            "item: ticket\nmeasure: count\nevent:\n- {event: ticket.a}\n- {event: lead.b}",
            9,
            'event: "lead.b" never happens to a ticket; did you mean "ticket.b"?',
        ),
        ("item: ticket.x\nmeasure: count\nevent: {changes: team}", 5, "is not a kind of item"),
    ],
)
def test_a_kpi_is_refused(tmp_path: Path, spec: str, line: int, message: str) -> None:
    found = problems(tmp_path, kpi(spec))
    assert any(at == line and message in said for at, said in found), found


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
        ({"target": "{within: 60}"}, 'within: must be text; write "60" in quotes'),
        ({"target": "{within: {workingDays: 0}}"}, "workingDays: must be between 1 and"),
        ({"target": "{within: {endOfWorkingDay: -1}}"}, "endOfWorkingDay: must be between 0 and"),
        ({"target": "{within: {days: 1}}"}, 'unknown field "days" in a duration'),
        ({"target": "{within: {}}"}, "must be either {workingDays: n} or {endOfWorkingDay: n}"),
        ({"target": "{}"}, "a target has one of within, atLeast and atMost; here is nothing of it"),
        ({"target": "{within: PT1H, atMost: 5}"}, "here is within and atMost"),
        ({"target": "{atMost: 5, ratio: 0.5}"}, '"ratio" belongs to within, not to atMost'),
        (
            {"target": "{atLeast: 5}"},
            '"atLeast" does not fit the KPI "response", which measures a duration',
        ),
        ({"kpi": "reopened"}, '"within" does not fit the KPI "reopened", which measures a count'),
        ({"kpi": "reopened", "target": "{atMost: -1}"}, "atMost: must be at least 0, not -1"),
        (
            {"target": '{percentile: "0.9", atMost: PT30M}'},
            "a percentile target is not supported yet",
        ),
        ({"target": "{mean: true, atMost: PT30M}"}, "a mean target is not supported yet"),
        ({"window": "{rolling: P7D, step: PT1H}"}, "a rolling window is not supported yet"),
        ({"window": "{tumbling: PT1H}"}, "a tumbling window is not supported yet"),
        (
            {"window": "{calendar: monthly}"},
            'calendar: "monthly" is unknown; did you mean "month"?',
        ),
        ({"window": "{timeZone: UTC}"}, 'a window needs "calendar"'),
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
        ({"attribution": "started"}, 'attribution: "started" is not supported yet'),
        ({"pace": "{}"}, '"pace" belongs to a target with atLeast'),
        ({"groupBy": "team"}, "groupBy: must be a list like [team]"),
        ({"groupBy": "[team, team]"}, '"team" stands there twice'),
        ({"colour": "red"}, 'unknown field "colour" in an objective; its fields are name, kpi'),
    ],
)
def test_an_objective_is_refused(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    text = promising(first_response(**changes))
    found = problems(tmp_path, text, RESPONSE, REOPENED)
    assert [line for line, _ in found] == [len(text.splitlines())]
    assert message in found[0][1]


@pytest.mark.parametrize(
    ("spec", "line", "message"),
    [
        ("level: customers", 5, 'level: "customers" is unknown; did you mean "customer"?'),
        ("parties: {}", 5, 'an agreement needs the field "level"'),
        ("parties: {provider: a}", 5, 'parties needs the field "customer"'),
        ("level: customer", 5, 'an agreement needs the field "parties"'),
        ('parties: {provider: " ", customer: a}', 5, "provider: must not be empty"),
        ("level: customer", 5, 'an agreement needs the field "effective"'),
        ("level: customer", 5, 'an agreement needs the field "objectives"'),
        ("type: olas", 5, 'type: "olas" is unknown; did you mean "ola"?'),
        ("effective: {}", 5, 'effective needs the field "from"'),
        ("effective: {from: 2026-01-01}", 5, "is not an RFC 3339 time with an offset"),
        (
            'effective:\n  from: "2026-01-01T00:00:00Z"\n  until: "2026-01-01T00:00:00Z"',
            7,
            '"until" is not after "from"',
        ),
        ("objectives: []", 5, "objectives: must not be empty"),
        ("precedence: high", 5, 'precedence: must be a number, not "high"'),
        ("calendar: offise", 5, 'no calendar is named "offise"; did you mean "office"?'),
        ("appliesTo: acme", 5, "appliesTo: must map attributes to values"),
    ],
)
def test_an_agreement_is_refused(tmp_path: Path, spec: str, line: int, message: str) -> None:
    found = problems(tmp_path, agreement(spec), OFFICE)
    assert any(at == line and message in said for at, said in found), found


def test_a_day_is_refused_unless_the_calendar_is_always(tmp_path: Path) -> None:
    objective = first_response(target="{within: P1D}")
    assert problems(tmp_path, promising(objective), RESPONSE) == []
    text = promising(objective, more="calendar: office\n")
    (found,) = problems(tmp_path, text, RESPONSE, OFFICE)
    assert found[0] == len(text.splitlines())
    assert "write PT24H for 24 open hours, or {workingDays: 1}" in found[1]


def test_two_objectives_of_one_name_are_refused(tmp_path: Path) -> None:
    text = promising(f"{first_response()}\n- {first_response()}")
    (found,) = problems(tmp_path, text, RESPONSE)
    last = len(text.splitlines())
    message = f'two objectives are named "first-response"; the first is on line {last - 1}'
    assert found == (last, message)


def test_everything_that_is_wrong_is_said_at_once_and_only_once(tmp_path: Path) -> None:
    bad_calendar = calendar('timeZone: Europe/Berln\nweekly: {mon: ["09:00-17:00"], mon: []}')
    bad_kpi = kpi(DURATION + "pauze: {status: pending}")
    bad = promising(first_response(kpi="respons", target="95%"), more="calendar: office\n")
    found = problems(tmp_path, bad_calendar, bad_kpi, bad)
    assert [message.partition(";")[0] for _, message in found] == [
        'timeZone: unknown time zone "Europe/Berln"',
        'duplicate key "mon"',
        'unknown field "pauze" in a KPI',
        'no KPI is named "respons"',
        'target: must be a mapping, not "95%"',
    ]
