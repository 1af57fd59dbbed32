"""Good documents: what they become, which files are read, the digest, the example company."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from shared.documents import load
from shared.domain.agreement import (
    AgreementType,
    AtLeast,
    AtMost,
    AtRisk,
    Attribution,
    EndOfWorkingDay,
    Level,
    Mean,
    MeasureKind,
    OnChange,
    OpenTime,
    Percentile,
    Reopen,
    Within,
    WorkingDays,
)
from shared.domain.business_calendar import ALWAYS
from shared.domain.instant import DAY, HOUR, MINUTE, SECOND
from shared.domain.matcher import Choice, Matcher, Milestone
from shared.domain.window import CalendarWindow, Period, RollingWindow, TumblingWindow
from tests.documents.writing import (
    COHORT,
    CONVERSION,
    OFFICE,
    REOPENED,
    RESPONSE,
    SCORE,
    calendar,
    catalogue,
    first_response,
    kpi,
    promising,
)

ROOT = Path(__file__).parents[2]


def test_a_calendar_is_read(tmp_path: Path) -> None:
    text = calendar("""
        timeZone: Europe/Berlin
        weekly:
          mon: ["13:15-17:00", "09:00-12:30"]
          sun: ["00:00-24:00"]
        holidays:
          dates: [2026-04-03]
          yearly: [12-25, 02-29]
          countries: [{country: DE, subdivision: BE}, {country: US}]
        shifts:
          2026-12-24: ["09:00-12:00"]
          2026-12-31: []
        """)
    rules = catalogue(tmp_path, text).calendars["office"].rules
    assert (rules.name, rules.zone) == ("office", "Europe/Berlin")
    assert rules.weekly == (((540, 750), (795, 1020)), (), (), (), (), (), ((0, 1440),))
    assert rules.dates == {date(2026, 4, 3)}
    assert rules.yearly == {(12, 25), (2, 29)}
    assert rules.shifts == {date(2026, 12, 24): ((540, 720),), date(2026, 12, 31): ()}
    days = rules.country_holidays(2026).keys()
    assert {date(2026, 3, 8), date(2026, 11, 26)} <= days
    assert date(2026, 7, 3) in days, "observed days count: 4 July 2026 is a Saturday"
    assert {day.year for day in days} == {2026}


def test_a_calendar_of_shifts_alone_is_open(tmp_path: Path) -> None:
    text = calendar('{timeZone: UTC, shifts: {2026-12-24: ["09:00-12:00"]}}')
    assert catalogue(tmp_path, text).calendars["office"].rules.weekly == ((),) * 7


def test_a_duration_is_read(tmp_path: Path) -> None:
    text = kpi("""
        item: ticket
        measure: duration
        start: {changes: team}
        stop:
          - {event: ticket.replied, where: {actor: agent, score: [1, 2.50, null]}, nth: 5}
          - {event: ticket.solved}
        pause: [{status: [pending, on-hold]}, {team: {not: [a, b]}, vip: {not: true}}]
        repeat: true
        reopen: new-cycle
        """)
    found = catalogue(tmp_path, text).kpis["response"]
    assert (found.name, found.item, found.measure) == ("response", "ticket", MeasureKind.DURATION)
    assert found.start == (Milestone(changes="team"),)
    values = (1, Decimal("2.50"), None)
    where = Matcher((("actor", Choice(("agent",))), ("score", Choice(values))))
    assert found.stop == (Milestone("ticket.replied", where, nth=5), Milestone("ticket.solved"))
    others = (("team", Choice(("a", "b"), negated=True)), ("vip", Choice((True,), negated=True)))
    assert found.pause == (Matcher((("status", Choice(("pending", "on-hold"))),)), Matcher(others))
    assert (found.repeat, found.reopen) == (True, Reopen.NEW_CYCLE)


def test_a_sum_and_a_mean_are_read(tmp_path: Path) -> None:
    revenue = kpi(
        "{item: lead, measure: sum, event: {event: lead.won, nth: 2}, field: amount}", "revenue"
    )
    found = catalogue(tmp_path, revenue, SCORE).kpis
    assert (found["revenue"].measure, found["revenue"].field) == (MeasureKind.SUM, "amount")
    assert found["revenue"].event == (Milestone("lead.won", nth=2),)
    assert (found["score"].measure, found["score"].field) == (MeasureKind.MEAN, "score")


def test_a_ratio_is_read(tmp_path: Path) -> None:
    found = catalogue(tmp_path, CONVERSION, COHORT).kpis
    plain, cohort = found["conversion"], found["cohort"]
    for own in (plain, cohort):
        assert own.measure is MeasureKind.RATIO
        assert own.good == (Milestone("ticket.solved"),)
        assert own.total == (Milestone("ticket.created"),)
    assert (plain.cohort, plain.within) == (False, None)
    assert (cohort.cohort, cohort.within) == (True, 30 * DAY)


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ("{calendar: quarter}", CalendarWindow(Period.QUARTER, "UTC")),
        ("{rolling: P7D, step: PT1H}", RollingWindow(7 * DAY, HOUR)),
        ("{step: P1D, rolling: PT24H}", RollingWindow(DAY, DAY)),
        ("{rolling: PT2500M, step: PT1M}", RollingWindow(2500 * MINUTE, MINUTE)),
        ("{rolling: P36525D, step: P15D}", RollingWindow(36_525 * DAY, 15 * DAY)),
        ("{tumbling: PT90M}", TumblingWindow(90 * MINUTE)),
        ("{tumbling: PT1S}", TumblingWindow(SECOND)),
        ("{tumbling: P366D}", TumblingWindow(366 * DAY)),
    ],
)
def test_a_window_is_read(tmp_path: Path, written: str, window: object) -> None:
    text = promising(first_response(window=written))
    (own,) = catalogue(tmp_path, text, RESPONSE).agreements["acme"].versions[0].objectives
    assert own.window == window


@pytest.mark.parametrize(
    ("kpi_name", "written", "target"),
    [
        (
            "response",
            '{percentile: "0.9", atMost: PT30M}',
            Percentile(Fraction(9, 10), OpenTime(30 * MINUTE)),
        ),
        ("response", "{percentile: 1, atMost: P1D}", Percentile(Fraction(1), OpenTime(DAY))),
        (
            "response",
            "{percentile: 0.5, atMost: {endOfWorkingDay: 1}}",
            Percentile(Fraction(1, 2), EndOfWorkingDay(1)),
        ),
        ("response", "{mean: true, atMost: PT30M}", Mean(30 * MINUTE)),
        ("reopened", "{atMost: 0}", AtMost(Fraction(0))),
        ("score", "{atLeast: -4.5}", AtLeast(Fraction(-9, 2))),
        ("conversion", "{atMost: 1.5}", AtMost(Fraction(3, 2))),
        ("cohort", '{atLeast: "0.25"}', AtLeast(Fraction(1, 4))),
        ("cohort", "{atMost: 1}", AtMost(Fraction(1))),
    ],
)
def test_a_target_is_read(tmp_path: Path, kpi_name: str, written: str, target: object) -> None:
    text = promising(first_response(kpi=kpi_name, target=written, minimum="2"))
    found = catalogue(tmp_path, text, RESPONSE, REOPENED, SCORE, CONVERSION, COHORT)
    (own,) = found.agreements["acme"].versions[0].objectives
    assert (own.target, own.minimum) == (target, 2)


def test_a_clock_counts_where_it_was_decided_or_started(tmp_path: Path) -> None:
    objectives = [first_response(name="a"), first_response(name="b", attribution="started")]
    found = catalogue(tmp_path, promising("\n- ".join(objectives)), RESPONSE)
    decided, started = found.agreements["acme"].versions[0].objectives
    assert (decided.attribution, started.attribution) == tuple(Attribution)
    assert (decided.started, started.started) == (False, True)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = catalogue(tmp_path, promising(first_response()), RESPONSE)
    (version,) = found.agreements["acme"].versions
    assert (version.level, version.type) == (Level.CUSTOMER, AgreementType.SLA)
    assert (version.applies_to, version.precedence, version.until) == (Matcher(), 0, None)
    assert version.calendar is ALWAYS
    assert found.calendars["always"] is ALWAYS
    (objective,) = version.objectives
    assert objective.target == Within(OpenTime(HOUR), Fraction(1))
    assert objective.window == CalendarWindow(Period.MONTH, "UTC")
    assert (objective.where, objective.group_by, objective.minimum) == (Matcher(), (), 1)
    assert objective.at_risk == AtRisk(Fraction(4, 5), Fraction(4, 5))
    assert (objective.on_change, objective.pace) == (OnChange.CARRY, None)
    (start,) = objective.kpi.start
    assert start.nth is None
    assert (objective.kpi.repeat, objective.kpi.reopen) == (False, Reopen.IGNORE)


def test_everything_that_can_be_written_is_read(tmp_path: Path) -> None:
    objective = first_response(
        kpi="reopened",
        where="{priority: p1}",
        target='{atLeast: "2.5"}',
        window="{calendar: week, timeZone: America/New_York}",
        minimum='"3"',
        atRisk='{budgetConsumed: 0.5, elapsed: "0.75"}',
        onChange="keep",
        attribution="decided",
        pace="{tolerance: 0.1}",
        groupBy="[team, site]",
        series="mine",
    )
    more = "type: uc\nappliesTo: {customer: acme}\nprecedence: -2\ncalendar: office\n"
    found = catalogue(tmp_path, promising(objective, more=more), REOPENED, OFFICE)
    (version,) = found.agreements["acme"].versions
    assert (version.type, version.precedence) == (AgreementType.UC, -2)
    assert (version.provider, version.customer) == ("support", "acme")
    assert version.calendar is found.calendars["office"]
    (own,) = version.objectives
    assert own.target == AtLeast(Fraction(5, 2))
    assert own.window == CalendarWindow(Period.WEEK, "America/New_York")
    assert own.at_risk == AtRisk(Fraction(1, 2), Fraction(3, 4))
    assert (own.minimum, own.pace, own.group_by) == (3, Fraction(1, 10), ("team", "site"))
    assert own.on_change is OnChange.KEEP


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        ("PT4H", OpenTime(4 * HOUR)),
        ("PT1H30M", OpenTime(HOUR * 3 // 2)),
        ("PT0.5S", OpenTime(SECOND // 2)),
        ("PT0S", OpenTime(0)),
        ("P1DT1H", OpenTime(DAY + HOUR)),
        ("P2W", OpenTime(14 * DAY)),
        ("PT876601H", OpenTime(876_601 * HOUR)),
        ("{workingDays: 2}", WorkingDays(2)),
        ("{endOfWorkingDay: 0}", EndOfWorkingDay(0)),
    ],
)
def test_a_duration_means(tmp_path: Path, written: str, duration: object) -> None:
    text = promising(first_response(target=f"{{within: {written}}}"))
    (own,) = catalogue(tmp_path, text, RESPONSE).agreements["acme"].versions[0].objectives
    assert own.target == Within(duration, Fraction(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kpi_name", "written", "shown"),
    [
        ("response", "{within: PT1H}", '{"within": "PT1H"}'),
        ("response", '{within: PT1H, ratio: "0.950"}', '{"within": "PT1H", "ratio": "0.950"}'),
        ("response", "{ratio: 0.950, within: PT1H}", '{"ratio": 0.950, "within": "PT1H"}'),
        ("response", "{within: {workingDays: 2}}", '{"within": {"workingDays": 2}}'),
        ("reopened", "{atMost: 5}", '{"atMost": 5}'),
        ("reopened", '{atMost: "5"}', '{"atMost": "5"}'),
    ],
)
def test_a_target_is_shown_as_it_is_written(
    tmp_path: Path, kpi_name: str, written: str, shown: str
) -> None:
    text = promising(first_response(kpi=kpi_name, target=written))
    found = catalogue(tmp_path, text, RESPONSE, REOPENED)
    (own,) = found.agreements["acme"].versions[0].objectives
    text_of_numbers = {"0.950": Decimal("0.950")}
    assert own.target_text == json.loads(shown, parse_float=text_of_numbers.__getitem__)
    assert json.dumps(own.target_text, default=str).replace('"', "") == shown.replace('"', "")


def test_a_version_holds_its_document_as_written(tmp_path: Path) -> None:
    found = catalogue(tmp_path, promising(first_response()), RESPONSE)
    document = found.agreements["acme"].versions[0].document
    assert list(document) == ["level", "parties", "effective", "objectives"]
    assert document["effective"] == {"from": "2026-01-01T00:00:00Z"}


def test_objectives_of_one_kpi_with_within_are_one_series(tmp_path: Path) -> None:
    other = RESPONSE.replace("{name: response}", "{name: other}")
    objectives = [
        first_response(name="a"),
        first_response(name="b"),
        first_response(name="c", series="x"),
        first_response(name="d", series="x"),
        first_response(name="e", kpi="other"),
        first_response(name="f", kpi="reopened", target="{atMost: 1}"),
        first_response(name="g", kpi="reopened", target="{atMost: 2}"),
        first_response(name="x"),
        first_response(name="p", target="{percentile: 0.5, atMost: PT1H}"),
        first_response(name="m", target="{mean: true, atMost: PT1H}"),
    ]
    text = promising("\n- ".join(objectives))
    found = catalogue(tmp_path, text, RESPONSE, REOPENED, other)
    series: dict[str, str] = {}
    for own in found.agreements["acme"].versions[0].objectives:
        series[own.series] = series.get(own.series, "") + own.name
    assert list(series.values()) == ["abx", "cd", "e", "f", "g", "p", "m"]


def test_a_folder_is_read_recursively_without_what_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep" / "er" / "kpi.yml").write_text(RESPONSE)
    (tmp_path / "a.yaml").write_text(promising(first_response()))
    (tmp_path / ".git" / "b.yaml").write_text("not: a document")
    (tmp_path / ".hidden.yaml").write_text("not: a document")
    (tmp_path / "README.md").write_text("not a document")
    (tmp_path / "folder.yaml").mkdir()
    assert load(tmp_path).problems == ()
    assert load(tmp_path / "deep" / "er" / "kpi.yml").problems == ()


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "kpi.yaml").write_text(RESPONSE)
    (tmp_path / "kpi.yaml").symlink_to(tmp_path / "..data" / "kpi.yaml")
    found = load(tmp_path).catalogue
    assert found is not None
    assert list(found.kpis) == ["response"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_path_without_documents_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (problem,) = load(tmp_path / name).problems
    assert str(problem).startswith(f"{tmp_path / name}:1: there is no ")


def digest(folder: Path, **files: str) -> str:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    found = load(folder).catalogue
    assert found is not None
    return found.digest


def test_the_digest_is_that_of_the_meaning(tmp_path: Path) -> None:
    promise = promising(first_response(), more="calendar: office\n")
    whole = digest(tmp_path / "a", one=f"{promise}---\n{RESPONSE}---\n{OFFICE}")
    apart = digest(
        tmp_path / "b",
        x=OFFICE,
        y=RESPONSE + "# a remark\n",
        z=promise.replace("level: customer", "type: sla\n  level:   'customer'"),
    )
    assert whole == apart


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PT1H", "PT2H"),
        ("09:00-17:00", "09:00-17:30"),
        ("ticket.replied", "ticket.solved"),
        ("level: customer", "level: service"),
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        ("provider: support", "provider: desk"),
        ("calendar: month}", "tumbling: P30D}"),
        ("{within: PT1H}", "{percentile: 1, atMost: PT1H}"),
        ("calendar: month}", "calendar: month}, attribution: started"),
    ],
)
def test_another_meaning_has_another_digest(tmp_path: Path, old: str, new: str) -> None:
    text = "---\n".join((promising(first_response(), more="calendar: office\n"), RESPONSE, OFFICE))
    assert text.count(old) == 1
    assert digest(tmp_path / "a", one=text) != digest(tmp_path / "b", one=text.replace(old, new))


def test_a_number_has_one_digest_however_it_is_written(tmp_path: Path) -> None:
    texts = ("1", "1.0", "1e0", '"1"', "true", "2")
    promises = [promising(first_response(where=f"{{size: {text}}}")) for text in texts]
    found = [digest(tmp_path / str(n), a=p, b=RESPONSE) for n, p in enumerate(promises)]
    assert found[0] == found[1] == found[2]
    assert len(set(found)) == 4


def test_other_public_holidays_have_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = OFFICE
    with_them = OFFICE.rstrip() + "\n  holidays: {countries: [{country: DE}]}\n"
    before = [digest(tmp_path / name, a=text) for name, text in (("a", without), ("b", with_them))]
    monkeypatch.setattr("shared.documents.digest.PACKAGE_VERSION", "another")
    after = [digest(tmp_path / name, a=text) for name, text in (("c", without), ("d", with_them))]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False]


def test_the_example_company_loads() -> None:
    found = load(ROOT / "deploy" / "agreements")
    assert found.problems == ()
    assert found.catalogue is not None
    versions = [v for own in found.catalogue.agreements.values() for v in own.versions]
    assert {version.level for version in versions} == set(Level)
    assert {version.type for version in versions} == set(AgreementType)
    targets = {type(own.target) for version in versions for own in version.objectives}
    assert targets >= {Within, AtLeast, AtMost}
    used = {own.kpi.name for version in versions for own in version.objectives}
    assert used == set(found.catalogue.kpis)
