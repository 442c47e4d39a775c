"""Decimals of few digits that hold more: kept where the file keeps them, else refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tablestore.datafile.digits import check_digits
from tablestore.errors import InvalidInputError


def decimals(numbers: list[int | None], precision: int) -> pa.RecordBatch:
    """Unscaled numbers that nothing has looked at the digits of; the words of nulls are huge."""
    words = np.array(
        [[2**64 - 1 - 2**63, 0] if n is None else [n % 2**64, 2**64 - 1 if n < 0 else 0]
         for n in (7, *numbers)], dtype=np.uint64,
    )  # fmt: skip
    valid = pa.array([True, *(n is not None for n in numbers)]).buffers()[1]
    kind = pa.decimal128(precision, 2)
    column = pa.Array.from_buffers(kind, len(words), [valid, pa.py_buffer(words.tobytes())])
    return pa.record_batch([column.slice(1)], names=["paid"])


@pytest.mark.parametrize("file_format", ["parquet", "orc", "avro"])
@pytest.mark.parametrize("precision", [5, 9, 10, 18])
def test_values_of_the_type_are_kept(file_format: str, precision: int):
    high = 10**precision - 1
    check_digits(decimals([0, high, -high, None], precision), file_format)
    check_digits(decimals([], precision), file_format)


@pytest.mark.parametrize("file_format", ["orc", "avro"])
@pytest.mark.parametrize("precision", [5, 9, 10, 18])
@pytest.mark.parametrize("sign", [1, -1])
def test_orc_and_avro_would_give_null(file_format: str, precision: int, sign: int):
    rows = decimals([1, None, sign * 10**precision], precision)
    with pytest.raises(InvalidInputError, match="column 'paid': the value") as said:
        check_digits(rows, file_format)
    assert str(Decimal(sign * 10**precision).scaleb(-2)) in str(said.value)
    assert f"DECIMAL({precision}, 2)" in str(said.value)


@pytest.mark.parametrize(("precision", "bits"), [(5, 32), (9, 32), (10, 64), (18, 64)])
def test_parquet_keeps_what_its_integers_hold(precision: int, bits: int):
    high = 2 ** (bits - 1) - 1
    check_digits(decimals([high, -high - 1, None], precision), "parquet")
    if bits == 32:
        for number in (high + 1, -high - 2):
            with pytest.raises(InvalidInputError, match="cannot be stored in Parquet"):
                check_digits(decimals([number], precision), "parquet")


def test_other_types_are_not_looked_at():
    wide = pa.array([Decimal(1)], pa.decimal128(19, 0))
    check_digits(pa.record_batch([wide, pa.array(["a"])], names=["w", "t"]), "orc")
