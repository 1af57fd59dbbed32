"""Query parameters of each list: their types, limits and meaning. Unknown names are refused."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.api.web.problems import UNKNOWN_PARAMETER, suggestion
from shared.domain.agreement import AgreementType, Level
from shared.domain.instant import Instant, parse_instant
from shared.domain.judge import State

LIMIT_DEFAULT: Final = 500
LIMIT_MAX: Final = 1000
_SORT: Final = "The order of the list; with `-` the other way round."


def _read_instant(text: object) -> object:
    # A plus sign that was not percent-encoded arrives as a space.
    return parse_instant(text.replace(" ", "+")) if isinstance(text, str) else text


At = Annotated[
    Instant,
    BeforeValidator(_read_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An RFC 3339 instant with an offset."""


CUSTOMER_MEANS: Final = (
    "The group's `customer` where grouped by it, else the agreement's customer or a customer that "
    "`appliesTo` or `where` asks for."
)
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text without NUL, which PostgreSQL does not hold: nothing can have it."""


def _read_whole(text: object) -> object:
    # Also 1_000, +1, 1.0, blanks and digits of other scripts would be taken for numbers.
    if isinstance(text, str) and not re.fullmatch("[0-9]{1,9}", text):
        message = "a whole number in digits is expected"
        raise ValueError(message)
    return text


Whole = Annotated[int, BeforeValidator(_read_whole)]
"""A whole number of at most nine digits."""


class BreachScope(StrEnum):
    """What is in breach: an item's clock or a window."""

    ITEM = "item"
    WINDOW = "window"


class StatesOrder(StrEnum):
    """By agreement, objective and group."""

    SLA_ID = "sla_id"
    SLA_ID_DESCENDING = "-sla_id"


class WindowsOrder(StrEnum):
    """By the start of the window."""

    WINDOW = "window"
    WINDOW_DESCENDING = "-window"


class BreachesOrder(StrEnum):
    """By when they opened, then by `breach_id`."""

    OPENED_AT = "opened_at"
    OPENED_AT_DESCENDING = "-opened_at"


class Parameters(BaseModel):
    """Parameters of one operation; a name that it does not have is refused with a suggestion."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown(cls, given: object) -> object:
        """Name what is not known, and what was perhaps meant."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        unknown = sorted(set(given) - set(known)) if isinstance(given, Mapping) else []
        if not unknown:
            return given
        named = ", ".join(
            f"{name!r} is no parameter here{suggestion(name, known)}" for name in unknown
        )
        message = f"{named} (known: {', '.join(known) or 'none'})"
        raise PydanticCustomError(UNKNOWN_PARAMETER, "{message}", {"message": message})


class NoParameters(Parameters):
    """An operation without parameters."""


class Page(Parameters):
    """The parameters of every list."""

    limit: Whole = Field(
        LIMIT_DEFAULT, ge=1, le=LIMIT_MAX, description="How many items a page has at most."
    )
    cursor: str | None = Field(
        None, description="`next` of the page before; opaque, and bound to the filters."
    )


class StateParameters(Parameters):
    """Which window of one objective's group."""

    window: At | None = Field(
        None,
        description="The start of the window; without it the one that holds `as_of`.",
        examples=["2026-02-28T23:00:00Z"],
    )


class StatesParameters(Page, StateParameters):
    """Filters of the states; each may be given several times, any of its values then fits."""

    sla_id: list[Text] = Field([], description="Exactly these.")
    agreement: list[Text] = Field([], description="The agreement's name.")
    objective: list[Text] = Field([], description="The objective's name inside its agreement.")
    level: list[Level] = Field([], description="The level of the version that judged.")
    type: list[AgreementType] = Field([], description="The type of the version that judges.")
    customer: list[Text] = Field([], description=CUSTOMER_MEANS)
    service: list[Text] = Field(
        [],
        description="The group's `service` where grouped by it, else a service that `appliesTo` "
        "or `where` asks for.",
    )
    state: list[State] = Field([], description="The state of the window.")
    sort: StatesOrder = Field(StatesOrder.SLA_ID, description=_SORT)


class BreachesParameters(Page):
    """Filters of the breaches."""

    sort: BreachesOrder = Field(BreachesOrder.OPENED_AT_DESCENDING, description=_SORT)
    scope: BreachScope | None = Field(None, description="Of items or of windows; both without.")
    open: bool | None = Field(None, description="True: still open; false: closed.")
    since: At | None = Field(None, description="Opened at or after this instant.")
    until: At | None = Field(None, description="Opened before this instant.")
    agreement: list[Text] = Field([], description="The agreement's name.")
    objective: list[Text] = Field([], description="The objective's name inside its agreement.")
    sla_id: list[Text] = Field([], description="Exactly these groups of objectives.")
    item: list[Text] = Field([], description="Breaches of these items.", examples=[["ticket:T-9"]])

    @model_validator(mode="after")
    def refuse_reversed(self) -> Self:
        """Nothing opens at or after an instant and before an earlier one."""
        if self.since is not None and self.until is not None and self.until < self.since:
            message = "until is before since"
            raise ValueError(message)
        return self


class OneObjectiveParameters(Page):
    """Whose windows."""

    sla_id: Text = Field(
        description="The objective's group.", examples=["acme-support/first-response-p1"]
    )


class ValuesParameters(OneObjectiveParameters):
    """Whose windows, and as of when they were spoken of."""

    sort: WindowsOrder = Field(WindowsOrder.WINDOW_DESCENDING, description=_SORT)
    known_at: At | None = Field(
        None,
        description="What was said at this instant: the windows that were final then, each with "
        "the last revision of that time.",
        examples=["2026-04-02T09:00:00Z"],
    )


class ValueItemsParameters(OneObjectiveParameters):
    """Whose items."""

    window: At | None = Field(
        None,
        description="The start of the window; without it the current one.",
        examples=["2026-02-28T23:00:00Z"],
    )


class ComparisonsParameters(Page):
    """What is compared."""

    kpi: Text = Field(description="The KPI's name.", examples=["ticket-first-response"])
    window: At | None = Field(
        None,
        description="The start of the windows; without it those that are current.",
        examples=["2026-02-28T23:00:00Z"],
    )


class ItemsParameters(Page):
    """Which item; without `subject` all of the kind."""

    kind: Text = Field(
        description="`lead` or `ticket`, or what else the events have.", examples=["ticket"]
    )
    subject: Text | None = Field(None, description="The subject of its events.", examples=["T-1"])
