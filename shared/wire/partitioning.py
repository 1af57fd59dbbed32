"""Which partition of the event log holds an item.

Kafka's own default for records with a key (murmur2), computed here: every producer must agree on
it, and it must not move when someone adds partitions to the topic.
"""

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


@lru_cache(maxsize=65_536)  # an item's events come close together, and hashing is slow in Python
def partition_of(item: str, partitions: int) -> int:
    """The partition of an item's key (`kind:subject`) among so many."""
    return (murmur2(item.encode()) & _POSITIVE) % partitions


def murmur2(key: bytes) -> int:
    """MurmurHash2 with Kafka's seed, 32 bits, unsigned (`Utils.murmur2` of its Java client)."""
    whole = len(key) & ~3
    result = _SEED ^ len(key)
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _MULTIPLIER & _MASK
        word = (word ^ (word >> 24)) * _MULTIPLIER & _MASK
        result = (result * _MULTIPLIER & _MASK) ^ word
    if rest := key[whole:]:
        result = (result ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    result = (result ^ (result >> 13)) * _MULTIPLIER & _MASK
    return result ^ (result >> 15)
