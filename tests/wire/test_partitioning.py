"""Items go where Kafka's own clients would put them."""

import pytest
from aiokafka.partitioner import murmur2 as client_murmur2
from hypothesis import given
from hypothesis import strategies as st

from shared.wire.partitioning import murmur2, partition_of


# The vectors of Kafka's own UtilsTest, there as signed integers.
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@given(st.binary(max_size=64))
def test_the_hash_is_the_python_clients_for_any_key(key: bytes) -> None:
    assert murmur2(key) == client_murmur2(key)


def test_the_sign_bit_is_cut_off_before_the_remainder() -> None:
    assert partition_of("foobar", 8) == (-790332482 & 0x7FFFFFFF) % 8 == 6
    assert partition_of("21", 1) == 0


def test_a_key_that_is_not_ascii_is_hashed_as_utf8() -> None:
    item = "ticket:Größe-😀"
    assert partition_of(item, 97) == (client_murmur2(item.encode()) & 0x7FFFFFFF) % 97
