"""Rolling windows against brute force: what slides in and out, and breaches from end to end."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instant import HOUR
from shared.domain.rolling import Episode, episodes, slide
from shared.domain.window import RollingWindow, Span

WINDOWS = st.builds(
    lambda step, n: RollingWindow(step * n, step), st.integers(1, 3), st.integers(1, 6)
)
PLACES = st.lists(st.integers(-20, 40), unique=True, max_size=8)
HOURLY = RollingWindow(3 * HOUR, HOUR)


def at_hour(hour: int) -> Span:
    """The window of three hours that ends at this hour."""
    return Span((hour - 3) * HOUR, hour * HOUR)


def hours(instants: tuple[int, ...]) -> list[int]:
    return [instant // HOUR for instant in instants]


@given(WINDOWS, PLACES, st.integers(-25, 50))
def test_a_slide_is_every_window_that_holds_a_pane_and_what_is_in_it(
    window: RollingWindow, places: list[int], last: int
) -> None:
    panes = {place * window.step: 2**n for n, place in enumerate(places)}
    last_end = last * window.step
    expected = []
    for end in range(-20 * window.step, last_end + 1, window.step):
        inside = [start for start in panes if end - window.length <= start < end]
        if inside:
            expected.append((Span(end - window.length, end), sum(panes[s] for s in inside)))
    found, total = [], 0
    seen: set[int] = set()
    for span, entered, left in slide(window, panes, Span(last_end - window.length, last_end)):
        assert list(entered) == sorted(entered)
        assert seen.isdisjoint(entered)
        assert seen.issuperset(left)
        seen |= set(entered)
        total += sum(panes[start] for start in entered) - sum(panes[start] for start in left)
        found.append((span, total))
    assert found == expected


def test_a_pane_slides_through_as_many_windows_as_a_window_has_steps() -> None:
    found = list(slide(HOURLY, [4 * HOUR], at_hour(99)))
    assert [own.span for own in found] == [at_hour(5), at_hour(6), at_hour(7)]
    assert [hours(own.entered) for own in found] == [[4], [], []]
    assert [own.left for own in found] == [(), (), ()]


def test_windows_between_far_panes_are_left_out_and_what_left_there_is_told_with_the_next() -> None:
    found = list(slide(HOURLY, [0, 50 * HOUR], at_hour(52)))
    assert [own.span for own in found] == [at_hour(n) for n in (1, 2, 3, 51, 52)]
    assert [(hours(own.entered), hours(own.left)) for own in found][3] == ([50], [0])


def test_a_length_of_one_step_is_one_window_for_each_pane() -> None:
    single = RollingWindow(HOUR, HOUR)
    found = list(slide(single, [0, HOUR, 5 * HOUR], Span(9 * HOUR, 10 * HOUR)))
    assert [own.span.start for own in found] == [0, HOUR, 5 * HOUR]
    assert [(hours(own.entered), hours(own.left)) for own in found] == [
        ([0], []),
        ([1], [0]),
        ([5], [1]),
    ]


def test_panes_after_the_last_window_do_not_come_in() -> None:
    assert list(slide(HOURLY, [5 * HOUR], at_hour(5))) == []
    assert [own.span for own in slide(HOURLY, [4 * HOUR, 5 * HOUR], at_hour(5))] == [at_hour(5)]
    assert list(slide(HOURLY, [], at_hour(5))) == []


@pytest.mark.parametrize(
    ("judged", "now", "expected"),
    [
        ([(5, True), (6, False)], 9, [(5, 6)]),
        ([(5, True), (6, True), (7, False)], 9, [(5, 7)]),
        ([(5, True)], 9, [(5, 6)]),
        ([(5, True)], 6, [(5, 6)]),
        ([(5, True)], 5, [(5, None)]),
        ([(5, True), (6, True)], 6, [(5, None)]),
        ([(5, True), (6, False)], 5, [(5, None)]),
        ([(5, True), (6, False)], 4, []),
        ([(5, True), (6, True), (7, True)], 6, [(5, None)]),
        ([(5, True), (7, True)], 9, [(5, 6), (7, 8)]),
        ([(5, True), (8, True)], 8, [(5, 6), (8, None)]),
        ([(5, False), (6, True), (7, False), (8, True)], 8, [(6, 7), (8, None)]),
        ([(5, True), (6, False), (7, False)], 9, [(5, 6)]),
        ([], 9, []),
    ],
)
def test_a_breach_runs_from_the_end_of_a_window_that_misses_to_that_of_one_that_does_not(
    judged: list[tuple[int, bool]], now: int, expected: list[tuple[int, int | None]]
) -> None:
    spans = [(at_hour(end), at_hour(end), missing) for end, missing in judged]
    found = episodes(HOURLY, spans, now=now * HOUR)
    assert found == [
        Episode(at_hour(opened), opened * HOUR, None if closed is None else closed * HOUR)
        for opened, closed in expected
    ]


def test_the_last_instant_before_an_end_still_leaves_a_breach_open() -> None:
    judged = [(at_hour(5), at_hour(5), True)]
    assert episodes(HOURLY, judged, now=6 * HOUR - 1)[0].closed_at is None
    assert episodes(HOURLY, judged, now=6 * HOUR)[0].closed_at == 6 * HOUR
    assert episodes(HOURLY, judged, now=5 * HOUR - 1) == []


def joined(
    window: RollingWindow, judged: list[tuple[Span, Span, bool]]
) -> Iterator[tuple[Span, Span, bool]]:
    """Windows that follow each other and judge alike, as one."""
    run: tuple[Span, Span, bool] | None = None
    for first, last, missing in judged:
        if run is not None and run[2] is missing and run[1].end + window.step == first.end:
            run = (run[0], last, missing)
            continue
        if run is not None:
            yield run
        run = (first, last, missing)
    if run is not None:
        yield run


@given(
    WINDOWS, st.dictionaries(st.integers(-5, 20), st.booleans(), max_size=14), st.integers(-60, 80)
)
def test_breaches_are_the_longest_runs_of_ended_windows_that_miss(
    window: RollingWindow, judged: dict[int, bool], now: int
) -> None:
    def span(end: int) -> Span:
        return Span(end - window.length, end)

    in_order = [(span(n * window.step), span(n * window.step), judged[n]) for n in sorted(judged)]
    found = episodes(window, in_order, now=now)
    assert episodes(window, joined(window, in_order), now=now) == found
    missing = {n * window.step for n, misses in judged.items() if misses if n * window.step <= now}
    covered = set()
    for own in found:
        assert own.window == span(own.opened_at)
        assert own.opened_at - window.step not in missing
        end = own.opened_at
        while end in missing:
            covered.add(end)
            end += window.step
        assert own.closed_at == (end if end <= now else None)
    assert covered == missing
    assert all(a.opened_at < b.opened_at for a, b in pairwise(found))
