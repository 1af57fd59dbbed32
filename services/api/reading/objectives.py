"""The objectives that the api serves: those of the loaded documents, found by filters or sla_id."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import unquote

from services.api.reading.restriction import is_about, shown_agreement
from shared.domain.agreement import (
    Agreement,
    Catalogue,
    Kpi,
    Objective,
    Version,
    objective_id,
)
from shared.domain.instant import Instant
from shared.domain.matcher import Matcher, as_text
from shared.domain.window import Window
from shared.wire.groups import group_text
from shared.wire.pane_keys import pane_key
from shared.wire.results import window_label

EMPTY: Final = "~"
"""How an empty group value is written in an sla_id."""
_VIEWS: Final = 256
"""Sets of customers whose objectives are remembered."""


@dataclass(frozen=True, eq=False)
class Served:
    """One objective of the documents, over all versions of its agreement.

    `built` is the generation of documents that its panes were built for.
    """

    agreement: Agreement
    name: str
    built: int = 0

    @cached_property
    def key(self) -> str:
        """`<agreement>/<objective>`, as in the tables."""
        return objective_id(self.agreement.name, self.name)

    @cached_property
    def pane_key(self) -> str:
        """The key of its panes and its entries in the ledger."""
        return pane_key(self.key, self.built)

    @cached_property
    def _any_version(self) -> Objective:
        return self.judged_by(self.agreement.versions[0].start)[1]

    @property
    def group_by(self) -> tuple[str, ...]:
        """The attributes of its groups, the same in all versions."""
        return self._any_version.group_by

    @property
    def customer_at(self) -> int | None:
        """The place of the customer among its group values; None where it is not grouped by it."""
        return self.group_by.index("customer") if "customer" in self.group_by else None

    @property
    def window(self) -> Window:
        """Its window, the same in all versions."""
        return self._any_version.window

    @property
    def window_label(self) -> str:
        """Its kind of window in one word: `month`, or the length as `P7D`."""
        return window_label(self.window)

    @property
    def kpi(self) -> Kpi:
        """Its KPI, the same in all versions."""
        return self._any_version.kpi

    def judged_by(self, instant: Instant) -> tuple[Version, Objective]:
        """The version that judges at the instant, and this objective in it."""
        return self.agreement.judging(self.name, instant)

    def concerning(self, attribute: str, group: Mapping[str, str], version: Version) -> str:
        """Which `customer` or `service` a group of it is about; empty when it is about all."""
        if attribute in group:
            return group[attribute]
        own = version.objective(self.name)
        matchers = (version.applies_to, Matcher() if own is None else own.where)
        pinned = [
            as_text(value)
            for matcher in matchers
            for name, choice in matcher.choices
            if name == attribute and not choice.negated
            for value in choice.values
        ]
        if not pinned and attribute == "customer":
            return version.customer
        return ",".join(dict.fromkeys(pinned))


@dataclass(frozen=True, slots=True)
class Group:
    """One group of one objective: what an sla_id names."""

    served: Served
    values: tuple[str, ...]

    @property
    def stored(self) -> str:
        """The group values as the tables hold them."""
        return group_text(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which objectives are wanted; an empty member does not ask for anything."""

    sla_id: Sequence[Group] = ()
    agreement: Collection[str] = ()
    objective: Collection[str] = ()
    type: Collection[str] = ()
    customer: Collection[str] = ()
    service: Collection[str] = ()

    @property
    def ask_for_anything(self) -> bool:
        """Whether they are not empty altogether."""
        asked = (self.sla_id, self.agreement, self.objective, self.type)
        return any((*asked, self.customer, self.service))


@dataclass(frozen=True, slots=True)
class Choice:
    """An objective that filters chose, perhaps only some of its groups.

    `customer_at` and `service_at` are the places of the group values that have to be among those
    asked for; None where the objective as a whole is for them, or nothing was asked.
    """

    served: Served
    customer_at: int | None = None
    service_at: int | None = None


class Objectives:
    """All objectives of a catalogue, in the contract's order (agreement, then objective).

    With `customers` only what is about one of these: the others are as if they did not exist.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        built: Mapping[str, int] | None = None,
        customers: frozenset[str] | None = None,
    ) -> None:
        """Take them from the documents; `built` says by name for which generation each is."""
        self._built = built or {}
        self.catalogue = catalogue
        self.customers = customers
        self._views: dict[frozenset[str], Objectives] = {}
        self._by_key = {
            served.key: served
            for agreement in sorted(catalogue.agreements.values(), key=lambda own: own.name)
            for name in sorted(agreement.objective_names)
            if customers is None or is_about(agreement, name, customers)
            for served in (
                Served(agreement, name, self._built.get(objective_id(agreement.name, name), 0)),
            )
        }

    def seen_by(self, customers: frozenset[str] | None) -> "Objectives":
        """Those that somebody may see who may see these customers alone; None: all of these."""
        if customers is None:
            return self
        if customers not in self._views:
            if len(self._views) >= _VIEWS:
                self._views.clear()
            self._views[customers] = Objectives(self.catalogue, self._built, customers)
        return self._views[customers]

    @cached_property
    def agreements(self) -> Mapping[str, Agreement]:
        """The agreements by name, as far as they may be seen."""
        if self.customers is None:
            return self.catalogue.agreements
        names = dict.fromkeys(served.agreement.name for served in self)
        return {
            name: shown_agreement(self.catalogue.agreements[name], self.customers) for name in names
        }

    def customers_among(self, asked: Collection[str]) -> list[str]:
        """Of the customers that are asked for (none: all) those that may be seen."""
        if self.customers is None:
            return list(asked)
        return [own for own in sorted(self.customers) if not asked or own in asked]

    def choice(self, served: Served) -> "Choice":
        """All groups of an objective that may be seen."""
        return Choice(served, None if self.customers is None else served.customer_at)

    def shows(self, key: str, group: Sequence[str]) -> bool:
        """Whether the group of this objective may be seen."""
        served = self._by_key.get(key)
        if served is None:
            return False
        at = served.customer_at
        if self.customers is None or at is None:
            return True
        return at < len(group) and group[at] in self.customers

    @cached_property
    def _every_choice(self) -> list["Choice"]:
        """All that may be seen: shared by all who ask for it, for they keep it."""
        return [self.choice(served) for served in self]

    @property
    def keys(self) -> list[str]:
        """The keys of all, in order."""
        return list(self._by_key)

    @cached_property
    def pane_keys(self) -> Mapping[str, str]:
        """The keys of the panes of all, by key."""
        return {served.key: served.pane_key for served in self}

    @cached_property
    def named_first(self) -> Sequence[Served]:
        """All, those that documents name alone before those with groups that events bring about."""
        return sorted(self, key=lambda own: bool(own.group_by))

    def __iter__(self) -> Iterator[Served]:
        return iter(self._by_key.values())

    def __getitem__(self, key: str) -> Served:
        return self._by_key[key]

    def get(self, key: str) -> Served | None:
        """The objective of that key, if the documents have it."""
        return self._by_key.get(key)

    def group(self, sla_id: str) -> Group | None:
        """What an sla_id names; None when no objective of the documents can have it.

        Parts that are not percent-encoded are taken as they stand.
        """
        agreement, _, rest = sla_id.partition("/")
        objective, *parts = rest.split("/")
        served = self._by_key.get(objective_id(agreement, objective))
        if served is None or len(parts) != len(served.group_by) or not all(parts):
            return None
        values = tuple("" if part == EMPTY else unquote(part) for part in parts)
        return Group(served, values) if self.shows(served.key, values) else None

    def choose(self, filters: Filters, at: Instant) -> list[Choice]:
        """The objectives that the filters choose, judged by their versions at the instant."""
        if not filters.ask_for_anything:
            return self._every_choice
        named = {group.served.key for group in filters.sla_id}
        choices: list[Choice] = []
        for served in self._by_key.values():
            if (
                (filters.sla_id and served.key not in named)
                or (filters.agreement and served.agreement.name not in filters.agreement)
                or (filters.objective and served.name not in filters.objective)
                or (filters.type and served.judged_by(at)[0].type.value not in filters.type)
            ):
                continue
            customer, fits_customer = _concerning(served, "customer", filters.customer, at)
            service, fits_service = _concerning(served, "service", filters.service, at)
            if fits_customer and fits_service:
                seen = self.choice(served).customer_at
                choices.append(Choice(served, seen if customer is None else customer, service))
        return choices


def _concerning(
    served: Served, attribute: str, wanted: Collection[str], at: Instant
) -> tuple[int | None, bool]:
    """Which group value decides (if one does), and whether the objective can be meant at all."""
    if not wanted:
        return None, True
    if attribute in served.group_by:
        return served.group_by.index(attribute), True
    version, objective = served.judged_by(at)
    meant = (attribute == "customer" and version.customer in wanted) or any(
        _pins(matcher, attribute, wanted) for matcher in (version.applies_to, objective.where)
    )
    return None, meant


def _pins(matcher: Matcher, attribute: str, wanted: Collection[str]) -> bool:
    return any(
        name == attribute
        and not choice.negated
        and any(as_text(value) in wanted for value in choice.values)
        for name, choice in matcher.choices
    )
