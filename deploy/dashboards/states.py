"""The five states of a promise: how bad each is, its words and its colour.

The colours are told apart with any of the usual forms of colour blindness (`tests/deploy` measures
it), and are nowhere without a word or a number.
"""

from dataclasses import dataclass
from typing import Any, Final

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
AMBER: Final = "#F5B700"
VERMILLION: Final = "#D55E00"
GREY: Final = "#8E8E8E"


@dataclass(frozen=True, slots=True)
class State:
    """A value of the label `state` of `accord_sla_state`."""

    name: str
    severity: int
    text: str
    colour: str

    @property
    def title(self) -> str:
        """Its text at the head of a panel or a column."""
        return "OK" if self.text == "ok" else self.text.capitalize()


BREACHED: Final = State("breached", 4, "breached", VERMILLION)
AT_RISK: Final = State("at_risk", 3, "at risk", AMBER)
NO_DATA: Final = State("no_data", 2, "no data", GREY)
EXCLUDED: Final = State("excluded", 1, "excluded", SKY)
OK: Final = State("ok", 0, "ok", BLUE)

STATES: Final = (BREACHED, AT_RISK, NO_DATA, EXCLUDED, OK)
"""From the worst: what is not measured counts as worse than what is known to hold."""


def severities(*, of_several: bool = False) -> list[dict[str, Any]]:
    """Value mappings of severities; no value at all is "no data" too.

    Of several promises at once the worst is shown: then grey only says that not all are measured.
    """
    unmeasured = "not all measured" if of_several else NO_DATA.text
    known = {
        str(own.severity): {
            "text": unmeasured if own is NO_DATA else own.text,
            "color": own.colour,
            "index": place,
        }
        for place, own in enumerate(STATES)
    }
    return [{"type": "value", "options": known}, *nothing()]


def nothing() -> list[dict[str, Any]]:
    """The value mapping of no value."""
    result = {"text": NO_DATA.text, "color": NO_DATA.colour, "index": len(STATES)}
    return [{"type": "special", "options": {"match": "null+nan", "result": result}}]


def steps(*above: tuple[float, str]) -> dict[str, Any]:
    """Thresholds: the colour from each value on; grey below, which is what no value gets."""
    known = [{"value": value, "color": colour} for value, colour in above]
    return {"mode": "absolute", "steps": [{"value": None, "color": NO_DATA.colour}, *known]}
