"""Source documents: what they become, what is refused and where, what is read of a folder."""

from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from shared.documents import load
from shared.documents.paths import parse_path
from shared.documents.source_files import load_sources
from shared.domain.matcher import Choice
from shared.domain.source import (
    DEFAULT_SOURCES,
    Conditions,
    Fixed,
    Otherwise,
    Payload,
    Rule,
    Source,
    Taken,
    TakenType,
    Time,
    TimeFormat,
    Unlisted,
)
from shared.domain.source import Path as At
from tests.documents.writing import OFFICE, RESPONSE, document, first_response, problems, promising

HEAD = """\
topic: desk.tickets
mapping:
  source: /desk
  kind: ticket
  id: {path: id}
  subject: {path: ticket.id}
  time: {path: at}
"""


def source(spec: str, name: str = "desk") -> str:
    return document("Source", name, spec)


def mapped(more: str) -> str:
    """A source whose mapping goes on with these lines, from line 12 on."""
    return source(HEAD + "".join(f"  {line}\n" for line in dedent(more).strip().splitlines()))


def read(folder: Path, *texts: str) -> tuple[Source, ...]:
    (folder / "sources.yaml").write_text("---\n".join(texts), encoding="utf-8")
    found = load_sources(folder)
    assert found.problems == ()
    return found.sources


def test_without_documents_leads_and_tickets_carry_cloudevents() -> None:
    found = load_sources(None)
    assert [(one.topic, one.payload) for one in found.sources] == [
        ("leads", None),
        ("tickets", None),
    ]
    assert found.sources == DEFAULT_SOURCES


def test_a_source_without_a_mapping_carries_cloudevents(tmp_path: Path) -> None:
    assert read(tmp_path, source('{topic: acme.tickets, subjectPrefix: "A-"}')) == (
        Source("desk", "acme.tickets", "A-"),
    )


def test_a_mapping_says_what_one_payload_is(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        mapped(
            """
            sequence: {path: n}
            type: {path: what, values: {comment: replied, "7": rated}, otherwise: skip}
            data:
              priority: {path: /p, values: {urgent: p1, none: null}, otherwise: keep}
              score: {path: score, required: true}
              weight: {value: 1.50}
            """
        ),
    )
    assert found.payload == Payload(
        source="/desk",
        kind="ticket",
        id=(parse_path("id"),),
        subject=parse_path("ticket.id"),
        time=Time(parse_path("at")),
        sequence=parse_path("n"),
        rules=(
            Rule(
                "",
                TakenType(parse_path("what"), {"comment": "replied", "7": "rated"}, Otherwise.SKIP),
                data={
                    "priority": Taken(
                        parse_path("/p"), {"urgent": "p1", "none": None}, Unlisted.KEEP
                    ),
                    "score": Taken(parse_path("score"), required=True),
                    "weight": Fixed(Decimal("1.50")),
                },
            ),
        ),
    )


def test_rules_say_what_several_events_a_payload_gives(tmp_path: Path) -> None:
    (found,) = read(
        tmp_path,
        mapped(
            """
            each: {path: changes}
            data: {team: {value: a}, owner: {path: each.by}}
            otherwise: skip
            events:
            - name: solved
              when: {each.field: status, /x.y: {not: [1, null]}}
              type: solved
              time: {path: each.at, format: epoch-seconds}
              data: {team: {value: b}}
            - {name: other, type: commented}
            """
        ),
    )
    assert found.payload is not None
    first, second = found.payload.rules
    assert first == Rule(
        "solved",
        "solved",
        Conditions(
            (
                (parse_path("each.field"), Choice(("status",))),
                (parse_path("/x.y"), Choice((1, None), negated=True)),
            )
        ),
        Time(At("each.at", ("at",), of_element=True), TimeFormat.EPOCH_SECONDS),
        {"team": Fixed("b"), "owner": Taken(parse_path("each.by"))},
    )
    assert second.when == Conditions()
    assert second.data["team"] == Fixed("a")
    assert found.payload.otherwise is Otherwise.SKIP


@pytest.mark.parametrize(
    ("written", "names", "of_element"),
    [
        ("ticket.id", ("ticket", "id"), False),
        ("a.0.b-c_d", ("a", "0", "b-c_d"), False),
        ("", (), False),
        ("/", ("",), False),
        ("/a.b/c d/~1~0/~01", ("a.b", "c d", "/~", "~1"), False),
        ("each", (), True),
        ("each.id", ("id",), True),
        ("each/a.b", ("a.b",), True),
        ("/each/id", ("each", "id"), False),
        ("eachother.id", ("eachother", "id"), False),
    ],
)
def test_a_path_is_names_or_a_pointer(
    written: str, names: tuple[str, ...], *, of_element: bool
) -> None:
    assert parse_path(written) == At(written, names, of_element)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("$.ticket.id", '; did you mean "ticket.id"?'),
        ("a[0].b", '; did you mean "a.0.b"?'),
        ("a['b']", '; did you mean "a.b"?'),
        ("a..b", ""),
        (".a", '; did you mean "a"?'),
        ("a.", '; did you mean "a"?'),
        ("a b", ""),
        ("a.*", ""),
        ("a/b", ""),
        ("/a~2", ""),
        ("/a~", ""),
    ],
)
def test_what_is_no_path_is_refused(written: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is no path") as refusal:
        parse_path(written)
    assert str(refusal.value).endswith(hint or "/ticket/id")


REFUSED = [
    (source("{mapping: {}}"), 5, 'a source needs the field "topic"'),
    (source("{topic: a b}"), 5, 'topic: "a b" is not a topic'),
    (source("{topic: ..}"), 5, 'topic: ".." is not a topic'),
    (source("{topic: accord.events}"), 5, "is written by Accord itself"),
    (source("{topic: tickets.dlq}"), 5, "is written by Accord itself"),
    (source('{topic: a, subjectPrefix: ""}'), 5, "subjectPrefix: must not be empty"),
    (source(f"{{topic: a, subjectPrefix: {'ä' * 129}}}"), 5, "at most 256 bytes"),
    (source("{topic: a, maping: {}}"), 5, 'unknown field "maping" in a source; did you mean "mapp'),
    (source("{topic: a, mapping: {}}"), 5, 'a mapping needs the field "source"'),
    (mapped(""), 7, 'needs "type", what each payload is, or "events"'),
    (mapped("type: a\nevents: [{name: b, type: c}]"), 12, "exclude each other"),
    (mapped("type: a\notherwise: skip"), 13, '"otherwise" is about payloads to which none of'),
    (mapped("events: []"), 12, "events: must not be empty"),
    (mapped("type: {value: a}"), 12, 'a type needs the field "path"'),
    (mapped("type: {path: a, otherwise: keep}"), 12, 'otherwise: "keep" is unknown'),
    (mapped("type: ticket.solved"), 12, 'the kind is put before it; did you mean "solved"?'),
    (mapped("type: {path: a, values: {x: ticket.a}}"), 12, 'did you mean "a"?'),
    (mapped('type: "a b"'), 12, 'type: "a b" is not what happens'),
    (mapped("type: a\ndata: {x: ticket.x}"), 13, "an attribute is a mapping like {path: ticket."),
    (mapped("type: a\ndata: {x: {}}"), 13, "an attribute has one of path and value"),
    (mapped("type: a\ndata: {x: {value: 1, path: a}}"), 13, "has one of path and value; here is"),
    (mapped("type: a\ndata: {x: {value: [1]}}"), 13, "value: must be a single value, not a list"),
    (mapped("type: a\ndata: {x: {path: a, otherwise: omit}}"), 13, 'is not in "values"'),
    (mapped("type: a\ndata: {x: {path: a, vlaues: {}}}"), 13, 'did you mean "values"?'),
    (mapped("type: a\ndata: {x: {path: a, values: {1: b}}}"), 13, "the key 1 is not text"),
    (mapped("type: a\ndata: {x: {path: $.a}}"), 13, 'did you mean "a"?'),
    (mapped("type: a\ndata: {x: {path: each.a}}"), 13, 'that is called each is "/each/a"'),
    (mapped("type: a\neach: {path: each.a}"), 13, '"each" itself begins at the payload'),
    (mapped("events:\n- {name: a, type: b}\n- {name: a, type: c}"), 14, 'already a rule "a" on l'),
    (mapped("events: [{name: A, type: b}]"), 12, '"A" is not a name'),
    (mapped("events: [{name: a, type: b, when: {each: 1}}]"), 12, "begins at an element of"),
    (mapped('events: [{name: a, type: b, when: {"x y": 1}}]'), 12, '"x y" is no path'),
    (mapped("events: [{name: a, type: b, when: {x: {in: 1}}}]"), 12, "{not: value}"),
    (mapped("events: [{name: a, when: {}}]"), 12, 'a rule needs the field "type"'),
    (source(HEAD.replace("ticket\n", "a:b\n") + "  type: a"), 8, '"a:b" is not a kind of item'),
    (source(HEAD.replace("{path: at}", "{path: at, format: unix}") + "  type: a"), 11, "it is one"),
    (source(HEAD.replace("{path: id}", "{path: []}") + "  type: a"), 9, "not be an empty list"),
    (source(HEAD.replace("{path: id}", "[id]") + "  type: a"), 9, "an id is a mapping like"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_a_source_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    found = problems(tmp_path, text)
    assert [at for at, said in found if message in said] == [line], found


def test_more_rules_than_anybody_reads_are_refused(tmp_path: Path) -> None:
    rules = "\n".join(f"- {{name: r-{n}, type: a}}" for n in range(101))
    assert problems(tmp_path, mapped(f"events:\n{rules}")) == [
        (12, "more than 100 rules; split the source")
    ]


def test_a_topic_has_one_source(tmp_path: Path) -> None:
    found = problems(tmp_path, source("{topic: a}", "one"), source("{topic: a}", "two"))
    file = tmp_path / "documents.yaml"
    assert found == [(11, f'topic: "a" is read by the source "one" already ({file}:5)')]


def test_a_name_has_one_source(tmp_path: Path) -> None:
    [(line, said)] = problems(tmp_path, source("{topic: a}"), source("{topic: b}"))
    assert (line, said.startswith('there is already a Source "desk" in')) == (9, True)


def test_agreements_and_their_digest_know_nothing_of_sources(tmp_path: Path) -> None:
    texts = [promising(first_response()), RESPONSE, OFFICE]
    (tmp_path / "a.yaml").write_text("---\n".join(texts), encoding="utf-8")
    alone = load(tmp_path)
    (tmp_path / "b.yaml").write_text(source("{topic: a}"), encoding="utf-8")
    beside = load(tmp_path)
    assert alone.catalogue is not None
    assert beside.catalogue is not None
    assert beside.catalogue.digest == alone.catalogue.digest
    assert (alone.sources, beside.sources) == ((), (Source("desk", "a"),))


def test_of_other_kinds_nothing_is_read(tmp_path: Path) -> None:
    broken = promising(first_response(kpi="nobody-knows-it"))
    assert read(tmp_path, broken, source("{topic: a}")) == (Source("desk", "a"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OFFICE, "there is no document of kind Source"),
        ("kind: Sourec", 'kind: "Sourec" is unknown; did you mean "Source"?'),
        (source("{topic: a}") + "more: 1", 'unknown field "more"'),
        ("a: [", "this is not YAML"),
    ],
)
def test_what_is_no_source_is_a_problem(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(text, encoding="utf-8")
    found = load_sources(file)
    assert found.sources == ()
    assert any(message in str(problem) for problem in found.problems)


def test_a_path_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    [problem] = load_sources(tmp_path / "none.yaml").problems
    assert "there is no such file" in str(problem)
