"""Questions that a picture in memory can answer, remembered by how they were put."""

from typing import ClassVar, Final, Protocol

from services.api.answering.responses import Answer
from services.api.board.board import Picture
from services.api.reading.objectives import Objectives
from shared.domain.instant import Instant

_KEPT: Final = 10_000
"""Questions that are kept, those asked last."""


class Question(Protocol):
    """A question that a picture can answer; `path` is the template of its operation."""

    path: ClassVar[str]

    def answer(self, objectives: Objectives, picture: Picture, now: Instant) -> Answer | None:
        """The answer; None where more is needed than the picture has."""


Asked = tuple[frozenset[str] | None, bytes, bytes]
"""Of which customers the caller may see promises, the path and the query as they came."""


class Questions:
    """The questions that were asked last, by how they were put."""

    def __init__(self) -> None:
        """None was asked yet."""
        self._kept: dict[Asked, Question] = {}

    def find(self, asked: Asked) -> Question | None:
        """What was meant by just these words."""
        return self._kept.get(asked)

    def keep(self, asked: Asked, question: Question) -> None:
        """Remember it."""
        self._kept[asked] = question
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
