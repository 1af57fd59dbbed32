"""Answers that were made of one picture of the states, for who asks the same again."""

from collections.abc import Hashable
from typing import Final

from services.api.answering.responses import Answer
from shared.domain.instant import Instant

BYTES_MAX: Final = 8_000_000
"""How much is kept of them by picture."""


class KeptAnswers:
    """Answers by what was asked; each is good up to an instant of the wall clock."""

    __slots__ = ("_bytes", "_found")

    def __init__(self) -> None:
        """None is kept yet."""
        self._found: dict[Hashable, tuple[Answer, Instant]] = {}
        self._bytes = 0

    def find(self, asked: Hashable, now: Instant) -> Answer | None:
        """The answer to just that, while it is good."""
        answer, until = self._found.get(asked, (None, now))
        return answer if now <= until else None

    def keep(self, asked: Hashable, answer: Answer, until: Instant) -> None:
        """Keep an answer while there is room."""
        if self._bytes + len(answer.body) <= BYTES_MAX:
            self._bytes += len(answer.body)
            self._found[asked] = (answer, until)
