from __future__ import annotations

import math
import random
import struct
from decimal import Decimal
from typing import Any

import pytest

from tablestore.errors import CorruptDataError, InvalidInputError, UnsupportedFormatError
from tablestore.format.binary_row import Timestamp, decode_row, encode_row, row_arity, row_bytes
from tablestore.types.model import (
    BYTES,
    STRING,
    ArrayType,
    AtomicType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
)
from tests.support.murmur import murmur_bytes

BOOLEAN, TINYINT, SMALLINT = AtomicType("BOOLEAN"), AtomicType("TINYINT"), AtomicType("SMALLINT")
INT, BIGINT, DATE = AtomicType("INT"), AtomicType("BIGINT"), AtomicType("DATE")
FLOAT, DOUBLE, TIME3 = AtomicType("FLOAT"), AtomicType("DOUBLE"), AtomicType("TIME", precision=3)
DEC10, DEC20 = (AtomicType("DECIMAL", precision=p, scale=2) for p in (10, 20))
TS3, TS6, TS9 = (AtomicType("TIMESTAMP", precision=p) for p in (3, 6, 9))
ROW = RowType((DataField(0, "a", INT), DataField(1, "b", STRING)))

# written by Java: types, values, serialized bytes, hash, default bucket of 7
VECTORS: list[tuple[tuple[DataType, ...], tuple[Any, ...], str, int, int]] = [
    ((), (), "000000000000000000000000", -1670924195, 3),
    ((INT,), (1,), "0000000100000000000000000100000000000000", 1465514398, 5),
    ((BIGINT,), (1,), "0000000100000000000000000100000000000000", 1465514398, 5),
    ((BOOLEAN,), (True,), "0000000100000000000000000100000000000000", 1465514398, 5),
    ((INT,), (-1,), "000000010000000000000000ffffffff00000000", 1133687267, 6),
    ((INT,), (None,), "0000000100010000000000000000000000000000", -1748325344, 3),
    ((TINYINT,), (-1,), "000000010000000000000000ff00000000000000", 2004758659, 1),
    ((SMALLINT,), (-2,), "000000010000000000000000feff000000000000", 557672611, 6),
    ((BIGINT,), (2**40,), "0000000100000000000000000000000000010000", 895061894, 6),
    ((FLOAT,), (1.5,), "0000000100000000000000000000c03f00000000", -173842779, 5),
    ((DOUBLE,), (1.5,), "000000010000000000000000000000000000f83f", 1860889473, 2),
    ((DATE,), (19000,), "000000010000000000000000384a000000000000", -1241043695, 3),
    ((TIME3,), (1234,), "000000010000000000000000d204000000000000", -1096042293, 3),
    ((STRING,), ("",), "0000000100000000000000000000000000000080", 302122119, 5),
    ((STRING,), ("a",), "0000000100000000000000006100000000000081", 943281246, 5),
    ((STRING,), ("abcdefg",), "0000000100000000000000006162636465666787", -1431907323, 0),
    (
        (STRING,),
        ("abcdefgh",),
        "00000001000000000000000008000000100000006162636465666768",
        -843760178,
        2,
    ),
    (
        (STRING,),
        ("abcdefgé",),
        "000000010000000000000000090000001000000061626364656667c3a900000000000000",
        -1731843286,
        5,
    ),
    ((BYTES,), (b"\1\2\3",), "0000000100000000000000000102030000000083", 1066645297, 4),
    ((DEC10,), (Decimal("12.34"),), "000000010000000000000000d204000000000000", -1096042293, 3),
    ((DEC10,), (Decimal("-12.34"),), "0000000100000000000000002efbffffffffffff", 808378434, 3),
    (
        (DEC20,),
        (Decimal("12.34"),),
        "000000010000000000000000020000001000000004d20000000000000000000000000000",
        -531788649,
        0,
    ),
    (
        (DEC20,),
        (Decimal("-12.34"),),
        "0000000100000000000000000200000010000000fb2e0000000000000000000000000000",
        809605724,
        4,
    ),
    (
        (DEC20,),
        (None,),
        "000000010001000000000000000000001000000000000000000000000000000000000000",
        -1380280760,
        5,
    ),
    (
        (TS3,),
        (Timestamp(1700000000123),),
        "0000000100000000000000007b68e5cf8b010000",
        -1285420957,
        2,
    ),
    (
        (TS6,),
        (Timestamp(1700000000123, 456000),),
        "00000001000000000000000040f50600100000007b68e5cf8b010000",
        1196670069,
        0,
    ),
    (
        (TS9,),
        (Timestamp(-1, 999999),),
        "0000000100000000000000003f420f0010000000ffffffffffffffff",
        61627685,
        0,
    ),
    ((TS6,), (None,), "00000001000100000000000000000000100000000000000000000000", -340882661, 0),
    (
        (INT, STRING, BIGINT),
        (1, "abcdefghij", 2),
        "00000003000000000000000001000000000000000a0000002000000002000000000000006162636465666768"
        "696a000000000000",
        -1204311375,
        1,
    ),
    (
        (STRING, STRING),
        ("abcdefghij", "0123456789abc"),
        "0000000200000000000000000a000000180000000d000000280000006162636465666768696a000000000000"
        "30313233343536373839616263000000",
        -1585732541,
        1,
    ),
    (
        (ArrayType(INT),),
        ([1, None, 3],),
        "0000000100000000000000001800000010000000030000000200000001000000000000000300000000000000",
        1830759751,
        2,
    ),
    (
        (ArrayType(STRING),),
        (["a", "abcdefghi", None],),
        "0000000100000000000000003000000010000000030000000400000061000000000000810900000020000000"
        "000000000000000061626364656667686900000000000000",
        -344985500,
        6,
    ),
    (
        (MapType(STRING, INT),),
        ({"k1": 1, "k2": None},),
        "0000000100000000000000002c000000100000001800000002000000000000006b310000000000826b320000"
        "000000820200000002000000010000000000000000000000",
        1430087439,
        4,
    ),
    (
        (ROW,),
        ((5, "abc"),),
        "0000000100000000000000001800000010000000000000000000000005000000000000006162630000000083",
        513132583,
        5,
    ),
]


@pytest.mark.parametrize(("types", "values", "serialized", "hashed", "bucket"), VECTORS)
def test_rows_are_those_of_java(
    types: tuple[DataType, ...], values: tuple[Any, ...], serialized: str, hashed: int, bucket: int
):
    assert encode_row(values, types).hex() == serialized
    assert decode_row(bytes.fromhex(serialized), types) == values
    assert murmur_bytes(row_bytes(values, types)) == hashed
    assert abs(hashed) % 7 == bucket


def test_the_row_kind_is_the_first_byte_of_the_row():
    row = encode_row((1,), (INT,), kind=3)
    assert row.hex() == "0000000103000000000000000100000000000000"
    assert decode_row(row, (INT,)) == (1,)


def test_the_57th_field_widens_the_null_bits():
    values = (*range(55), None, None)
    row = encode_row(values, (INT,) * 57)
    assert row[:4].hex() == "00000039"
    assert row[4:20].hex(" ") == "00 00 00 00 00 00 00 80 01 00 00 00 00 00 00 00"
    assert murmur_bytes(row[4:]) == -843043455
    assert decode_row(row, (INT,) * 57) == values
    assert len(encode_row(range(56), (INT,) * 56)) == 4 + 8 + 56 * 8


def test_negative_zero_and_nan_keep_their_java_bits():
    assert encode_row((-0.0,), (DOUBLE,))[12:].hex() == "0000000000000080"
    assert encode_row((-0.0,), (FLOAT,))[12:].hex() == "0000008000000000"
    assert math.copysign(1, decode_row(encode_row((-0.0,), (DOUBLE,)), (DOUBLE,))[0]) == -1
    for nan in (math.nan, -math.nan):
        assert encode_row((nan,), (FLOAT,))[12:].hex() == "0000c07f00000000"
        assert encode_row((nan,), (DOUBLE,))[12:].hex() == "000000000000f87f"


def test_null_slots_of_old_releases_are_read():
    # before 1.2 statistics hold plain zero slots for these types
    data = bytes.fromhex("00000002" + "0003000000000000" + "00" * 16)
    assert decode_row(data, (DEC20, TS9)) == (None, None)


def big(precision: int, scale: int) -> AtomicType:
    return AtomicType("DECIMAL", precision=precision, scale=scale)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("precision", "scale"), [(18, 0), (18, 18), (19, 0), (38, 0), (38, 38)])
def test_the_widest_decimals_survive(precision: int, scale: int, sign: int):
    value = Decimal((sign < 0, (9,) * precision, -scale))
    kind = big(precision, scale)
    found = decode_row(encode_row((value,), (kind,)), (kind,))[0]
    assert found.as_tuple() == value.as_tuple()


def test_decimals_take_the_scale_of_the_type():
    for text in ("5", "5.0", "5.00", "500E-2", "0.05E2"):
        assert encode_row((Decimal(text),), (DEC10,))[12:16].hex() == "f4010000"
    zero = decode_row(encode_row((Decimal("0E+30"),), (DEC20,)), (DEC20,))[0]
    assert str(zero) == "0.00"


@pytest.mark.parametrize("number", [12345678900, 2**63 - 1, -(2**63)])
def test_sums_of_short_decimals_may_have_more_digits_as_in_java(number: int):
    value = Decimal(number).scaleb(-2)
    data = encode_row((value,), (DEC10,))
    assert struct.unpack("<q", data[12:20]) == (number,)
    assert decode_row(data, (DEC10,)) == (value,)


@pytest.mark.parametrize(
    "text", ["0.001", "92233720368547758.08", "NaN", "Infinity", "1E+400", "1E-400"]
)
def test_decimals_that_do_not_fit_are_refused(text: str):
    with pytest.raises(InvalidInputError, match=r"is not a DECIMAL\(10, 2\)"):
        encode_row((Decimal(text),), (DEC10,))


@pytest.mark.parametrize(
    ("kind", "value"),
    [(TINYINT, 128), (SMALLINT, -32769), (INT, 2**31), (BIGINT, 2**63), (INT, "1"), (FLOAT, 1e300)],
)
def test_numbers_that_do_not_fit_are_refused(kind: AtomicType, value: object):
    with pytest.raises(InvalidInputError, match=f"is not a {kind.name}"):
        encode_row((value,), (kind,))


def test_nested_values_survive():
    inner = RowType((DataField(0, "x", ArrayType(DEC20)), DataField(1, "y", MultisetType(STRING))))
    kind = ArrayType(MapType(INT, inner))
    value = [{1: ([Decimal("1.50"), None], {"a": 2, "long enough": 1}), 2: None}, None, {}]
    assert decode_row(encode_row((value,), (kind,)), (kind,)) == (value,)


def test_wide_and_narrow_array_elements_survive():
    for element, values in (
        (BOOLEAN, [True, None, False] * 30),
        (TINYINT, [-1, 2]),
        (SMALLINT, [-300, None]),
        (FLOAT, [1.5]),
        (BIGINT, [None] * 40),
        (TS9, [Timestamp(-5, 7), None]),
        (BYTES, [b"", b"x" * 20]),
    ):
        kind = ArrayType(element)
        assert decode_row(encode_row((values,), (kind,)), (kind,)) == (values,)


@pytest.mark.parametrize("kind", [AtomicType("VARIANT"), AtomicType("GEOMETRY")])
def test_types_without_a_form_are_named(kind: AtomicType):
    with pytest.raises(UnsupportedFormatError, match=kind.name):
        encode_row((None,), (kind,))


ONE = "0000000000000000"


@pytest.mark.parametrize(
    ("types", "data", "words"),
    [
        ((INT,), "", "at least 4 bytes, found 0"),
        ((INT,), "00000002", "1 fields, found 2"),
        ((INT,), "ffffffff", "1 fields, found -1"),
        ((INT,), "00000001" + ONE, "at least 16 bytes, found 8"),
        ((STRING,), "00000001" + ONE + "08000000ffffff7f", "a place inside 16 bytes"),
        ((STRING,), "00000001" + ONE + "09000000" + "08000000", "9 bytes at 8"),
        ((STRING,), "00000001" + ONE + "00000000000000ff", "a length of 0 to 7, found 127"),
        ((STRING,), "00000001" + ONE + "ff00000000000081", "UTF-8 text, found 0xff"),
        ((DEC20,), "00000001" + ONE + "0000000010000000", "a decimal of 1 to 16 bytes, found 0"),
        ((TS9,), "00000001" + ONE + "0000000010000000", "8 bytes at 16"),
        ((TS9,), "00000001" + ONE + "40420f0000000000", "0 to 999999 nanoseconds, found 1000000"),
        ((ArrayType(INT),), "00000001" + ONE + "0000000010000000", "at least 4 bytes"),
        (
            (ArrayType(INT),),
            "00000001" + ONE + "0800000010000000" + "ffffff7f00000000",
            "elements that fit 8 bytes",
        ),
        (
            (ArrayType(INT),),
            "00000001" + ONE + "0800000010000000" + "ffffffff00000000",
            "a size of at least 0, found -1",
        ),
        (
            (MapType(INT, INT),),
            "00000001" + ONE + "0800000010000000" + "0900000000000000",
            "keys of at most 4 bytes, found 9",
        ),
        ((ROW,), "00000001" + ONE + "0800000010000000" + ONE, "at least 24 bytes, found 8"),
    ],
)
def test_damaged_rows_are_named(types: tuple[DataType, ...], data: str, words: str):
    with pytest.raises(CorruptDataError, match="BinaryRow is damaged at byte") as caught:
        decode_row(bytes.fromhex(data), types)
    assert words in str(caught.value)


def test_flipped_bytes_raise_only_our_errors():
    types = (INT, STRING, DEC20, TS9, ArrayType(STRING), MapType(STRING, INT), ROW)
    values = (1, "text " * 5, Decimal(3), Timestamp(1, 2), ["a", "b" * 9], {"k": 1}, (1, "x" * 9))
    good = encode_row(values, types)
    rnd = random.Random(1)
    damaged = 0
    for _ in range(2000):
        data = bytearray(good)
        data[rnd.randrange(len(data))] = rnd.randrange(256)
        try:
            decode_row(bytes(data), types)
        except CorruptDataError:
            damaged += 1
    assert damaged > 100


def test_the_number_of_fields_is_read_first():
    assert row_arity(encode_row((1, 2), (INT, INT))) == 2
