"""Reads the HTTP API over kept-alive connections; numbers stay exact."""

import http.client
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from threading import local
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode, urlsplit

Answer = Mapping[str, object]

_LARGEST_PAGE: Final = 500
_PATIENCE_S: Final = 60.0
_HTTP_OK: Final = 200
_HTTP_NOT_FOUND: Final = 404
_WRONG_QUESTION: Final = frozenset({400, 410, 422})


class ApiError(RuntimeError):
    """The API is not there, or answered with a problem; the text says which and what it said."""


class WrongQuestion(ApiError):  # noqa: N818 - a normal answer to the caller
    """The API is there and refuses what it was asked: the same again gets the same answer."""


class NotKnown(WrongQuestion):
    """The API knows no such thing (404)."""


class Api:
    """The API at `address` (`http://127.0.0.1:8000`); may be used from several threads."""

    def __init__(self, address: str, key: str | None = None) -> None:
        """No connection is made before the first question; leaving the block closes them.

        `key` is shown with each question, where the API asks for one.
        """
        self._headers = {"accept": "application/json"}
        if key is not None:
            self._headers["authorization"] = f"Bearer {key}"
        self.address = address.rstrip("/")
        self._host = urlsplit(self.address).netloc
        self._kept = local()
        self._opened: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        for connection in self._opened:
            connection.close()

    def get(self, path: str, **asked: object) -> Answer:
        """One answer, its numbers as int or Decimal. Raises `ApiError`."""
        target = f"{path}?{urlencode(asked)}" if asked else path
        status, body = self._fetch(target)
        if status != _HTTP_OK:
            message = f"{self.address}{target} answered {status}: {_said(body)}"
            raise _error(status)(message)
        answer = json.loads(body, parse_float=Decimal)
        if not isinstance(answer, dict):
            message = f"{self.address}{target} answered with something that is no JSON object"
            raise ApiError(message)
        return answer

    def each(self, path: str, **asked: object) -> Iterator[Answer]:
        """Every member of a list, page by page."""
        page = self.get(path, limit=_LARGEST_PAGE, **asked)
        while True:
            items = page["items"]
            if not isinstance(items, list):
                message = f"{self.address}{path} answered without a list of items"
                raise ApiError(message)
            yield from items
            if page.get("next") is None:
                return
            page = self.get(path, limit=_LARGEST_PAGE, cursor=page["next"], **asked)

    def _fetch(self, target: str) -> tuple[int, bytes]:
        # A kept connection may have been closed by the other side since: one fresh try.
        for fresh in (False, True):
            connection = self._connection(fresh=fresh)
            try:
                connection.request("GET", target, headers=self._headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if fresh:
                    message = f"the API at {self.address} does not answer: {error}"
                    raise ApiError(message) from None
        raise AssertionError

    def _connection(self, *, fresh: bool) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is None or fresh:
            kept = http.client.HTTPConnection(self._host, timeout=_PATIENCE_S)
            self._kept.connection = kept
            self._opened.append(kept)
        return kept


def _error(status: int) -> type[ApiError]:
    if status == _HTTP_NOT_FOUND:
        return NotKnown
    return WrongQuestion if status in _WRONG_QUESTION else ApiError


def _said(body: bytes) -> str:
    """What a problem (RFC 9457) says in a sentence; the beginning of any other answer."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail if isinstance(detail, str) else body.decode(errors="replace")[:500]
