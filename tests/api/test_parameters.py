"""Query parameters: instants as they arrive, and names that are not known."""

import pytest
from pydantic import ValidationError

from services.api.answering.parameters import StateParameters, StatesParameters
from shared.domain.instant import parse_instant


@pytest.mark.parametrize(
    "text", ["2026-03-01T00:00:00Z", "2026-03-01T01:00:00+01:00", "2026-03-01T01:00:00 01:00"]
)
def test_an_instant_is_read_with_its_offset_though_the_plus_sign_was_lost(text: str) -> None:
    read = StateParameters.model_validate({"window": text})
    assert read.window == parse_instant("2026-03-01T00:00:00Z")


def test_every_unknown_name_is_said_with_what_was_perhaps_meant() -> None:
    with pytest.raises(ValidationError) as refused:
        StatesParameters.model_validate({"agrement": "x", "zzz": "y", "level": ["service"]})
    (error,) = refused.value.errors()
    assert error["type"] == "unknown_parameter"
    assert "'agrement' is no parameter here; did you mean 'agreement'?" in error["msg"]
    assert "'zzz' is no parameter here" in error["msg"]
