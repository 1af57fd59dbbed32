"""Which windows and breaches belong into a report."""

from services.api.reading.objectives import Choice
from services.api.reports.composing import Asked
from services.api.reports.queries import Wish
from shared.domain.instant import Instant
from shared.domain.period import last_rolling, opened_of_ending, starts_of_ending
from shared.domain.window import RollingWindow, Span

_NONE = Span(0, 0)


def wish(asked: Asked, choice: Choice, as_of: Instant) -> Wish:
    """What is wanted of one objective.

    Of rolling windows that is the last one that ends in the period, or all of them. An item's
    breach belongs to the windows that count it: those that are listed; where windows overlap or
    none is listed, to the period.
    """
    window, period = choice.served.window, asked.period_of(choice.served)
    starts, opened = starts_of_ending(window, period), opened_of_ending(window, period)
    if not isinstance(window, RollingWindow):
        return Wish(choice, starts, starts, period, period, opened)
    listed, ended = starts, period
    if not asked.all_windows:
        last = last_rolling(window, period, as_of)
        listed = _NONE if last is None else Span(last.start, last.start + 1)
        ended = _NONE if last is None else Span(last.end - 1, last.end)
    return Wish(choice, listed, starts, ended, period, opened)
