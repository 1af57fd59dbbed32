"""What an objective promises, as reports say it above its windows; reviews keep it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from services.api.reading.objectives import Served
from shared.domain.comparison import unit_of
from shared.domain.instant import Instant
from shared.domain.window_words import target_words
from shared.wire.results import encode, window_text


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a reported objective that its document says."""

    kpi: str
    measure: str
    unit: str
    promise: str
    target: Mapping[str, object]
    window: Mapping[str, str]


_decoder: Final = msgspec.json.Decoder(Promised, float_hook=Decimal)


def promised_by(served: Served, at: Instant) -> Promised:
    """What the version promises that judges at the instant."""
    _, objective = served.judged_by(at)
    return Promised(
        kpi=served.kpi.name,
        measure=served.kpi.measure.value,
        unit=unit_of(objective).value,
        promise=target_words(objective),
        target=objective.target_text,
        window=window_text(served.window),
    )


def promised_text(served: Served, at: Instant) -> str:
    """The same as a review keeps it."""
    return encode(promised_by(served, at)).decode()


def read_promised(text: str) -> Promised:
    """Read what `promised_text` wrote."""
    return _decoder.decode(text)
