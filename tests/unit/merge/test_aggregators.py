"""Functions of nested columns, texts and payloads; what Java gives is in tests/conformance."""

from __future__ import annotations

import builtins

import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap

from tablestore.errors import InvalidInputError
from tablestore.format.binary_row import row_bytes
from tablestore.merge.aggregators.protocol import Versions
from tablestore.merge.aggregators.registry import FUNCTIONS, aggregator
from tablestore.merge.groups import gathered
from tablestore.options.aggregation import ColumnAggregation
from tablestore.types.arrow import to_arrow
from tablestore.types.parse import parse_type
from tests.support.murmur import murmur_bytes

NESTED = "ARRAY<ROW<id INT, name STRING>>"


def reduce(function, kind, values, sizes, *, retract=None, late=None, **options):
    """One plain value a group."""
    column = pa.array(values, to_arrow(parse_type(kind)))
    flags = [None if f is None else np.array(f, dtype=np.bool_) for f in (retract, late)]
    versions = Versions(np.arange(len(values)), np.cumsum([0, *sizes]), *flags)
    made = aggregator(parse_type(kind), ColumnAggregation("v", function, **options))
    return gathered(lambda _: column, "v", made.reduce(column, versions)).to_pylist()


def test_empty_groups_are_null_for_every_function():
    kinds = {
        "BOOLEAN": "bool_and bool_or",
        "STRING": "listagg last_value last_non_null_value first_value first_non_null_value",
        "BIGINT": "sum product max min first_not_null_value",
        "ARRAY<INT>": "collect",
        "MAP<INT, STRING>": "merge_map",
        "MAP<INT, ROW<v INT, at STRING>>": "merge_map_with_keytime",
        NESTED: "nested_update nested_partial_update",
        "BYTES": "rbm32 rbm64 theta_sketch hll_sketch",
    }
    tried = [(kind, name) for kind, names in kinds.items() for name in names.split()]
    assert {name for _, name in tried} == set(FUNCTIONS)
    for kind, name in tried:
        key = ("id",) if name == "nested_partial_update" else ()
        assert reduce(name, kind, [], [0, 0], nested_key=key) == [None, None]
        assert reduce(name, kind, [None, None], [1, 0, 1], nested_key=key) == [None, None, None]


def test_listagg_joins_what_is_not_blank():
    values = ["a", None, " ", "b", "", None, "x,y", "y,,z"]
    assert reduce("listagg", "STRING", values, [4, 2, 2]) == ["a,b", None, "x,y,y,,z"]
    assert reduce("listagg", "STRING", values[6:], [2], distinct=True) == ["x,y,z"]
    assert reduce("listagg", "STRING", ["a", "b"], [2], delimiter="; ") == ["a; b"]
    assert reduce("listagg", "STRING", ["a", "b"], [2], late=[False, True]) == ["b,a"]


def test_collect_joins_and_takes_one_equal_element_out():
    values = [[1, 2, 2], None, [2, None], [2, 9]]
    assert reduce("collect", "ARRAY<INT>", values[:3], [3]) == [[1, 2, 2, 2, None]]
    retract = [False, False, False, True]
    assert reduce("collect", "ARRAY<INT>", values, [4], retract=retract) == [[1, 2, 2, None]]
    assert reduce("collect", "ARRAY<INT>", [[1], [1]], [2], retract=[True, False]) == [[1]]


def test_merge_map_keeps_the_newest_entry_of_a_key_and_removes_retracted_keys():
    values = [[(1, "a"), (2, "b")], [(2, "c")], [(1, "?")]]
    kind = "MAP<INT, STRING>"
    assert reduce("merge_map", kind, values[:2], [2]) == [[(1, "a"), (2, "c")]]
    assert reduce("merge_map", kind, values, [3], retract=[False, False, True]) == [[(2, "c")]]


# the order of rows with keys is that of Java's hash table
def test_nested_update_replaces_rows_by_key_up_to_a_limit():
    values = [[(1, "a"), (2, "b")], [(1, "c"), (3, "d")]]
    found = reduce("nested_update", NESTED, values, [2], nested_key=("id",))
    assert found == [[{"id": 3, "name": "d"}, {"id": 2, "name": "b"}, {"id": 1, "name": "c"}]]
    short = reduce("nested_update", NESTED, values, [2], nested_key=("id",), count_limit=2)
    assert short == [[{"id": 2, "name": "b"}, {"id": 1, "name": "c"}]]
    left = reduce("nested_update", NESTED, values, [2], retract=[False, True], nested_key=("id",))
    assert left == [[{"id": 2, "name": "b"}]]


def test_nested_partial_update_joins_the_fields_of_rows_of_one_key():
    values = [[(1, "a")], [(1, None), (2, None)], [(2, "z")]]
    found = reduce("nested_partial_update", NESTED, values, [3], nested_key=("id",))
    assert found == [[{"id": 2, "name": "z"}, {"id": 1, "name": "a"}]]


def test_a_null_in_a_nested_key_is_an_error_where_that_is_asked_for():
    with pytest.raises(InvalidInputError, match=r"'v'.*nested key contains null"):
        reduce(
            "nested_update", NESTED, [[(None, "a")], [(1, "b")]], [2],
            nested_key=("id",), nested_key_null_strategy="error",
        )  # fmt: skip


def test_bitmaps_are_joined_and_others_refused():
    payloads = [BitMap([1, 5]).serialize(), None, BitMap([5, 9]).serialize()]
    assert BitMap.deserialize(reduce("rbm32", "BYTES", payloads, [3])[0]) == BitMap([1, 5, 9])
    for name in ("rbm32", "rbm64", "theta_sketch", "hll_sketch"):
        with pytest.raises(InvalidInputError, match=f"'v': {name}: a value cannot be read"):
            reduce(name, "BYTES", [b"\x01\x02", b"\x07"], [2])
        assert reduce(name, "BYTES", [b"\x01\x02"], [1]) == [b"\x01\x02"]


def test_sketches_without_their_library_name_the_extra(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **more):
        if name == "datasketches":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InvalidInputError, match=r"tablestore-lake\[sketches\]"):
        reduce("theta_sketch", "BYTES", [b"a", b"b"], [2])


@pytest.mark.parametrize(
    ("kind", "function", "options", "said"),
    [
        ("VARCHAR(5)", "listagg", {}, "needs a STRING column"),
        ("INT", "collect", {}, "needs an ARRAY column"),
        ("ARRAY<INT>", "nested_update", {}, "needs a column of ARRAY<ROW"),
        (NESTED, "nested_partial_update", {}, "needs the option 'nested-key'"),
        (NESTED, "nested_update", {"nested_key": ("ident",)}, "'ident'.*rows do not have"),
        (NESTED, "nested_update", {"nested_sequence_field": ("id",)}, "only beside 'nested-key'"),
        ("MAP<INT, ROW<v INT>>", "merge_map_with_keytime", {}, "ROW of 2 fields"),
        ("MAP<INT, ROW<v INT, at INT>>", "merge_map_with_keytime", {}, "times that are texts"),
        ("STRING", "rbm32", {}, "needs a VARBINARY column"),
    ],
)
def test_what_a_function_cannot_take_is_told_at_once(kind, function, options, said):
    with pytest.raises(InvalidInputError, match=said):
        aggregator(parse_type(kind), ColumnAggregation("v", function, **options))


def java_order(keys):
    """Keys as ``HashMap.computeIfAbsent`` of Java, called with one after the other, leaves them."""
    kinds = (parse_type("INT"),)
    table, size = [[] for _ in range(16)], 0
    for key in keys:
        if size > len(table) * 3 // 4:
            wider = [[] for _ in range(2 * len(table))]
            for number, spread in (entry for bucket in table for entry in bucket):
                wider[spread % len(wider)].append((number, spread))
            table = wider
        hashed = murmur_bytes(row_bytes((key,), kinds)) & 0xFFFFFFFF
        spread = hashed ^ hashed >> 16
        bucket = table[spread % len(table)]
        if (key, spread) not in bucket:
            bucket.insert(0, (key, spread))
            size += 1
    return [number for bucket in table for number, _ in bucket]


@pytest.mark.parametrize("count", [1, 11, 12, 13, 14, 24, 25, 26, 49])
@pytest.mark.parametrize("again", [(), (0,)])
def test_nested_rows_come_as_the_buckets_of_java(count, again):
    keys = [*range(count), *again]
    made = reduce(
        "nested_partial_update", NESTED, [[(key, "n") for key in keys]], [1], nested_key=("id",)
    )
    assert [row["id"] for row in made[0]] == java_order(keys)
