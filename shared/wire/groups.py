"""The values of a group as the tables hold them: a JSON list of texts."""

import json
from functools import lru_cache


@lru_cache(maxsize=65_536)
def group_text(group: tuple[str, ...]) -> str:
    """Write the values, in `groupBy` order."""
    return json.dumps(group, ensure_ascii=False, separators=(",", ":"))


def group_of(text: str) -> tuple[str, ...]:
    """Read what `group_text` wrote."""
    return tuple(json.loads(text))
