"""Paths into a payload, as Source documents write them.

`ticket.id` names members, outermost first (a number is a place in an array); `/ticket/id` is the
same as a JSON Pointer (RFC 6901), for names with dots or slashes; `each.id` and `each/id` begin at
the element of `each`.
"""

import re
from typing import Final

from shared.documents.values import Text
from shared.domain.source import Path

_ELEMENT: Final = "each"
_POINTER: Final = r"(each)?(/([^/~]|~[01])*)*"
_DOTTED: Final = r"[^./\x24*\[\]\s]+(\.[^./\x24*\[\]\s]+)*"


def parse_path(text: str) -> Path:
    """Read a path; `ValueError` says what is wrong and how to write it."""
    if re.fullmatch(_POINTER, text) is not None:
        first, *names = text.split("/")
        parts = tuple(name.replace("~1", "/").replace("~0", "~") for name in names)
        return Path(text, parts, of_element=first == _ELEMENT)
    if re.fullmatch(_DOTTED, text) is not None:
        names = text.split(".")
        of_element = names[0] == _ELEMENT
        return Path(text, tuple(names[of_element:]), of_element=of_element)
    message = f'"{text}" is no path; write the names of members like ticket.id, or /ticket/id'
    raise ValueError(message + _hint(text))


def _hint(text: str) -> str:
    plain = re.sub(r"\[['\"]?([^\[\]'\"]*)['\"]?\]", r".\1", text).removeprefix("$").strip(".")
    if plain != text and re.fullmatch(_DOTTED, plain):
        return f'; did you mean "{plain}"?'
    return ""


PATH: Final = Text(parse_path, {"pattern": f"^({_POINTER}|{_DOTTED})$"})
