"""Casts against what Java makes of the same values.

`cast_vectors.json` holds the answers of `org.apache.paimon.casting.CastExecutors` of Apache Paimon
2.0.0 in zone UTC; `tests/support/oracle_casts.py` made it and makes it again.
"""

from __future__ import annotations

import decimal
import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.runs.casts import cast, has_cast
from tablestore.types.arrow import to_arrow
from tablestore.types.json import type_from_json
from tablestore.types.model import ArrayType, MapType, RowType
from tablestore.types.parse import parse_type

VECTORS = json.loads((Path(__file__).parent / "cast_vectors.json").read_text(encoding="utf-8"))
# a type that stays the same needs no cast: files are read as they are
PAIRS = [pair for pair in VECTORS["pairs"] if pair["from"] != pair["to"]]
RULES = [pair for pair in PAIRS if pair["rule"]]
# A year and a month without hours: Java computes 22 days before midnight of it. It is refused here.
NOT_A_TIME = "2022-01"
# FLOATs that JDK 17, which made the vectors, does not spell the shortest way (JDK 19 and we do)
NOT_SHORTEST = {2147483647.0, 2147483648.0, 1e20, 3e17, 1e19, 1e38}
_STEPS = {"ms": 1, "us": 1000, "ns": 10**6}


def to_array(values, kind):
    """JSON values of the oracle as an Arrow array, by plain Python."""
    if isinstance(kind, ArrayType):
        items = [x for v in values for x in (v or [])]
        offsets = _offsets(values)
        mask = pa.array([v is None for v in values])
        items = to_array(items, kind.element)
        return pa.ListArray.from_arrays(offsets, items, type=to_arrow(kind), mask=mask)
    if isinstance(kind, MapType):
        pairs = [pair for v in values for pair in v]
        keys = to_array([k for k, _ in pairs], kind.key)
        items = to_array([x for _, x in pairs], kind.value)
        return pa.MapArray.from_arrays(_offsets(values), keys, items, type=to_arrow(kind))
    if isinstance(kind, RowType):
        parts = [to_array([v[i] for v in values], f.type) for i, f in enumerate(kind.fields)]
        return pa.StructArray.from_arrays(parts, fields=list(to_arrow(kind)))
    target = to_arrow(kind)
    if kind.name in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        steps = _STEPS[target.unit]
        plain = [None if v is None else v[0] * steps + v[1] * steps // 10**6 for v in values]
        return pa.array(plain, pa.int64()).view(target)
    if kind.name in ("DATE", "TIME"):
        return pa.array(values, pa.int32()).view(target)
    if kind.name == "DECIMAL":
        return pa.array([None if v is None else decimal.Decimal(v) for v in values], target)
    if kind.name in ("BINARY", "VARBINARY"):
        return pa.array([None if v is None else bytes.fromhex(v) for v in values], target)
    if kind.name in ("FLOAT", "DOUBLE"):
        return pa.array([None if v is None else float(v) for v in values], target)
    return pa.array(values, target)


def _offsets(values):
    offsets = [0]
    for value in values:
        offsets.append(offsets[-1] + len(value or []))
    return pa.array(offsets, pa.int32())


def plain(array):
    """Comparable values: bits of real numbers, so that -0.0 and NaN count."""
    if pa.types.is_float64(array.type) or pa.types.is_float32(array.type):
        return [
            None if x is None else (math.copysign(1, x), "NaN" if x != x else x)
            for x in array.to_pylist()
        ]
    if pa.types.is_temporal(array.type):
        return array.view(pa.int64() if array.type.bit_width == 64 else pa.int32()).to_pylist()
    return [str(x) for x in array]


def fits(value, kind):
    """Whether Arrow's type holds a moment of Java's."""
    target = to_arrow(kind)
    if value is None or not pa.types.is_timestamp(target):
        return True
    return abs(value[0]) * _STEPS[target.unit] < 2**63 - 10**6


def good_cases(pair):
    """What Java casts without an error, and alike in all its releases."""
    old, new = kind_of(pair["from"]), kind_of(pair["to"])
    good = [c for c in pair["cases"] if len(c) == 2 and fits(c[1], new)]
    if new.sql().startswith("TIME("):
        good = [c for c in good if c[0] != NOT_A_TIME]
    if old.sql() == "FLOAT" and new.sql().startswith(("CHAR", "VARCHAR", "STRING", "DECIMAL")):
        good = [c for c in good if c[0] not in NOT_SHORTEST]
    if str(pair["from"]).startswith("TIMESTAMP") and new.sql() == "DATE":
        good = [c for c in good if c[0][0] >= 0]  # 2.0.0 rounds up before 1970, 2.1 does not
    assert len(good) >= 2
    return good


def _label(pair):
    return f"{str(pair['from'])[:24]}-{str(pair['to'])[:24]}"


def kind_of(text):
    return type_from_json(text)


@pytest.mark.parametrize("source", sorted({str(p["from"]) for p in PAIRS}))
def test_a_pair_has_a_rule_where_java_has_one(source):
    for pair in (p for p in PAIRS if str(p["from"]) == source):
        old, new = kind_of(pair["from"]), kind_of(pair["to"])
        assert has_cast(old, new) == pair["rule"], (old, new)


@pytest.mark.parametrize("pair", RULES, ids=_label)
def test_values_become_what_java_makes_of_them(pair):
    old, new = kind_of(pair["from"]), kind_of(pair["to"])
    good = good_cases(pair)
    got = cast(to_array([c[0] for c in good], old), old, new, "c")
    want = [c[1] for c in good]
    assert got.type == to_arrow(new)
    rows = zip([c[0] for c in good], plain(got), plain(to_array(want, new)), strict=True)
    assert [row for row in rows if row[1] != row[2]] == []


@pytest.mark.parametrize("pair", RULES, ids=_label)
def test_values_that_java_refuses_are_refused(pair):
    old, new = kind_of(pair["from"]), kind_of(pair["to"])
    for case in (c for c in pair["cases"] if len(c) == 1):
        with pytest.raises(CorruptDataError, match="column c"):
            got = cast(to_array([case[0]], old), old, new, "c")
            pytest.fail(f"{old} {case[0]!r} became {got} of {new}")


@pytest.mark.parametrize("pair", RULES, ids=_label)
def test_null_stays_null_and_slices_are_respected(pair):
    old, new = kind_of(pair["from"]), kind_of(pair["to"])
    good = good_cases(pair)[-1:]
    one = to_array([good[0][0]], old)
    array = pa.concat_arrays([one, pa.nulls(2, one.type), one])
    got = cast(array, old, new, "c")
    assert got.is_null().to_pylist()[1:3] == [True, True]
    assert plain(cast(array.slice(1), old, new, "c")) == plain(got.slice(1))
    assert len(cast(array.slice(0, 0), old, new, "c")) == 0


def test_timestamps_with_a_t_are_read_as_java_2_1_reads_them():
    """Paimon 2.0.0 refuses the T; the answers are those of 2.1-SNAPSHOT at commit 5dacde5."""
    texts = ["2022-01-08T10:11:12", "2022-01-08T10:11", "2022-01-08T10:11:12.5", "2022-01-08T1:2"]
    texts.append("2022-01-08T10:11:12.123456789")
    got = cast(pa.array(texts), parse_type("STRING"), parse_type("TIMESTAMP(3)"), "c")
    assert got.view(pa.int64()).to_pylist() == [
        1641636672000, 1641636660000, 1641636672500, 1641603720000, 1641636672123,
    ]  # fmt: skip


def test_days_before_1970_are_those_of_java_2_1():
    """Paimon 2.0.0 rounds towards 1970; the answers are those of 2.1-SNAPSHOT at 5dacde5."""
    millis = pa.array([-1, -1501, -86400000, -62135596800000, 1]).view(pa.timestamp("ms"))
    got = cast(millis, parse_type("TIMESTAMP(3)"), parse_type("DATE"), "c")
    assert got.view(pa.int32()).to_pylist() == [-1, -1, -1, -719162, 0]


def test_a_change_without_a_rule_names_column_and_types():
    with pytest.raises(UnsupportedFormatError, match=r"'c' was changed from BOOLEAN to DATE"):
        cast(pa.array([True]), parse_type("BOOLEAN"), parse_type("DATE"), "c")
