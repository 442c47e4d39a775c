from __future__ import annotations

import random
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError, UnsupportedFormatError
from tablestore.format.binary_row import Timestamp, row_bytes
from tablestore.format.bucket import bucket_ids, row_hashes
from tablestore.format.values import values_to_arrow
from tablestore.types.model import BYTES, STRING, ArrayType, AtomicType
from tests.support.murmur import murmur_bytes

INT, BIGINT = AtomicType("INT"), AtomicType("BIGINT")
WIDE = Context(prec=60)


def decimal(precision: int, scale: int) -> AtomicType:
    return AtomicType("DECIMAL", precision=precision, scale=scale)


def ts(precision: int, name: str = "TIMESTAMP") -> AtomicType:
    return AtomicType(name, precision=precision)


# by Java: type, value, default bucket of 7, hive bucket of 7
VECTORS: list[tuple[AtomicType, Any, int, int]] = [
    (INT, 1, 5, 1),
    (BIGINT, 1, 5, 1),
    (AtomicType("BOOLEAN"), True, 5, 1),
    (INT, -1, 6, 1),
    (INT, None, 3, 0),
    (AtomicType("TINYINT"), -1, 1, 1),
    (AtomicType("SMALLINT"), -2, 6, 0),
    (BIGINT, 2**40, 6, 4),
    (AtomicType("FLOAT"), 1.5, 5, 6),
    (AtomicType("DOUBLE"), 1.5, 2, 6),
    (AtomicType("DATE"), 19000, 3, 2),
    (AtomicType("TIME", precision=3), 1234, 3, 2),
    (STRING, "", 5, 0),
    (STRING, "a", 5, 6),
    (STRING, "abcdefg", 0, 5),
    (STRING, "abcdefgh", 2, 2),
    (STRING, "abcdefgé", 5, 4),
    (BYTES, b"\1\2\3", 4, 4),
    (decimal(10, 2), Decimal("12.34"), 3, 1),
    (decimal(10, 2), Decimal("-12.34"), 3, 5),
    (decimal(20, 2), Decimal("12.34"), 0, 1),
    (decimal(20, 2), Decimal("-12.34"), 4, 5),
    (decimal(20, 2), None, 5, 0),
]


@pytest.mark.parametrize(("kind", "value", "default", "hive"), VECTORS)
def test_buckets_are_those_of_java(kind: AtomicType, value: object, default: int, hive: int):
    column = values_to_arrow([value], kind)
    assert bucket_ids([column], [kind], "default", 7).tolist() == [default]
    assert bucket_ids([column], [kind], "hive", 7).tolist() == [hive]


@pytest.mark.parametrize(
    ("kind", "value", "bucket"),
    [
        (ts(3), Timestamp(1700000000123), 2),
        (ts(6), Timestamp(1700000000123, 456000), 0),
        (ts(9), Timestamp(-1, 999999), 0),
        (ts(6), None, 0),
    ],
)
def test_timestamp_buckets_are_those_of_java(kind: AtomicType, value: object, bucket: int):
    assert bucket_ids([values_to_arrow([value], kind)], [kind], "default", 7).tolist() == [bucket]


def test_buckets_of_several_columns_are_those_of_java():
    columns = [pa.array([1], pa.int32()), pa.array(["abcdefghij"]), pa.array([2])]
    assert bucket_ids(columns, [INT, STRING, BIGINT], "default", 7).tolist() == [1]
    assert bucket_ids(columns, [INT, STRING, BIGINT], "hive", 7).tolist() == [1]
    columns = [pa.array(["abcdefghij"]), pa.array(["0123456789abc"])]
    assert bucket_ids(columns, [STRING, STRING], "default", 7).tolist() == [1]
    assert bucket_ids(columns, [STRING, STRING], "hive", 7).tolist() == [2]


def test_mod_buckets_are_floored():
    column = pa.array([17, -3, 5, -(2**63), None])
    assert bucket_ids([column], [BIGINT], "mod", 5).tolist() == [2, 2, 0, 2, 0]
    assert bucket_ids([column[:3].cast(pa.int32())], [INT], "mod", 5).tolist() == [2, 2, 0]


RND = random.Random(20)
WORDS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 40, 200]
KINDS: dict[AtomicType, Any] = {
    AtomicType("BOOLEAN"): lambda: RND.random() < 0.5,
    AtomicType("TINYINT"): lambda: RND.randint(-128, 127),
    AtomicType("SMALLINT"): lambda: RND.randint(-(2**15), 2**15 - 1),
    INT: lambda: RND.choice([0, -1, 2**31 - 1, -(2**31), RND.randint(-9, 9)]),
    BIGINT: lambda: RND.choice([0, -1, 2**63 - 1, -(2**63), RND.randint(-(10**15), 10**15)]),
    AtomicType("FLOAT"): lambda: RND.choice([0.0, -0.0, float("nan"), -float("nan"), 1.5]),
    AtomicType("DOUBLE"): lambda: RND.choice([0.0, -0.0, float("nan"), -float("nan"), -3.1]),
    AtomicType("DATE"): lambda: RND.randint(-(10**5), 10**5),
    AtomicType("TIME", precision=3): lambda: RND.randint(0, 86_399_999),
    ts(3): lambda: Timestamp(RND.randint(-(10**13), 10**13)),
    ts(6): lambda: Timestamp(RND.randint(-(10**13), 10**13), RND.randint(0, 999) * 1000),
    ts(9, "TIMESTAMP_LTZ"): lambda: Timestamp(
        RND.randint(-9 * 10**12, 9 * 10**12), RND.randint(0, 999_999)
    ),
    AtomicType("CHAR", 5): lambda: "abcde"[: RND.randint(0, 5)],
    STRING: lambda: "".join(RND.choice("aé中😀") for _ in range(RND.choice(WORDS))),
    BYTES: lambda: RND.randbytes(RND.choice(WORDS)),
    decimal(18, 3): lambda: Decimal(RND.randint(-(10**18) + 1, 10**18 - 1)).scaleb(-3, WIDE),
    decimal(19, 2): lambda: Decimal(RND.choice([0, -1, 127, 128, -128, -129, 10**19 - 1])).scaleb(
        -2, WIDE
    ),
    decimal(38, 0): lambda: Decimal(
        RND.choice([1, -1]) * RND.randint(0, 10 ** RND.randint(1, 38) - 1)
    ),
}


def columns_of(kinds: list[AtomicType], rows: int, *, nulls: bool) -> list[list[Any]]:
    return [
        [None if nulls and RND.random() < 0.2 else KINDS[kind]() for _ in range(rows)]
        for kind in kinds
    ]


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.sql())
def test_hashes_of_a_column_equal_those_of_its_rows(kind: AtomicType, *, nulls: bool):
    (values,) = columns_of([kind], 300, nulls=nulls)
    wanted = [murmur_bytes(row_bytes((value,), (kind,))) for value in values]
    assert row_hashes([values_to_arrow(values, kind)], [kind]).tolist() == wanted
    # a slice of a longer array lies at an offset in its buffers
    longer = values_to_arrow([*values[:5], *values], kind)
    assert row_hashes([longer[5:]], [kind]).tolist() == wanted
    chunked = pa.chunked_array([longer[5:17], longer[17:]])
    assert row_hashes([chunked], [kind]).tolist() == wanted


@pytest.mark.parametrize("width", [2, 3, 7, 56, 57, 130])
def test_hashes_of_wide_rows_equal_those_of_their_bytes(width: int):
    kinds = [RND.choice(list(KINDS)) for _ in range(width)]
    columns = columns_of(kinds, 50, nulls=True)
    wanted = [murmur_bytes(row_bytes(row, kinds)) for row in zip(*columns, strict=True)]
    arrays = [values_to_arrow(c, k) for c, k in zip(columns, kinds, strict=True)]
    assert row_hashes(arrays, kinds).tolist() == wanted


def test_hashes_do_not_depend_on_where_a_row_stands():
    names = [f"{'n' * (i % 23)}{i}" for i in range(70_000)]
    whole = row_hashes([pa.array(names)], [STRING])
    some = [0, 1, 32_767, 32_768, 65_535, 65_536, 69_999]
    assert [whole[i] for i in some] == [
        murmur_bytes(row_bytes((names[i],), (STRING,))) for i in some
    ]


def test_a_giant_value_among_small_ones_is_hashed():
    values = ["x" * 100_003, "y", "z" * 5000]
    wanted = [murmur_bytes(row_bytes((value,), (STRING,))) for value in values]
    assert row_hashes([pa.array(values)], [STRING]).tolist() == wanted


def test_large_and_encoded_text_hash_like_text():
    values = ["a", None, "a longer text", ""]
    wanted = row_hashes([pa.array(values)], [STRING]).tolist()
    for array in (pa.array(values, pa.large_string()), pa.array(values).dictionary_encode()):
        assert row_hashes([array], [STRING]).tolist() == wanted


def test_no_rows_have_no_buckets():
    for kind in KINDS:
        empty = values_to_arrow([], kind)
        assert bucket_ids([empty], [kind], "default", 3).tolist() == []
        if kind.name not in ("TIMESTAMP", "TIMESTAMP_LTZ"):
            assert bucket_ids([empty], [kind], "hive", 3).tolist() == []


def test_all_rows_may_be_null():
    for kind in KINDS:
        nulls = values_to_arrow([None, None], kind)
        wanted = murmur_bytes(row_bytes((None,), (kind,)))
        assert row_hashes([nulls], [kind]).tolist() == [wanted] * 2


def java_decimal_hash(value: Decimal) -> int:
    """Java's BigDecimal.hashCode after stripTrailingZeros with a scale of at least 0."""
    if value == 0:
        return 0
    sign, digits, exponent = value.normalize(WIDE).as_tuple()
    assert isinstance(exponent, int)
    number = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    words, hashed = [], 0
    while number:
        words.append(number & 0xFFFFFFFF)
        number >>= 32
    for word in reversed(words):
        hashed = 31 * hashed + word
    return (31 * (-hashed if sign else hashed) - min(exponent, 0)) & 0xFFFFFFFF


@pytest.mark.parametrize(("precision", "scale"), [(9, 0), (18, 6), (38, 6), (38, 38)])
def test_hive_hashes_of_decimals_equal_those_of_big_decimal(precision: int, scale: int):
    numbers = [0, 1, -1, 10**precision - 1, 1 - 10**precision]
    numbers += [RND.randint(0, 10 ** RND.randint(1, precision - 3)) * 1000 for _ in range(300)]
    values = [Decimal(n * RND.choice([1, -1])).scaleb(-scale, WIDE) for n in numbers]
    kind = decimal(precision, scale)
    buckets = bucket_ids([values_to_arrow(values, kind)], [kind], "hive", 1_000_003)
    assert buckets.tolist() == [(java_decimal_hash(v) & 0x7FFFFFFF) % 1_000_003 for v in values]


def test_hive_hashes_of_text_equal_the_polynomial_of_31():
    values = ["", None, "a", "é" * 50, "zz", "x" * 1000]
    wanted = []
    for value in values:
        hashed = 0
        for byte in (value or "").encode():
            hashed = 31 * hashed + (byte - 256 if byte > 127 else byte)
        wanted.append((hashed & 0x7FFFFFFF) % 1009)
    assert bucket_ids([pa.array(values)], [STRING], "hive", 1009).tolist() == wanted
    assert bucket_ids([pa.array(["?", *values])[1:]], [STRING], "hive", 1009).tolist() == wanted


def test_hive_takes_both_zeros_as_one_and_nan_as_java_does():
    doubles = pa.array([0.0, -0.0, float("nan")])
    wanted = [0, 0, 0x7FF80000 % 1009]
    assert bucket_ids([doubles], [AtomicType("DOUBLE")], "hive", 1009).tolist() == wanted
    floats = doubles.cast(pa.float32())
    wanted = [0, 0, 0x7FC00000 % 1009]
    assert bucket_ids([floats], [AtomicType("FLOAT")], "hive", 1009).tolist() == wanted


def test_buckets_are_int32():
    for function in ("default", "mod", "hive"):
        buckets = bucket_ids([pa.array([1])], [BIGINT], function, 3)
        assert buckets.dtype == np.int32


def test_wrong_functions_and_keys_are_named():
    column = pa.array(["a"])
    with pytest.raises(InvalidInputError, match="unknown bucket function 'murmur'"):
        bucket_ids([column], [STRING], "murmur", 3)
    with pytest.raises(InvalidInputError, match="needs one INT or BIGINT bucket key, found STRING"):
        bucket_ids([column], [STRING], "mod", 3)
    with pytest.raises(InvalidInputError, match="found INT, INT"):
        bucket_ids([column, column], [INT, INT], "mod", 3)
    with pytest.raises(InvalidInputError, match="at least 1, found 0"):
        bucket_ids([column], [STRING], "default", 0)


def test_types_that_cannot_be_hashed_are_named():
    stamp = values_to_arrow([Timestamp(0)], ts(3))
    with pytest.raises(UnsupportedFormatError, match=r"'hive' does not hash TIMESTAMP\(3\)"):
        bucket_ids([stamp], [ts(3)], "hive", 3)
    for function in ("default", "hive"):
        with pytest.raises(UnsupportedFormatError, match="ARRAY<INT>"):
            bucket_ids([pa.array([[1]])], [ArrayType(INT)], function, 3)
