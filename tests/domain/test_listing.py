"""Which windows of a group are listed: with data, the current one, of a volume all between."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.agreement import Agreement, Kpi, Target
from shared.domain.instant import DAY, HOUR, MINUTE
from shared.domain.judge import windows
from shared.domain.window import CalendarWindow, Period, RollingWindow, Span, TumblingWindow, Window
from tests.domain.building import (
    ANSWER,
    HOURS_SPENT,
    RATING,
    RETURNS,
    SOLVED,
    a_version,
    an_agreement,
    an_objective,
    at,
    at_least,
    at_most,
    promising,
    within,
)

DAILY = CalendarWindow(Period.DAY, "UTC")
NOW = at("03-07 12:00")
PROMISES: list[tuple[Kpi, Target, bool]] = [
    (RETURNS, at_least(1), True),
    (HOURS_SPENT, at_least("0.5"), True),
    (RETURNS, at_most(1), False),
    (HOURS_SPENT, at_most(1), False),
    (RATING, at_least(1), False),
    (SOLVED, at_least(1), False),
    (ANSWER, within(), False),
]


def days(found: list[Span]) -> list[int]:
    """The days of March in which the windows end."""
    return [(span.end - at("03-01 00:00")) // DAY for span in found]


def test_of_a_volume_every_window_from_the_first_with_data_on_is_listed() -> None:
    data = [at("03-02 00:00"), at("03-05 00:00")]
    for kpi, target, volume in PROMISES:
        agreement = promising(an_objective(kpi=kpi, target=target, window=DAILY))
        grouped = days(windows(agreement, "o", data, grouped=True, now=NOW))
        whole = days(windows(agreement, "o", data, grouped=False, now=NOW))
        assert grouped == ([2, 3, 4, 5, 6, 7] if volume else [2, 5])
        assert whole == ([2, 3, 4, 5, 6, 7] if volume else [2, 5, 7])
        assert windows(agreement, "o", [], grouped=True, now=NOW) == []
        assert days(windows(agreement, "o", [], grouped=False, now=NOW)) == [7]


def test_rolling_windows_of_a_volume_are_listed_a_step_apart() -> None:
    rolling = RollingWindow(3 * DAY, DAY)
    least = promising(an_objective(kpi=RETURNS, target=at_least(1), window=rolling))
    most = promising(an_objective(kpi=RETURNS, target=at_most(1), window=rolling))
    data = [at("02-27 00:00"), at("03-02 00:00")]
    assert days(windows(least, "o", data, grouped=True, now=NOW)) == [1, 2, 3, 4, 5, 6, 7]
    assert days(windows(most, "o", data, grouped=True, now=NOW)) == [1, 4]
    assert days(windows(most, "o", data, grouped=False, now=NOW)) == [1, 4, 7]


def test_a_start_that_no_window_has_is_left_out() -> None:
    agreement = promising(an_objective(window=DAILY))
    starts = [at("03-02 00:00"), at("03-03 00:00") + 1]
    assert days(windows(agreement, "o", starts, grouped=True, now=NOW)) == [2]


def test_a_window_outside_every_effective_period_is_listed_only_where_something_counts() -> None:
    agreement = an_agreement(a_version(an_objective(window=DAILY), until="03-07 00:00"))
    assert windows(agreement, "o", [], grouped=False, now=NOW) == []
    assert days(windows(agreement, "o", [at("03-07 00:00")], grouped=False, now=NOW)) == [7]
    assert days(windows(agreement, "o", [], grouped=False, now=at("03-07 00:00") - 1)) == [6]


def test_of_a_volume_the_last_2500_are_listed_and_what_has_data_before_them() -> None:
    least = an_objective(kpi=RETURNS, target=at_least(1), window=DAILY)
    agreement = an_agreement(a_version(least, start="0001-01-01T00:00:00Z"))
    long_ago, now = at("0002-01-01T00:00:00Z"), at("03-11 00:00")
    found = windows(agreement, "o", [long_ago], grouped=True, now=now)
    last = [Span(now - n * DAY, now - n * DAY + DAY) for n in reversed(range(2_500))]
    assert found == [DAILY.pane(long_ago), *last]


def test_exactly_2500_rolling_windows_are_listed_and_not_one_more_without_data() -> None:
    rolling = RollingWindow(2_500 * MINUTE, MINUTE)
    agreement = promising(an_objective(kpi=RETURNS, target=at_least(1), window=rolling))
    last = rolling.current(NOW)
    for more, expected in ((-1, 2_499), (0, 2_500), (1, 2_501), (2, 2_501)):
        first = last.start - (2_499 + more) * MINUTE
        found = windows(agreement, "o", [first], grouped=True, now=NOW)
        assert (len(found), found[0].start, found[-1]) == (expected, first, last)
        assert found[1].start == max(first + MINUTE, last.start - 2_499 * MINUTE)


def test_what_has_data_after_the_agreement_ended_is_among_the_last_2500() -> None:
    short = TumblingWindow(MINUTE)
    least = an_objective(kpi=RETURNS, target=at_least(1), window=short)
    until = at("03-06 00:00")
    agreement = an_agreement(a_version(least, until="03-06 00:00"))
    first = until - 3_000 * MINUTE
    late = [NOW - n * MINUTE for n in range(10)]
    found = windows(agreement, "o", [first, *late], grouped=True, now=NOW)
    without = [Span(until - n * MINUTE, until - (n - 1) * MINUTE) for n in range(1, 2_491)]
    assert found == sorted([short.pane(first), *map(short.pane, late), *without])


def test_nothing_is_looked_for_beyond_the_last_years() -> None:
    yearly = CalendarWindow(Period.YEAR, "UTC")
    agreement = promising(an_objective(kpi=RETURNS, target=at_least(1), window=yearly))
    end = at("9998-12-30T00:00:00Z")
    assert windows(agreement, "o", [], grouped=False, now=end) == [yearly.pane(end)]


SMALL = st.integers(1, 4)
WINDOWS = st.one_of(
    st.builds(lambda step, n: RollingWindow(step * n * HOUR, step * HOUR), SMALL, SMALL),
    st.builds(lambda length: TumblingWindow(length * HOUR), SMALL),
)
EDGES = st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True).map(sorted)


def alternating(edges: list[int], target: Target, window: Window) -> Agreement:
    """Versions from these hours on, of which every other one has the objective."""
    own = an_objective(kpi=RETURNS, target=target, window=window)
    other = an_objective("other", kpi=RETURNS, target=target, window=window)
    starts = [at("00:00") + hour * HOUR for hour in edges]
    return an_agreement(
        *[
            replace(a_version(other if n % 2 else own), start=start, until=until)
            for n, (start, until) in enumerate(zip(starts, [*starts[1:], None], strict=True))
        ]
    )


@given(WINDOWS, EDGES, st.sets(st.integers(-5, 33), max_size=5), st.integers(0, 33), st.booleans())
def test_listed_are_those_that_exist_or_have_data(
    window: TumblingWindow | RollingWindow,
    edges: list[int],
    counts: set[int],
    hour: int,
    grouped: bool,  # noqa: FBT001
) -> None:
    begin = at("00:00")
    now = begin + hour * HOUR
    step = window.step if isinstance(window, RollingWindow) else window.length
    first = (begin - 40 * HOUR) // step * step
    current = window.current(now)
    every = [Span(s, s + window.length) for s in range(first, current.start + 1, step)]
    instants = [begin + n * HOUR for n in counts if n <= hour]
    data = [span for span in every if any(span.start <= i < span.end for i in instants)]
    ends = [*edges[1:], 10**6]
    periods = [(begin + a * HOUR, begin + b * HOUR) for a, b in zip(edges, ends, strict=True)][::2]

    def exists(span: Span) -> bool:
        return any(span.start < end and start < span.end for start, end in periods)

    always = [current] if exists(current) and not grouped else []
    for target in (at_least(1), at_most(1)):
        agreement = alternating(edges, target, window)
        found = windows(agreement, "o", [s.start for s in data], grouped=grouped, now=now)
        expected = {*data, *always}
        if expected and target == at_least(1):
            expected |= {span for span in every if span >= min(expected) and exists(span)}
        assert found == sorted(expected)
