"""Documents that a loader must refuse or define, by the ids of their catalogue (C01 to C35).

Most of it is data: what is written, and the words of the refusal or what it means. What needs a
file system is in `test_files.py`.
"""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import process_time

import pytest

from shared.documents import load, loader
from shared.documents.problems import MAX_PROBLEMS
from shared.domain.agreement import OpenTime, Within
from tests.documents.writing import (
    CONVERSION,
    OFFICE,
    REOPENED,
    RESPONSE,
    agreement,
    calendar,
    catalogue,
    document,
    first_response,
    kpi,
    loaded,
    problems,
    promising,
)

WEEK = 'timeZone: UTC\nweekly: {mon: ["09:00-17:00"]}\n'
COUNT = "item: ticket\nmeasure: count\nevent: {event: ticket.created}\n"


def promise(**changes: str) -> str:
    return "---\n".join((promising(first_response(**changes)), RESPONSE, REOPENED, CONVERSION))


def where(matcher: str) -> str:
    return promise(where=matcher)


REFUSED = [
    ("C01", calendar("timeZone: UTC\nweekly: {mon: [17:00]}"), '"17:00" is not an interval like'),
    ("C02", promise(target="{within: 1:30}"), 'did you mean "PT1H30M"?'),
    ("C02", promise(target="{within: 4:00:00}"), 'did you mean "PT4H0M"?'),
    ("C02", promise(target="{within: 4:00:30}"), 'did you mean "PT4H0M30S"?'),
    ("C03", kpi(COUNT + "every: yes"), 'every: must be true or false, not "yes"'),
    ("C03", kpi(COUNT + "true: 1"), "the key true is not text"),
    ("C04", promise(minimum="1_000"), 'minimum: must be a number, not "1_000"'),
    ("C04", promise(minimum='"0x1F"'), 'minimum: must be a number, not "0x1F"'),
    ("C04", promise(minimum='"1e3"'), 'minimum: must be a number, not "1e3"'),
    ("C05", promise(target="{within: PT1H, ratio: .nan}"), ".nan is not a number"),
    ("C05", promise(target="{within: PT1H, ratio: -.inf}"), "-.inf is not a number"),
    ("C05", promise(target="{within: PT1H, ratio: ~}"), "ratio: must be a number, not nothing"),
    ("C05", promise(target="{within: }"), "within: must be a duration like PT4H or PT30M, not"),
    ("C06", kpi(COUNT + "measure: sum"), 'duplicate key "measure"; the first is on line 6'),
    ("C07", kpi(COUNT.replace("{", "&a {", 1)), "anchors (&a) are refused"),
    ("C07", kpi("a: *b"), "aliases (*b) are refused; write the value out"),
    ("C07", kpi(COUNT + "<<: {a: 1}"), "merge keys (<<) are refused; write the members out"),
    ("C07", where("{<<: x}"), "merge keys (<<) are refused"),
    ("C08", "a: " + "[" * 3000 + "]" * 3000, "nest"),
    ("C08", "a: " + "{a: " * 300 + "}" * 300, "nested deeper than 32 levels"),
    ("C09", kpi("a: !!python/object/apply:os.system [id]"), "tags (tag:yaml.org,2002:python/"),
    ("C09", kpi("item: !!str ticket"), "tags (tag:yaml.org,2002:str) are refused"),
    ("C10", "- a\n", "a document is a mapping, not a list"),
    ("C10", "text\n", 'a document is a mapping, not "text"'),
    ("C10", "", "there is no document in this file"),
    ("C10", "---\n---\n", "a document is a mapping, not nothing"),
    ("C10", "%YAML 1.1\n---\n" + RESPONSE, "%YAML 1.1 means other values than 1.2"),
    ("C11", "a:\n\tb: 1\n", "this is not YAML: found character that cannot start any token"),
    ("C11", "a: x\0y\n", "a character that YAML does not allow"),
    ("C11", where('{customer: "a\\0b"}'), "a text with the control character U+0000"),
    ("C11", where('{customer: "a\\eb"}'), "a text with the control character U+001B"),
    ("C11", where('{"custo\\x07mer": acme}'), "a text with the control character U+0007"),
    ("C11", where('{customer: "\\uD800"}'), "this is not YAML"),
    ("C12", kpi(COUNT + "pauze: {}"), 'unknown field "pauze" in a KPI; did you mean "pause"?'),
    ("C12", promise(treshold="1"), 'unknown field "treshold" in an objective; its fields are'),
    ("C12", promise(target="{whitin: PT1H}"), 'in a target; did you mean "within"?'),
    ("C13", promise(target="{within: PT1H, ratio: 95}"), 'did you mean "0.95"?'),
    ("C13", promise(target="{within: PT1H, ratio: 95%}"), 'did you mean "0.95"?'),
    ("C13", promise(target="{within: PT1H, ratio: 9.5}"), 'did you mean "0.095"?'),
    ("C13", promise(target="{within: PT1H, ratio: 150}"), "must be between 0 and 1, not 150"),
    ("C14", promise(target="{within: PT1H, ratio: -1}"), "must be between 0 and 1, not -1"),
    ("C14", promise(target="{within: -PT1H}"), '"-PT1H" is not a duration'),
    ("C14", promise(atRisk="{elapsed: 1.5}"), "elapsed: must be between 0 and 1, not 1.5"),
    ("C14", promise(kpi="reopened", target="{atMost: -1}"), "a count is never below 0"),
    ("C14", promise(minimum="0"), "minimum: must be between 1 and"),
    ("C16", promise(window="{tumbling: PT0S}"), "tumbling: must be at least PT1S"),
    ("C16", promise(window="{tumbling: -PT1H}"), '"-PT1H" is not a duration'),
    ("C16", promise(window="{tumbling: P3650D}"), "at most P366D, not"),
    ("C16", promise(window="{tumbling: 1mo}"), '"1mo" is not a duration'),
    ("C16", promise(window="{rolling: 30d, step: P1D}"), 'did you mean "P30D"?'),
    ("C16", promise(window="{rolling: P1D, step: PT0S}"), "step: must be at least PT1S"),
    ("C17", promising(first_response(), name="b") + "---\n" + promise(), "could both bind one"),
    ("C19", document("Agreement", "a", "extends: a"), 'unknown field "extends" in an agreement'),
    ("C20", calendar(WEEK.replace("UTC", "GMT+5")), "name a place by its IANA name"),
    ("C20", calendar(WEEK.replace("UTC", "+02:00")), "name a place by its IANA name"),
    ("C20", calendar(WEEK.replace("UTC", "europe/berlin")), 'did you mean "Europe/Berlin"?'),
    ("C20", calendar(WEEK.replace("UTC", "../../etc/passwd")), "unknown time zone"),
    ("C20", calendar(WEEK.replace("UTC", '""')), 'unknown time zone ""'),
    ("C20", calendar(WEEK.replace("UTC", "localtime")), 'unknown time zone "localtime"'),
    ("C21", calendar(WEEK.replace("17:00", "09:00")), "is empty"),
    ("C21", calendar(WEEK.replace("09:00", "22:00")), 'a night is two days: "22:00-24:00"'),
    ("C21", calendar(WEEK.replace("]", ', "16:00-18:00"]')), "overlap"),
    ("C21", calendar(WEEK.replace("17:00", "24:01")), "ends after 24:00"),
    ("C21", calendar("timeZone: UTC\nweekly: {}"), "the calendar has no open time"),
    ("C22", calendar(WEEK + 'holidays: {dates: ["2026-02-29"]}'), '"2026-02-29" is not a date'),
    ("C22", calendar(WEEK + 'holidays: {dates: ["3.4.2026"]}'), "is not a date like 2026-04-03"),
    ("C22", calendar(WEEK + 'holidays: {yearly: ["02-30"]}'), "is not a date"),
    (
        "C23",
        promising(first_response(), more='effective: {from: "2026-02-01T00:00:00Z"}\n')
        + "---\n"
        + promise(),
        "overlaps the one from 2026-01-01T00:00:00Z",
    ),
    ("C23", agreement("effective: {from: 2026-01-01}"), "is not an RFC 3339 time with an offset"),
    (
        "C23",
        agreement('effective: {from: "2026-01-01T00:00:00Z", until: "2026-01-01T00:00:00Z"}'),
        '"until" is not after "from"',
    ),
    ("C24", promise(credit="{cap: -1, currency: eur}"), 'unknown field "credit" in an objective'),
    ("C25", promise(tiers="[{from: 0.99, to: 0.995}]"), 'unknown field "tiers" in an objective'),
    ("C26", where('{customer: {regex: "(a+)+$"}}'), "a value, a list of values, or {not: value}"),
    ("C26", where("{customer: {eval: x}}"), "a value, a list of values, or {not: value}"),
    ("C26", where("{customer: [[acme]]}"), "must be a single value, not a list"),
    ("C28", "a: " + "9" * 5000, "a number of more than 40 digits"),
    ("C31", kpi(COUNT + "password: hunter2"), 'unknown field "password" in a KPI'),
    (
        "C34",
        agreement("", "a").replace("{name: a}", "{name: a, tenant: b}"),
        'unknown field "tenant" in metadata',
    ),
]


@pytest.mark.parametrize(
    ("written", "message"),
    [pytest.param(written, message, id=f"{c}-{message[:40]}") for c, written, message in REFUSED],
)
def test_it_is_refused_with_its_line(tmp_path: Path, written: str, message: str) -> None:
    found = loaded(tmp_path, written)
    assert found.catalogue is None
    said = [problem for problem in found.problems if message in problem.message]
    assert said, [str(problem) for problem in found.problems]
    assert 1 <= said[0].place.line <= written.count("\n") + 1


WARNED = [
    ("C13", where("{customer: acme}"), None),
    ("C14", promise(target="{within: PT1H, ratio: 0}"), "a ratio of 0 can never be missed"),
    ("C20", calendar(WEEK.replace("UTC", "Etc/GMT+5")), "Etc/GMT+5 is UTC-5, with the sign turned"),
    ("C20", calendar(WEEK.replace("UTC", "Etc/GMT-14")), "Etc/GMT-14 is UTC+14"),
    ("C20", calendar(WEEK.replace("UTC", "EST")), "EST is UTC-5, and knows no daylight saving"),
    ("C20", calendar(WEEK.replace("UTC", "Etc/GMT+0")), None),
    ("C20", calendar(WEEK.replace("UTC", "Etc/UTC")), None),
    ("C20", promise(window="{calendar: day, timeZone: Etc/GMT-1}"), "Etc/GMT-1 is UTC+1"),
]
"""What is allowed and hardly meant; with None, what is simply allowed."""


@pytest.mark.parametrize(
    ("written", "message"),
    [pytest.param(written, message, id=f"{c}-{message}") for c, written, message in WARNED],
)
def test_it_loads_with_a_warning(tmp_path: Path, written: str, message: str | None) -> None:
    found = loaded(tmp_path, written)
    assert found.problems == ()
    said = [warning.message for warning in found.warnings]
    assert len(said) == (message is not None)
    assert message is None or message in said[0]


def test_c03_words_of_older_yaml_are_text(tmp_path: Path) -> None:
    matcher = "{country: NO, on: off, y: yes, n: 2026-01-01, time: 12:30, old: 017, hex: 0x1F}"
    found = catalogue(tmp_path, where(matcher))
    (own,) = found.agreements["acme"].versions[0].objectives
    assert {name: choice.values[0] for name, choice in own.where.choices} == {
        "country": "NO",
        "on": "off",
        "y": "yes",
        "n": "2026-01-01",
        "time": "12:30",
        "old": 17,
        "hex": 31,
    }


def test_c04_a_number_is_what_the_core_schema_says(tmp_path: Path) -> None:
    for written, minimum in (("017", 17), ("08", 8), ("0x1F", 31), ("1e3", 1000), ('"5"', 5)):
        found = catalogue(tmp_path, promise(minimum=written))
        assert found.agreements["acme"].versions[0].objectives[0].minimum == minimum


def test_c07_nested_aliases_cost_nothing(tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    began = process_time()
    found = problems(tmp_path, "l0: &l0 [x]\n" + "\n".join(levels))
    assert process_time() - began < 1
    assert [message for _, message in found] == [
        "anchors (&l0) are refused; write the value out",
    ]


def test_c13_decimals_are_exact(tmp_path: Path) -> None:
    found = catalogue(tmp_path, promise(target="{within: PT1H, ratio: 0.3}"))
    target = found.agreements["acme"].versions[0].objectives[0].target
    assert isinstance(target, Within)
    assert target.ratio == Decimal("0.1") + Decimal("0.2")
    for written in ('".3"', ".3", '"0.30"', "3e-1"):
        found = catalogue(tmp_path, promise(target=f"{{within: PT1H, ratio: {written}}}"))
        assert found.agreements["acme"].versions[0].objectives[0].target == target


def test_c15_lengths_of_time_are_exact(tmp_path: Path) -> None:
    found = catalogue(tmp_path, promise(target="{within: PT0.1H}"))
    target = found.agreements["acme"].versions[0].objectives[0].target
    assert isinstance(target, Within)
    assert target.duration == OpenTime(360_000_000)


def test_c18_an_item_that_no_promise_matches_is_no_error(tmp_path: Path) -> None:
    found = loaded(tmp_path, where("{customer: nobody}"))
    assert (found.problems, found.warnings) == ((), ())


def test_c20_only_places_and_utc_are_zones(tmp_path: Path) -> None:
    for zone in ("Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Asia/Kathmandu"):
        assert problems(tmp_path, calendar(WEEK.replace("UTC", zone))) == []


def test_c21_a_night_and_a_whole_day_can_be_written(tmp_path: Path) -> None:
    night = 'timeZone: UTC\nweekly: {mon: ["22:00-24:00"], tue: ["00:00-06:00", "06:00-07:00"]}'
    assert problems(tmp_path, calendar(night)) == []
    assert problems(tmp_path, calendar(WEEK.replace("09:00-17:00", "00:00-24:00"))) == []


@pytest.mark.parametrize(
    ("holidays", "message"),
    [
        ("{dates: [2026-04-03, 2026-04-03]}", "dates: 2026-04-03 is already in line"),
        ('{yearly: ["12-25", "12-25"]}', "yearly: 12-25 is already in line"),
        ("{dates: [1999-04-03]}", "none is known from 2000 on"),
        ("{countries: [{country: LK}]}", "no holidays of LK are known for"),
        ("{dates: [1999-04-03], countries: [{country: DE}]}", None),
    ],
)
def test_c22_holidays_that_run_out_are_warned_of(
    tmp_path: Path, holidays: str, message: str | None
) -> None:
    office = calendar(f"{WEEK}holidays: {holidays}")
    text = promising(first_response(), more="calendar: office\n")
    (tmp_path / "a.yaml").write_text(f"{text}---\n{RESPONSE}---\n{office}")
    found = load(tmp_path, today=date(2026, 3, 2))
    assert found.problems == ()
    assert [w.message for w in found.warnings if message and message in w.message] == [
        w.message for w in found.warnings
    ]
    assert len(found.warnings) == (message is not None)


def test_c28_a_file_has_so_many_values_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "MAX_NODES", 1000)
    assert problems(tmp_path, f"a: [{'x, ' * 1000}]") == [
        (1, "more than 1000 values in one file; split it")
    ]


def test_c23_versions_that_nearly_meet_are_warned_of(tmp_path: Path) -> None:
    until = 'effective: {from: "2026-01-01T00:00:00Z", until: "2026-06-30T23:59:59Z"}\n'
    second = promising(first_response(), more='effective: {from: "2026-07-01T00:00:00Z"}\n')
    found = loaded(tmp_path, promising(first_response(), more=until), second, RESPONSE)
    assert found.problems == ()
    (warning,) = found.warnings
    assert "nothing holds from 2026-06-30T23:59:59Z until then" in warning.message
    past = 'effective: {from: "1990-01-01T00:00:00Z"}\n'
    assert problems(tmp_path, promising(first_response(), more=past), RESPONSE) == []


def test_c27_what_looks_like_a_format_is_text(tmp_path: Path) -> None:
    text = promise().replace("provider: support", 'provider: "{0.__class__} %s ${jndi:x}"')
    found = catalogue(tmp_path, text)
    assert found.agreements["acme"].versions[0].provider == "{0.__class__} %s ${jndi:x}"
    ((_, message),) = problems(tmp_path, promise(kpi='"{0.__class__}"'))
    assert '"{0.__class__}" is not a name' in message


def test_c31_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    found = loaded(tmp_path, kpi(COUNT + "password: hunter2"))
    assert "hunter2" not in "".join(map(str, found.problems))


def test_c32_c33_c35_the_same_meaning_has_the_same_digest(tmp_path: Path) -> None:
    first = catalogue(tmp_path, promise()).digest
    assert catalogue(tmp_path, promise()).digest == first
    assert catalogue(tmp_path, promise(target="{within: PT2H}")).digest != first
    assert catalogue(tmp_path, "# back again\n" + promise() + "# the end\n").digest == first


def test_a_message_is_one_short_line_whatever_is_written(tmp_path: Path) -> None:
    for value in ('"a\\nb"', f'"{"x" * 100_000}"', '"\\u202Egnp.exe"', f'"{"é" * 999}"'):
        found = loaded(tmp_path, promise(kpi=value), promise(target=value))
        assert found.problems
        for problem in found.problems:
            assert str(problem).isprintable()
            assert len(problem.message) < 600


def test_everything_wrong_is_said_in_one_run_in_the_order_of_files_and_lines(
    tmp_path: Path,
) -> None:
    (tmp_path / "b.yaml").write_text(promise(target="95%", kpi="nobody"))
    (tmp_path / "a.yaml").write_text(kpi(COUNT + "x: 1\ny: 2", "other") + "---\n- z\n")
    (tmp_path / "c.yaml").write_bytes(b"\xff")
    found = [
        (Path(problem.place.file).name, problem.place.line, problem.message[:18])
        for problem in load(tmp_path).problems
    ]
    assert found == [
        ("a.yaml", 8, 'unknown field "x" '),
        ("a.yaml", 9, 'unknown field "y" '),
        ("a.yaml", 11, "a document is a ma"),
        ("b.yaml", 9, 'no KPI is named "n'),
        ("b.yaml", 9, "target: must be a "),
        ("c.yaml", 1, "the text is not UT"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n" + "".join(f"b{n}: 1\n" for n in range(2000)),
        "---\n".join(calendar("timeZone: Berln", f"c-{n}") for n in range(1001)),
        promising("\n- ".join(first_response(name=f"n-{n}", kpi=f"k-{n}") for n in range(2000))),
        promising("\n- ".join(f"{{name: n-{n}, kpi: 7}}" for n in range(2000))),
    ],
)
def test_c28_of_very_many_problems_the_first_are_said(tmp_path: Path, text: str) -> None:
    began = process_time()
    found = loaded(tmp_path, text)
    assert process_time() - began < 10
    assert len(found.problems) == MAX_PROBLEMS + 1
    assert found.problems[-1].message == "there is more; these are the first 1,000"


def test_c28_after_very_many_problems_no_more_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def asking(word: str, _known: object) -> str:
        asked.append(word)
        return ""

    monkeypatch.setattr("shared.documents.notation.did_you_mean", asking)
    loaded(tmp_path, *(calendar("timeZone: Berln", f"c-{n}") for n in range(5000)))
    assert len(asked) < 2000


def test_json_is_yaml_too(tmp_path: Path) -> None:
    found = catalogue(tmp_path, RESPONSE)
    text = json.dumps(
        {
            "apiVersion": "accord/v1",
            "kind": "Kpi",
            "metadata": {"name": "response"},
            "spec": {
                "item": "ticket",
                "measure": "duration",
                "start": {"event": "ticket.created"},
                "stop": {"event": "ticket.replied"},
            },
        },
        indent=1,
    )
    assert catalogue(tmp_path, text).digest == found.digest


def test_lines_may_end_as_they_do_on_other_systems(tmp_path: Path) -> None:
    for end in ("\r\n", "\r"):
        (tmp_path / "a.yaml").write_bytes(
            (promise() + "---\n" + OFFICE).replace("\n", end).encode()
        )
        assert load(tmp_path).problems == ()


def test_every_hostile_document_of_the_catalogue_is_accounted_for() -> None:
    by_data = {c for c, _, _ in (*REFUSED, *WARNED)}
    by_name = {"C15", "C18", "C27", "C29", "C30", "C32", "C33", "C35"}
    assert sorted(by_data | by_name) == [f"C{n:02}" for n in range(1, 36)]
