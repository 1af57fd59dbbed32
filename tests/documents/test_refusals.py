"""Everything a single document may get wrong: the line and the message of each refusal."""

from pathlib import Path

import pytest

from tests.documents.writing import (
    OFFICE,
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
        ("apiVersion: accord/v1\nkind: Report", 2, 'kind: "Report" is unknown; it is one of'),
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
        (
            "timeZone: ../../etc/passwd",
            5,
            "name a place by its IANA name like Europe/Berlin, or UTC",
        ),
        ('timeZone: ""', 5, 'unknown time zone ""'),
        ("timeZone:", 5, "timeZone: must be text, not nothing"),
        ("timeZone: UTC\nweekly: {}", 6, "the calendar has no open time"),
        ("timeZone: UTC\nweekly: {mon: []}", 6, "the calendar has no open time"),
        ("timeZone: UTC", 5, "the calendar has no open time"),
        # what the zone leaves out: an hour, a whole date
        (
            'timeZone: Europe/Berlin\nshifts: {"2026-03-29": ["02:00-03:00"]}',
            5,
            "the calendar has no open time",
        ),
        (
            'timeZone: Pacific/Apia\nweekly: {}\nshifts: {"2011-12-30": ["00:00-24:00"]}',
            6,
            "the calendar has no open time",
        ),
        (
            'timeZone: UTC\nshifts: {"9999-12-31": ["00:00-24:00"]}',
            5,
            "the calendar has no open time",
        ),
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
SUM = """item: lead
measure: sum
event: {event: lead.won}
field: amount
"""
RATIO = """item: lead
measure: ratio
good: {event: lead.won}
total: {event: lead.qualified}
"""


@pytest.mark.parametrize(
    ("spec", "line", "message"),
    [
        ("item: ticket\nmeasure: sum\nfield: amount", 5, 'a KPI with measure sum needs "event"'),
        (
            "item: ticket\nmeasure: mean\nevent: {event: ticket.rated}",
            5,
            'a KPI with measure mean needs "field"',
        ),
        (
            "item: lead\nmeasure: ratio\ngood: {event: lead.won}",
            5,
            'a KPI with measure ratio needs "total"',
        ),
        (SUM + "every: true", 9, "a KPI with measure sum: it takes every such event"),
        (SUM + "cohort: true", 9, "measure sum; it belongs to ratio"),
        (SUM + "field: [a]", 9, 'duplicate key "field"'),
        ("item: lead\nmeasure: mean\nfield: 7", 7, 'field: must be text; write "7" in quotes'),
        (RATIO + "field: amount", 9, "with measure ratio; it belongs to sum and mean"),
        (RATIO + "within: P30D", 9, '"within" belongs to a cohort; write cohort: true'),
        (RATIO + "cohort: false\nwithin: P30D", 10, '"within" belongs to a cohort'),
        (RATIO + "cohort: true\nwithin: 30d", 10, 'within: "30d" is not a duration'),
        (RATIO + "cohort: true\nwithin: {workingDays: 2}", 10, "within: must be text"),
        (RATIO + "cohort: 1", 9, "cohort: must be true or false, not 1"),
        (
            "item: lead\nmeasure: ratio\ntotal: {event: lead.won}\ngood: {event: ticket.solved}",
            8,
            'good: "ticket.solved" never happens to a lead',
        ),
        (
            "item: lead\nmeasure: ratio\ntotal: {event: leads.won}\ngood: {event: lead.won}",
            7,
            'total: "leads.won" never happens to a lead; did you mean "lead.won"?',
        ),
        ("item: ticket\nmeasure: counts", 6, 'measure: "counts" is unknown; did you mean "count"?'),
        ("item: ticket\nmeasure: duration", 5, 'a KPI with measure duration needs "start"'),
        ("item: ticket\nmeasure: duration", 5, 'a KPI with measure duration needs "stop"'),
        ("item: ticket\nmeasure: count", 5, 'a KPI with measure count needs "event"'),
        (DURATION + "every: true", 9, '"every" does not belong to a KPI with measure duration'),
        (DURATION + "within: P30D", 9, "measure duration; it belongs to ratio"),
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
