"""How much one caller may ask: so many requests a minute, and so many at once.

Each process counts for itself: `n` replicas allow up to `n` times as much.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

WINDOW_S: Final = 60
CALLERS_MAX: Final = 20_000
"""Callers that are remembered; of more the one that was quiet for longest is forgotten."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a quota: `left` requests; all of it again in `full_in_s`."""

    quota: int
    left: int
    full_in_s: int
    wait_s: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether the request is one too many; it may be made in `wait_s`."""
        return self.wait_s > 0


class Rates:
    """Requests a minute by caller: a bucket that fills evenly."""

    def __init__(self, per_minute: int, elapsed: Callable[[], float]) -> None:
        """`elapsed` is a steady clock in seconds; 0 a minute is no limit."""
        self._quota = per_minute
        self._elapsed = elapsed
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, cost: int = 1) -> Allowance | None:
        """Count a request of a caller; None where nothing is limited."""
        if not self._quota:
            return None
        bucket = self._filled(name)
        rate = self._quota / WINDOW_S
        wait = 0
        if bucket.left >= min(cost, self._quota):
            bucket.left -= cost
        else:
            wait = max(1, ceil((min(cost, self._quota) - bucket.left) / rate))
        full_in = ceil((self._quota - bucket.left) / rate)
        return Allowance(self._quota, max(0, int(bucket.left)), full_in, wait)

    def _filled(self, name: str) -> _Bucket:
        now = self._elapsed()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._quota, now)
            if len(self._buckets) > CALLERS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        more = (now - bucket.at) * self._quota / WINDOW_S
        bucket.left, bucket.at = min(self._quota, bucket.left + more), now
        return bucket


class AtOnce:
    """Requests that are being answered, by caller."""

    def __init__(self, most: int) -> None:
        """0 is no limit."""
        self._most = most
        self._under_way: Counter[str] = Counter()

    def begin(self, name: str) -> bool:
        """Count one more; false where there are too many already."""
        if self._most and self._under_way[name] >= self._most:
            return False
        self._under_way[name] += 1
        return True

    def end(self, name: str) -> None:
        """Count one less."""
        self._under_way[name] -= 1
        if not self._under_way[name]:
            del self._under_way[name]
