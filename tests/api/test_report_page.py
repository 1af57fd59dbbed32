"""A report as a page: whatever names say, nothing runs and nothing is loaded from elsewhere."""

from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.api.reports.examples import REPORT
from services.api.reports.forms import Report
from services.api.reports.page import (
    STYLE_PATH,
    at_words,
    percent_words,
    report_page,
    style_text,
    value_words,
)

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}${jndi:ldap://x}"
VOID = {"meta", "link"}


class Elements(HTMLParser):
    """The elements of a page, each closed; texts and attributes as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; it is open until it is closed."""
        self.names.add(tag)
        self.text += " "
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Add up the text."""
        self.text += data


def a_report(**changed: Any) -> Report:  # noqa: ANN401 - members of JSON
    members = msgspec.json.decode(msgspec.json.encode(REPORT))
    return msgspec.convert({**members, **changed}, Report)


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def hostile() -> Report:
    members = msgspec.json.decode(msgspec.json.encode(REPORT))
    objective = members["objectives"][0]
    objective["windows"][0]["group"] = {"team": HOSTILE}
    objective["windows"][0]["sla_id"] = HOSTILE
    objective["windows"][0]["revision"] = 2
    members["totals"]["restated"] = 1
    objective["group_by"] = ["team"]
    objective["breaches"][0]["item"] = HOSTILE
    members["parties"] = {"provider": HOSTILE, "customer": HOSTILE}
    span = objective["windows"][0]["window"]
    marked = {"sla_id": HOSTILE, "window": span, "why": HOSTILE}
    out = {"sla_id": HOSTILE, "item": HOSTILE, "cycle": 2, "at": span["start"], "why": HOSTILE}
    gap = {"start": span["start"], "until": None, "reason": "x", "accepted_by": "b", "why": HOSTILE}
    members["exclusions"] = {
        "items_total": 9,
        "items": [out],
        "windows": [marked],
        "missing": [gap],
    }
    members["provisional"] = [marked]
    return msgspec.convert(members, Report)


def test_names_are_text_wherever_they_stand() -> None:
    found = elements(report_page(hostile()))
    assert "script" not in found.names
    assert "img" not in found.names
    assert "style" not in found.names
    assert not [name for _, name, _ in found.attributes if name.startswith("on") or name == "style"]
    assert found.text.count(HOSTILE) >= 10


def test_all_that_is_loaded_is_the_style_of_the_same_server() -> None:
    found = elements(report_page(a_report()))
    loaded = [value for _, name, value in found.attributes if name in ("src", "href")]
    assert [value for value in loaded if value and not value.startswith("#")] == [STYLE_PATH]


def test_as_a_file_it_has_its_style_in_it_and_loads_nothing() -> None:
    page = report_page(a_report(), style_path=None)
    found = elements(page)
    assert style_text() in page
    assert "link" not in found.names
    assert "url(" not in style_text()


def test_it_says_what_the_report_says() -> None:
    text = " ".join(elements(report_page(a_report())).text.split())
    for said in (
        "2026-03 ( 2026-03-01 00:00 +01:00 to 2026-04-01 00:00 +02:00)",
        "at least 95 % within 1 h",
        "97.5 %",
        "ticket:T-9 2026-03-04 11:00 +01:00 2026-03-04 12:30 +01:00 1 h 30 min",
        "Nothing was left out.",
    ):
        assert said in text, said


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ("0.975", "97.5 %"),
        ("0.666666666667", "66.6666666667 %"),
        ("1", "100 %"),
        ("0", "0 %"),
        ("-0.5", "-50 %"),
        (
            "1000000000000000000000000000000.000000000001",
            "100000000000000000000000000000000.0000000001 %",
        ),
        (None, "–"),  # noqa: RUF001 - a dash
    ],
)
def test_per_cent_has_every_digit(ratio: str | None, words: str) -> None:
    assert percent_words(ratio) == words


def test_values_are_in_their_units() -> None:
    assert value_words("5400.25", "seconds") == "1 h 30 min 0.25 s"
    assert value_words("-12.5", "amount") == "-12.5"
    assert value_words("1027", "count") == "1027"


def test_instants_are_local_and_as_precise_as_they_are() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert at_words("2026-03-29T01:00:00Z", berlin) == "2026-03-29 03:00 +02:00"
    assert at_words("2026-03-29T00:59:59Z", berlin) == "2026-03-29 01:59:59 +01:00"
    assert at_words("2026-03-29T00:00:00.000001Z", berlin) == "2026-03-29 01:00:00.000001 +01:00"
