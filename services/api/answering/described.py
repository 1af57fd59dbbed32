"""What the OpenAPI document says of every operation: its group, and the limits of requests."""

import json
from typing import Any, Final

from services.api.web.limits import BODY_BYTES_MAX, HEADERS_BYTES_MAX, TARGET_BYTES_MAX
from services.api.web.problem_kinds import KINDS

_EVERYWHERE: Final = {
    "414": f"path and query have more than {TARGET_BYTES_MAX} bytes; ask in several requests",
    "431": f"the headers have more than {HEADERS_BYTES_MAX} bytes",
}
_NAMES: Final = {
    "413": "body-too-large",
    "414": "target-too-long",
    "415": "unsupported-media-type",
    "431": "headers-too-large",
}
_OF_BODIES: Final = {
    "413": f"a body has at most {BODY_BYTES_MAX} bytes",
    "415": "the body is to be JSON in UTF-8, as it is: content-type: application/json, "
    "and no content-encoding",
}
_CONFLICTS: Final = {
    "acknowledgeBreach": ("already-acknowledged", "it was acknowledged by 'key:abc' before"),
    "sealPeriod": ("already-sealed", "2026-03 of 'acme-support' is sealed since …, by 'key:abc'"),
    "createWebhook": ("too-many-webhooks", "key:abc has 20 webhooks, the most that are allowed"),
}
_UNCHANGED: Final = {
    "description": "Nothing but `as_of` has changed since the answer whose `ETag` was sent in "
    "`If-None-Match`."
}


def add_limits(document: dict[str, Any]) -> None:
    """Add to each operation its tag, and the answers where too much is asked or nothing is new."""
    tags: dict[str, None] = {}
    for path, operations in document["paths"].items():
        tag = path.split("/")[2].partition(":")[0]
        tags[tag] = None
        for method, operation in operations.items():
            operation["tags"] = [tag]
            answers = operation["responses"]
            _read_examples(answers)
            limits = _EVERYWHERE | (_OF_BODIES if "requestBody" in operation else {})
            for status, detail in limits.items():
                answers.setdefault(status, refusal(_NAMES[status], detail, path))
            conflict = _CONFLICTS.get(operation["operationId"])
            if conflict is not None:
                answers.setdefault("409", refusal(*conflict, path))
            if method == "get" and "application/json" in answers["200"].get("content", {}):
                answers["200"].setdefault("headers", {})["ETag"] = {"schema": {"type": "string"}}
                answers.setdefault("304", _UNCHANGED)
    document["tags"] = [{"name": tag} for tag in tags]


def _read_examples(answers: dict[str, Any]) -> None:
    """Put in the place of each example that is text of JSON what it says."""
    for answer in answers.values():
        for media, content in answer.get("content", {}).items():
            if media == "application/json" and isinstance(content.get("example"), str):
                content["example"] = json.loads(content["example"])


def refusal(name: str, detail: str, path: str) -> dict[str, Any]:
    """A problem among the answers of the operation at a path."""
    kind = KINDS[name]
    example = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status.value,
        "detail": detail,
        "instance": path,
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": kind.title, "content": {"application/problem+json": content}}
