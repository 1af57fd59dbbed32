"""Every kind of problem that an answer can name: this list makes types, pages and documentation.

`python -m services.api.web.problem_kinds docs/api.md` renews the table of the documentation.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

PREFIX: Final = "/problems/"
"""What stands before the name of a kind in `type`: a reference that is relative to the request."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its name in `type`, its status, what happened, and what a caller does then."""

    name: str
    status: HTTPStatus
    title: str
    when: str
    remedy: str

    @property
    def type(self) -> str:
        """The `type` of such a problem, which is also the path of its page."""
        return PREFIX + self.name


_ALL: Final = (
    Kind(
        "unknown-parameter",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A parameter is not known",
        "a query parameter that the operation does not have",
        "Take the name that `detail` suggests, or leave it out: a filter with a typing error "
        "would otherwise let everything through.",
    ),
    Kind(
        "invalid-parameter",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A parameter cannot be read",
        "a value that cannot be read, or a cursor that was given out elsewhere; "
        "`errors[]` names each parameter",
        "Correct what `errors[]` names. After a change of filters or order begin without `cursor`.",
    ),
    Kind(
        "unknown-sla-id",
        HTTPStatus.NOT_FOUND,
        "There is no such sla_id",
        "no objective of the documents can have this `sla_id`",
        "Look at `/v1/states` for those that there are; `detail` names the nearest.",
    ),
    Kind(
        "no-such-window",
        HTTPStatus.NOT_FOUND,
        "There is no such window",
        "the group has no data in that window",
        "`/v1/values?sla_id=` lists the windows that the group has.",
    ),
    Kind(
        "no-longer-kept",
        HTTPStatus.GONE,
        "That is no longer kept",
        "`known_at`, or the items of a window, before what `ACCORD_RETENTION` keeps",
        "It cannot be had here any more; `detail` says from when on records are kept.",
    ),
    Kind(
        "unknown-item",
        HTTPStatus.NOT_FOUND,
        "There is no such item",
        "no event of this item has come",
        "Compare kind and subject with those of its events. An event that was sent a moment ago "
        "may not have been read yet.",
    ),
    Kind(
        "unknown-agreement",
        HTTPStatus.NOT_FOUND,
        "There is no such agreement",
        "no document has this name",
        "`/v1/agreements` lists those of the documents in use.",
    ),
    Kind(
        "unknown-kpi",
        HTTPStatus.NOT_FOUND,
        "Nothing is promised of this KPI",
        "no agreement promises anything of this KPI",
        "`/v1/agreements` shows which KPIs the agreements are about.",
    ),
    Kind(
        "report-too-large",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The report would be too large",
        "a report that would have more windows, revisions or breaches than one may have",
        "Ask for a shorter period, or for some objectives or customers at a time. `/v1/values` and "
        "`/v1/breaches` have everything, page by page.",
    ),
    Kind(
        "unknown-breach",
        HTTPStatus.NOT_FOUND,
        "There is no such breach",
        "no breach of this id stands",
        "`/v1/breaches` lists those that stand; one that was withdrawn did not happen after all.",
    ),
    Kind(
        "unknown-webhook",
        HTTPStatus.NOT_FOUND,
        "There is no such webhook",
        "no webhook of the caller's has this id",
        "`/v1/webhooks` lists the caller's own; with the scope `admin` everybody's.",
    ),
    Kind(
        "webhook-url",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Nothing is sent to this URL",
        "the URL of a webhook that is not https, has no public address, or a user, a fragment or a "
        "port below 1024",
        "Name a receiver that everybody can reach by https. One in a network of your own is "
        "allowed by those who run Accord (`ACCORD_WEBHOOK_NETWORKS`).",
    ),
    Kind(
        "too-many-webhooks",
        HTTPStatus.CONFLICT,
        "No more webhooks are allowed",
        "the caller has as many webhooks as one may have",
        "Delete one that is not needed; one webhook without filters gets every change.",
    ),
    Kind(
        "already-acknowledged",
        HTTPStatus.CONFLICT,
        "The breach is acknowledged already",
        "somebody has acknowledged the breach before",
        "`detail` and `/v1/breaches` say who, and when. To send one write again safely give it an "
        "`Idempotency-Key`.",
    ),
    Kind(
        "not-final-yet",
        HTTPStatus.CONFLICT,
        "The period is not final yet",
        "a review of a period that is not over, or of which a window may still change: it is not "
        "final, what came late has not settled, or evaluation is stale",
        "Send it again later; `detail` says what it waits for. A report shows what may still "
        "change, and why.",
    ),
    Kind(
        "nothing-to-seal",
        HTTPStatus.CONFLICT,
        "The period has no numbers",
        "a review of a period in which no window of the agreement ends",
        "Name a period in which something was measured; `/v1/reports` shows which windows it has.",
    ),
    Kind(
        "already-sealed",
        HTTPStatus.CONFLICT,
        "The period is sealed already",
        "a review of a period of which a day is in one that was signed off before",
        "`detail` and `/v1/reviews` say by whom, and when. To send one write again safely give it "
        "an `Idempotency-Key`.",
    ),
    Kind(
        "not-json",
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON",
        "a body that is not JSON in UTF-8, names a member twice, or is nested too deeply",
        "Send one JSON object; `detail` says where reading ended.",
    ),
    Kind(
        "invalid-body",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The body does not say what is needed",
        "a member that is missing, not known, or of another type; `errors[]` names each place",
        "Correct what `errors[]` names: `pointer` is the place in the body (RFC 6901).",
    ),
    Kind(
        "unsupported-media-type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is of another type",
        "a body that does not say that it is JSON, or comes compressed",
        "Send `content-type: application/json`, without `content-encoding`.",
    ),
    Kind(
        "body-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too large",
        "a body of more than 64 KiB",
        "Send less.",
    ),
    Kind(
        "invalid-idempotency-key",
        HTTPStatus.BAD_REQUEST,
        "The Idempotency-Key cannot be read",
        "an `Idempotency-Key` that is empty, too long, or there twice",
        "Send one of 1 to 255 visible ASCII characters, such as a UUID.",
    ),
    Kind(
        "idempotency-key-reused",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The Idempotency-Key belongs to another request",
        "a key that came with another body before",
        "Take a new key for each write; the old one only to send the same again.",
    ),
    Kind(
        "being-written",
        HTTPStatus.CONFLICT,
        "The same is being written",
        "the same write is under way in another request; `Retry-After`",
        "Send it again, under its `Idempotency-Key`, after `Retry-After` seconds.",
    ),
    Kind(
        "unknown-problem",
        HTTPStatus.NOT_FOUND,
        "There is no such kind of problem",
        "no problem has this name",
        "`/problems` lists them all.",
    ),
    Kind(
        "not-found",
        HTTPStatus.NOT_FOUND,
        "Nothing is here",
        "nothing is at this path",
        "`/openapi.json` lists every path.",
    ),
    Kind(
        "method-not-allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The path does not have this method",
        "a method that the path does not have; `Allow` names those that it has",
        "Use one of the methods in `Allow`.",
    ),
    Kind(
        "unauthenticated",
        HTTPStatus.UNAUTHORIZED,
        "Who asks is not known",
        "no key or token was sent, or one that is not taken; `WWW-Authenticate`",
        "Send `Authorization: Bearer` and a key (`accord keys create`) or a token of the issuer. A "
        "key that was revoked or has expired is to be replaced.",
    ),
    Kind(
        "missing-scope",
        HTTPStatus.FORBIDDEN,
        "The credential does not allow this",
        "a key or token without the scope that `detail` names",
        "Ask those who run Accord for a key with that scope.",
    ),
    Kind(
        "restricted-credential",
        HTTPStatus.FORBIDDEN,
        "The credential sees certain customers alone",
        "a review by a key or token that sees certain customers alone",
        "Ask those who run Accord to sign off the period, or for a key for all customers.",
    ),
    Kind(
        "other-origin",
        HTTPStatus.FORBIDDEN,
        "A page of another site may not write",
        "a write that a browser sent for another site",
        "Send writes from a program, or from a page that Accord itself serves.",
    ),
    Kind(
        "credential-in-url",
        HTTPStatus.BAD_REQUEST,
        "A key stands in the address",
        "a key in the query, where logs and histories keep it",
        "Send it in the header `Authorization`; revoke this one and make another.",
    ),
    Kind(
        "unknown-host",
        HTTPStatus.MISDIRECTED_REQUEST,
        "This host is not served here",
        "a `Host` that is not among `ACCORD_ALLOWED_HOSTS`",
        "Use the address that those who run Accord have given out.",
    ),
    Kind(
        "rate-limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "There were too many requests",
        "more requests in a minute than a credential, or an address without one, may make; "
        "`Retry-After`, `RateLimit`",
        "Wait as long as `Retry-After` says. Lists with `limit=1000` and `/v1/stream` need few.",
    ),
    Kind(
        "too-many-at-once",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests are under way",
        "more requests at once than one credential may have",
        "Wait for the answers of those that are under way.",
    ),
    Kind(
        "malformed-request",
        HTTPStatus.BAD_REQUEST,
        "The request cannot be read",
        "a path or query that is no UTF-8, or headers that contradict each other",
        "Correct what `detail` names; percent-encode UTF-8.",
    ),
    Kind(
        "target-too-long",
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "The address is too long",
        "path and query are longer than 8 KiB",
        "Ask in several requests, or with `POST /v1/states:batchGet`.",
    ),
    Kind(
        "headers-too-large",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers are too large",
        "the headers have more than 16 KiB",
        "Send fewer or shorter headers, cookies above all.",
    ),
    Kind(
        "too-slow",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The answer took too long",
        "no answer could be given in time; `Retry-After`",
        "Ask for less: a smaller `limit`, more filters. If small questions take so long too, "
        "PostgreSQL has too much to do.",
    ),
    Kind(
        "not-judged-yet",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The objective has not been judged yet",
        "the objective has not been judged under the loaded documents; `Retry-After`",
        "Ask again after `Retry-After` seconds. If it lasts, the evaluator does not run.",
    ),
    Kind(
        "too-many-streams",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "No more streams can be opened here",
        "the process has as many streams open as it holds; `Retry-After`",
        "Come again after `Retry-After` seconds, perhaps to another process; one stream can carry "
        "all that a page or a program wants.",
    ),
    Kind(
        "unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database does not answer",
        "the database does not answer; `Retry-After`",
        "Ask again after `Retry-After` seconds.",
    ),
    Kind(
        "internal",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The request could not be answered",
        "a fault of Accord; the log has it",
        "Tell those who run Accord the `request_id`: the log has what happened under it.",
    ),
)

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _ALL}
"""All kinds by name, in the order in which they are documented."""

_BEGIN: Final = "<!-- problems: python -m services.api.web.problem_kinds docs/api.md -->\n"
_END: Final = "<!-- end of problems -->\n"


def table() -> str:
    """The kinds as a table in Markdown."""
    rows = [
        f"| `{kind.name}` | {kind.status.value} | {kind.when} | {kind.remedy} |\n"
        for kind in KINDS.values()
    ]
    return "".join(["| type | status | when | what to do |\n|---|---|---|---|\n", *rows])


def renewed(text: str) -> str:
    """A text in Markdown with the table between its two marks renewed; ValueError without marks."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        message = f"the text has not the lines {_BEGIN!r} and {_END!r}"
        raise ValueError(message)
    return f"{before}{begin}{table()}{end}{after}"


def main(arguments: list[str]) -> None:
    """Renew the table in the file that is named."""
    (path,) = map(Path, arguments)
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
