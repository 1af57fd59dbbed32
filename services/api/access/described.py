"""What the OpenAPI document says of access: credentials, scopes, and how one is refused."""

from typing import Any, Final

from services.api.access.scopes import MEMBER
from services.api.answering.described import refusal

SCHEME: Final = "bearer"
_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
_REFUSALS: Final = {
    "400": ("credential-in-url", "a key stands in the address"),
    "401": ("unauthenticated", "this needs a key or a token: Authorization: Bearer …"),
    "403": ("missing-scope", "this needs the scope `admin`; key:abc has `read`"),
    "429": ("rate-limited", "12000 requests a minute are allowed; ask again in 2 s"),
}


def add_access(document: dict[str, Any]) -> None:
    """Add the scheme, and to each operation its scope and the refusals that may come."""
    document["components"].setdefault("securitySchemes", {})[SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "description": "A key (`accord keys create`) or a token of the OIDC issuer. Where access "
        "is open none is needed.",
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                scope = operation.setdefault(MEMBER, "read")
                operation["security"] = [{SCHEME: [scope]}]
                for status, (kind, detail) in _REFUSALS.items():
                    known = operation["responses"]
                    known.setdefault(status, refusal(kind, detail, path))
