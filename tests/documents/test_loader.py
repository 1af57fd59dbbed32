"""Text -> nodes: the 1.2 core schema, exact decimals, and what is refused outright."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents import load
from shared.documents.catalogue import load_nodes
from shared.documents.loader import MAX_DEPTH, parse, plain
from shared.documents.problems import InvalidDocument
from tests.documents.writing import COHORT, OFFICE, RESPONSE, first_response, promising


def value_of(text: str) -> object:
    nodes, problems = parse(text, "a.yaml")
    assert problems == []
    return plain(nodes[0])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("17:00", "17:00"),
        ("1:30", "1:30"),
        ("4:00:00", "4:00:00"),
        ("2026-04-03", "2026-04-03"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("1_000", "1_000"),
        ("<<", "<<"),
        ("=", "="),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("017", 17),
        ("08", 8),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", Decimal("1E+3")),
        ("0.95", Decimal("0.95")),
        (".5", Decimal("0.5")),
        ('"0.95"', "0.95"),
        ("'true'", "true"),
        ('"null"', "null"),
    ],
)
def test_a_scalar_means_what_the_core_schema_says(written: str, value: object) -> None:
    found = value_of(f"a: {written}")
    assert isinstance(found, dict)
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_a_decimal_keeps_its_digits() -> None:
    assert str(value_of("[0.1000000000000000000001, 0.950]")) == (
        "[Decimal('0.1000000000000000000001'), Decimal('0.950')]"
    )


def test_a_file_may_hold_several_documents() -> None:
    nodes, _ = parse("a: 1\n---\nb: 2\n", "a.yaml")
    assert [plain(node) for node in nodes] == [{"a": 1}, {"b": 2}]


def test_windows_line_ends_are_fine() -> None:
    assert value_of("a: 1\r\nb: x\r\n") == {"a": 1, "b": "x"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: &x 2\n", 2, "anchors (&x) are refused"),
        ("a: &x 1\nb: *x\n", 1, "anchors (&x) are refused"),
        ("a: !!int '3'\n", 1, "tags (tag:yaml.org,2002:int) are refused"),
        ("a: !!python/object:os.system {}\n", 1, "are refused"),
        ("a: " + "[" * 3000 + "]" * 3000, 1, ""),
        ("a:\n\tb: 2\n", 2, "this is not YAML"),
        ("a:\n\tb: 2\n", 2, "; indent with blanks, not with a tab"),
        ("a: 1\n\tb: 2\n", 2, "this is not YAML"),
        ("a: [1,\n", 2, "this is not YAML"),
        ('a: "\\uD800"\n', 1, "this is not YAML"),
        ("a: x\x00y\n", 1, "a character that YAML does not allow"),
        ("a: " + "[" * 300 + "]" * 300, 1, f"nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_a_text_that_cannot_be_understood_is_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse(text, "a.yaml")
    (problem,) = refused.value.problems
    assert problem.place.line == line
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 'duplicate key "a"; the first is on line 1'),
        ("1: x\n", 1, "the key 1 is not text; write it in quotes"),
        ("? [a]\n: x\n", 1, "the key is not text"),
        ("a: .inf\n", 1, ".inf is not a number that can be computed with"),
        ("a: .NaN\n", 1, ".NaN is not a number"),
        ("a: 1e999999999\n", 1, "a number of more than 40 digits"),
        (f"a: {'9' * 41}\n", 1, "a number of more than 40 digits"),
        (f"a: 0x{'f' * 39}\n", 1, "a number of more than 40 digits"),
    ],
)
def test_a_problem_leaves_the_rest_readable(text: str, line: int, message: str) -> None:
    nodes, (problem,) = parse(text, "a.yaml")
    assert len(nodes) == 1
    assert problem.place.line == line
    assert message in problem.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: \xff\n", "the text is not UTF-8"),
        (b"\xef\xbb\xbfa: 1\n", "the file begins with a byte order mark"),
        (b"", "there is no document in this file"),
        (b"# nothing\n", "there is no document in this file"),
        (b"---\n", "a document is a mapping, not nothing"),
        (b"- a\n", "a document is a mapping, not a list"),
        (b"text\n", 'a document is a mapping, not "text"'),
        (b"a: " + b"x" * (4 * 1024 * 1024), "the file is larger than 4 MiB"),
    ],
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.yaml").write_bytes(data)
    (problem,) = load(tmp_path).problems
    assert problem.message.startswith(message)
    assert str(problem).startswith(f"{tmp_path / 'a.yaml'}:1: ")


JUNK = (
    *("\t", "\0", "\ufeff", "\u202e", "\x85", "\u2028", "\r", "\n", "- ", ": ", "{", "}", "[", "]"),
    *("&a ", "*a", "!!x ", "? ", "| \n", "%YAML 1.1\n", "---\n", "...\n", '"', "'", "#", "~"),
    *(
        "null",
        ".inf",
        "1e9",
        "0x1",
        "-",
        "9" * 50,
        "P1D",
        "<<: ",
        "{not: x}",
        "[[]]",
        "actor",
        "-0",
    ),
)
GOOD = "---\n".join(
    (
        promising(
            first_response(
                where="{priority: [p1, 2.50], team: {not: null}}",
                target='{percentile: "0.9", atMost: {workingDays: 2}}',
                window="{rolling: P7D, step: PT1H}",
                groupBy="[team]",
            ),
            more="appliesTo: {customer: acme}\ncalendar: office\n",
        ),
        RESPONSE,
        COHORT,
        OFFICE,
    )
)


def test_the_text_that_is_changed_below_is_good() -> None:
    nodes, problems = parse(GOOD, "a.yaml")
    assert (problems, load_nodes(nodes).problems) == ([], ())


@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD)), st.integers(0, 40), st.sampled_from(JUNK) | st.text()),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(changes: list[tuple[int, int, str]]) -> None:
    text = GOOD
    for at, left_out, put_in in changes:
        text = text[:at] + put_in + text[at + left_out :]
    try:
        nodes, problems = parse(text, "a.yaml")
    except InvalidDocument as error:
        nodes, problems = [], list(error.problems)
    found = load_nodes(nodes, problems)
    assert found.catalogue is None or found.problems == ()
    said = [str(problem) for problem in (*found.problems, *found.warnings)]
    assert all(line.isprintable() and line.startswith("a.yaml:") for line in said)
