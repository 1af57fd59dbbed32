"""Answers a question about states that was asked before from memory, without the framework.

Plain ASGI, inside whatever finds out who asks. The operations of `states` understand a question
once; put in the same words it means the same as long as the documents are. What a picture in memory
does not answer goes on to them.
"""

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.answering.responses import Answer, headers_of, is_known
from services.api.board.sources import Sources
from services.api.web.caller import CALLER, EVERYONE, Caller

_JSON: Final = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class _Route:
    """What figures read of a route."""

    path: str


class FromMemory:
    """Answers what it can."""

    def __init__(self, app: ASGIApp, sources: Sources) -> None:
        """Wrap the app."""
        self._app = app
        self._sources = sources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        answer = await self._answer(scope) if scope.get("method") == "GET" else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        headers = [(name.encode(), value.encode()) for name, value in headers_of(answer).items()]
        asked = [value for name, value in scope["headers"] if name == b"if-none-match"]
        body, status = answer.body, 200
        if asked and is_known(answer.tag, b",".join(asked).decode("latin-1")):
            body, status = b"", 304
        else:
            headers += [(b"content-length", str(len(body)).encode()), _JSON]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope) -> Answer | None:
        sources = self._sources
        caller: Caller = scope.get(CALLER, EVERYONE)
        asked = (caller.customers, scope.get("raw_path", b""), scope["query_string"])
        question = sources.questions.find(asked)
        if question is None or "read" not in caller.scopes:
            return None
        picture = await sources.board.look()
        if picture is None:
            return None
        objectives = picture.documents.objectives.seen_by(caller.customers)
        answer = question.answer(objectives, picture, sources.clock())
        if answer is not None:
            scope["route"] = _Route(question.path)
        return answer
