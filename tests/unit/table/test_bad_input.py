"""Bad input gets one clear sentence, and changes nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NotFoundError,
    TablestoreError,
)
from tests.support.builders import append_table, keyed_table, rows, stored, tree

COLUMNS = {
    "id": "BIGINT NOT NULL",
    "day": "STRING NOT NULL",
    "n": "INT",
    "tiny": "TINYINT",
    "real": "FLOAT",
    "price": "DECIMAL(6, 2)",
    "at": "TIMESTAMP(3)",
    "seen": "TIMESTAMP(6) WITH LOCAL TIME ZONE",
    "code": "CHAR(3)",
    "raw": "VARBINARY(2)",
    "tags": "ARRAY<INT NOT NULL>",
    "who": "ROW<a INT NOT NULL, b VARCHAR(2)>",
    "map": "MAP<STRING, SMALLINT>",
    "ok": "BOOLEAN",
    "d": "DATE",
    "t": "TIME(3)",
}


@pytest.fixture
def table(tmp_path):
    made = keyed_table(tmp_path, COLUMNS, key=("id", "day"), by=("day",), bucket=2)
    made.upsert([{"id": 1, "day": "mon"}], missing="null")
    return made


def refused(action, *words, error=InvalidInputError):
    """Asserts that an action fails with one sentence that has all the words; gives the error."""
    with pytest.raises(error) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    for word in words:
        assert word in text, (word, text)
    return caught.value


def unchanged(table, tmp_path, action, *words, error=InvalidInputError):
    before, snapshot = tree(tmp_path), table.snapshot_id
    found = refused(action, *words, error=error)
    assert table.snapshot_id == snapshot
    assert tree(tmp_path) == before
    return found


def batch_of(count=3, **columns):
    """Rows of the table; the named columns as given, the others left to `missing="null"`."""
    base = {"id": pa.array(range(count), pa.int64()), "day": pa.array(["mon"] * count)}
    return pa.table(base | columns)


# -- columns --------------------------------------------------------------------------------------


def test_a_missing_column_is_named_with_the_way_out(table, tmp_path):
    unchanged(table, tmp_path, lambda: table.upsert(batch_of()), "shop.t", "'n'", "INT", "missing=")


def test_a_missing_column_becomes_null_where_asked(table):
    table.upsert(batch_of(1, n=pa.array([5])), missing="null")
    assert table.to_arrow(columns=["n", "ok"], where="id = 0").to_pylist() == [{"n": 5, "ok": None}]


def test_a_missing_key_column_is_not_excused(table, tmp_path):
    data = pa.table({"day": ["mon"]})
    unchanged(table, tmp_path, lambda: table.upsert(data, missing="null"), "'id'", "cannot be null")


def test_an_extra_column_is_named_with_the_nearest_one(table, tmp_path):
    data = batch_of(prize=pa.array([1, 2, 3]))
    unchanged(
        table, tmp_path, lambda: table.upsert(data, missing="null"), "'prize'", "mean 'price'"
    )


def test_a_column_twice_is_refused(table, tmp_path):
    data = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    unchanged(table, tmp_path, lambda: table.upsert(data, missing="null"), "'id'", "more than once")


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("n", pa.array(["1"])),
        ("n", pa.array([True])),
        ("n", pa.array([dt.date(2026, 1, 1)])),
        ("n", pa.array([[1]])),
        ("price", pa.array(["1.5"])),
        ("price", pa.array([1.5])),
        ("code", pa.array([1])),
        ("code", pa.array([b"a"])),
        ("raw", pa.array(["a"])),
        ("ok", pa.array([1])),
        ("d", pa.array([1])),
        ("d", pa.array([dt.datetime(2026, 1, 1)])),
        ("at", pa.array([1])),
        ("at", pa.array([dt.date(2026, 1, 1)])),
        ("t", pa.array([1])),
        ("tags", pa.array([["1"]])),
        ("tags", pa.array([1])),
        ("who", pa.array([{"a": "1", "b": "x"}])),
        ("map", pa.array([[("a", "1")]], pa.map_(pa.string(), pa.string()))),
        ("map", pa.array([["a"]])),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else value,
)
def test_a_wrong_type_names_the_column_what_is_expected_and_what_is_found(
    table, tmp_path, column, found
):
    data = batch_of(1, **{column: found})
    sql = COLUMNS[column].split("(")[0].split("<")[0]
    error = unchanged(
        table,
        tmp_path,
        lambda: table.upsert(data, missing="null"),
        "shop.t",
        repr(column),
        sql,
        str(found.type),
    )
    assert error.detail["column"] == column


def test_a_time_zone_is_never_guessed(table, tmp_path):
    naive, zoned = pa.timestamp("ms"), pa.timestamp("ms", "Europe/Berlin")
    for column, kind in (("seen", naive), ("at", zoned)):
        data = batch_of(1, **{column: pa.array([0], kind)})
        unchanged(table, tmp_path, lambda d=data: table.upsert(d, missing="null"), "time zone")


@pytest.mark.parametrize(
    ("column", "values", "kind", "row", "shown"),
    [
        ("n", [1, 2**31, 3], pa.int64(), 1, "2147483648"),
        ("n", [1, 2, -(2**31) - 1], pa.int64(), 2, "-2147483649"),
        ("tiny", [0, 127, 128], pa.int16(), 2, "128"),
        ("tiny", [0, 255, 3], pa.uint8(), 1, "255"),
        ("n", [1.0, 2.5, 3.0], pa.float64(), 1, "2.5"),
        ("n", [1.0, 2.0, float("nan")], pa.float64(), 2, "nan"),
        ("real", [0.5, 0.1, 1.0], pa.float64(), 1, "0.1"),
        ("real", [1, 2**24 + 1, 3], pa.int64(), 1, "16777217"),
        ("price", [1, 2, 10_000], pa.int64(), 2, "10000"),
        ("at", [1_000, 2_001, 3_000], pa.timestamp("us"), 1, "2001"),
        ("at", [1_000_000, 1, 0], pa.timestamp("ns"), 1, ""),
        ("t", [1_000, 2_000, 1], pa.time64("us"), 2, "time(0, 0, 0, 1)"),
    ],
)
def test_a_lossy_cast_names_the_first_row_that_would_change(
    table, tmp_path, column, values, kind, row, shown
):
    data = batch_of(3, **{column: pa.array(values, kind)})
    error = unchanged(
        table,
        tmp_path,
        lambda: table.upsert(data, missing="null"),
        "shop.t",
        repr(column),
        f"row {row}",
        shown,
        "without loss",
    )
    assert (error.detail["column"], error.detail["row"]) == (column, row)


def test_a_decimal_that_would_lose_digits_is_refused(table, tmp_path):
    data = batch_of(2, price=pa.array([Decimal("1.500"), Decimal("1.005")]))
    unchanged(table, tmp_path, lambda: table.upsert(data, missing="null"), "'price'", "row 1")


def test_the_row_counts_over_all_batches_of_a_stream(table, tmp_path):
    batches = batch_of(2_500, n=pa.array([0] * 2_400 + [2**40] + [0] * 99)).to_batches(
        max_chunksize=1_000
    )
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    unchanged(table, tmp_path, lambda: table.upsert(reader, missing="null"), "'n'", "row 2400")


def test_casts_that_lose_nothing_are_made(table):
    data = pa.table(
        {
            "id": pa.array([7], pa.uint8()),
            "day": pa.array(["mon"]).dictionary_encode(),
            "n": pa.array([3.0]),
            "price": pa.array([12]),
            "at": pa.array([5_000_000], pa.timestamp("ns")),
            "seen": pa.array([0], pa.timestamp("s", "Asia/Tokyo")),
            "tags": pa.array([[1, 2]], pa.large_list(pa.int64())),
            "who": pa.array([{"b": "x", "a": 1}]),
            "map": pa.array([[{"key": "k", "value": 1}]]),
            "d": pa.array([dt.date(2026, 1, 1)], pa.date64()),
        }
    )
    table.upsert(data, missing="null")
    (row,) = table.to_arrow(where="id = 7").to_pylist()
    assert (row["n"], str(row["price"]), row["tags"]) == (3, "12.00", [1, 2])
    assert (row["who"], row["map"]) == ({"a": 1, "b": "x"}, [("k", 1)])
    assert row["at"] == dt.datetime(1970, 1, 1, 0, 0, 0, 5000)
    assert row["d"] == dt.date(2026, 1, 1)


# -- values ---------------------------------------------------------------------------------------


def test_null_in_a_primary_key_names_the_row(table, tmp_path):
    data = batch_of(3).set_column(0, "id", pa.array([1, None, 3], pa.int64()))
    unchanged(table, tmp_path, lambda: table.upsert(data, missing="null"), "'id'", "row 1", "null")
    keys = data.select(["id", "day"])
    unchanged(table, tmp_path, lambda: table.delete(keys=keys), "'id'", "row 1", "null")


def test_null_below_a_not_null_part_names_the_part(table, tmp_path):
    for column, values, path in (
        ("tags", [[1], None, [2, None]], "tags.element"),
        ("who", [None, {"a": 1, "b": None}, {"a": None, "b": "x"}], "who.a"),
    ):
        plain = {"tags": pa.list_(pa.int32()), "who": pa.struct({"a": "int32", "b": "string"})}
        data = batch_of(3, **{column: pa.array(values, plain[column])})
        unchanged(
            table, tmp_path, lambda d=data: table.upsert(d, missing="null"), repr(path), "row 2"
        )


def test_a_null_row_with_not_null_members_is_stored(table):
    data = batch_of(2, who=pa.array([None, {"a": 1, "b": "x"}]))
    table.upsert(data, missing="null")
    found = table.to_arrow(columns=["who"], where="id < 2 and day = 'mon'")["who"].to_pylist()
    assert sorted(found, key=str) == [None, {"a": 1, "b": "x"}] or None in found


@pytest.mark.parametrize(
    ("column", "values", "path", "limit"),
    [
        ("code", ["abc", "abcd"], "code", "3 characters"),
        ("code", ["äöü", "äöüß"], "code", "3 characters"),
        ("raw", [b"ab", b"abc"], "raw", "2 bytes"),
        ("who", [{"a": 1, "b": "xy"}, {"a": 1, "b": "xyz"}], "who.b", "2 characters"),
    ],
)
def test_a_text_that_is_too_long_is_refused(table, tmp_path, column, values, path, limit):
    data = batch_of(2, **{column: pa.array(values)})
    unchanged(
        table, tmp_path, lambda: table.upsert(data, missing="null"), repr(path), limit, "row 1"
    )


@pytest.mark.parametrize("kind", ["+X", "", None, "insert"])
def test_an_unknown_row_kind_names_the_row(table, tmp_path, kind):
    data = batch_of(2, op=pa.array(["+I", kind], pa.string()))
    unchanged(
        table,
        tmp_path,
        lambda: table.upsert(data, row_kind="op", missing="null"),
        "'op'",
        "row 1",
        "+I -U +U -D",
    )


def test_a_row_kind_column_that_is_not_there_has_a_nearest_name(table, tmp_path):
    data = batch_of(1, kind=pa.array(["+I"]))
    unchanged(
        table,
        tmp_path,
        lambda: table.upsert(data, row_kind="kin", missing="null"),
        "'kin'",
        "'kind'",
    )


def test_an_append_table_takes_no_deletes(tmp_path):
    table = append_table(tmp_path)
    data = rows([1]).append_column("op", pa.array(["-D"]))
    refused(lambda: table.upsert(data, row_kind="op"), "no primary key", "append")
    refused(lambda: table.delete(keys=[1]), "no primary key")
    with pytest.raises(InvalidInputError, match="found -D"), table.batch() as batch:
        batch.write(data, row_kind="op")
    assert table.snapshot_id is None
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_keyed_table_takes_no_append(table, tmp_path):
    unchanged(table, tmp_path, lambda: table.append(batch_of()), "primary key", "upsert")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"id": [1]}, ["one dict", "list"]),
        (42, ["found int"]),
        ("id", ["found str"]),
        (None, ["found NoneType"]),
        ([1, 2], ["list of dicts", "int"]),
        pytest.param((row for row in [{"id": 1}]), ["found generator"], id="a generator"),
        ([{"id": "x", "day": "mon"}], ["'id'", "row 0", "'x'"]),
        ([{"id": 1, "day": "mon"}, {"id": 2, "day": 3}], ["'day'", "row 1", "3 (int)"]),
        ([{"id": 2**70, "day": "mon"}], ["'id'", "row 0"]),
        ([{"id": 1.5, "day": "mon"}], ["'id'", "row 0", "1.5"]),
        ([{1: 2}], ["column names are text"]),
        ([{"id": 1, "day": "mon", "prize": 3}], ["'prize'", "mean 'price'"]),
    ],
    ids=str,
)
def test_what_is_not_a_table_is_refused(table, tmp_path, data, words):
    unchanged(table, tmp_path, lambda: table.upsert(data, missing="null"), "shop.t", *words)


MICRO = dt.datetime(2026, 1, 1, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("n", 1.5),
        ("n", Decimal("1.5")),
        ("n", True),
        ("n", float("nan")),
        ("real", True),
        ("at", MICRO),
        ("at", MICRO.replace(microsecond=0, tzinfo=dt.UTC)),
        ("at", 5),
        ("seen", MICRO),
        ("d", MICRO),
        ("d", 3),
        ("t", dt.time(0, 0, 0, 1)),
        ("t", 3),
        ("code", b"abc"),
        ("raw", "a"),
        ("tags", [1.5]),
        ("tags", {1: 2}.items()),
        ("who", {"a": 1, "b": "x", "c": 2}),
        ("who", {"a": 1.5}),
        ("map", {"a": 1.5}.items()),
        ("price", Decimal("1.005")),
        ("price", "1.00"),
    ],
    ids=str,
)
def test_a_python_value_that_would_change_on_the_way_is_refused(table, tmp_path, column, value):
    data = [{"id": 2, "day": "mon"}, {"id": 3, "day": "mon", column: value}]
    unchanged(table, tmp_path, lambda: table.upsert(data, missing="null"), repr(column), "row 1")


def test_python_values_that_fit_are_stored(table):
    row = {
        "id": 5,
        "day": "mon",
        "n": 3.0,
        "tiny": np.int64(3),
        "real": 0.1,
        "price": 1,
        "at": dt.datetime(2026, 1, 1, 0, 0, 0, 1000),
        "seen": MICRO.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))),
        "tags": (1, 2),
        "who": {"a": 1},
        "map": [("a", 1)],
        "d": dt.date(2026, 1, 1),
        "t": dt.time(1, 2, 3),
        "raw": b"a",
        "ok": True,
    }
    table.upsert([row], missing="null")
    (found,) = table.to_arrow(where="id = 5").to_pylist()
    assert found["real"] == pytest.approx(0.1)
    assert found["who"] == {"a": 1, "b": None}
    same = ("n", "tiny", "price", "at", "seen", "map", "d", "t", "raw", "ok")
    assert {name: found[name] for name in same} == {name: row[name] for name in same}
    assert found["tags"] == [1, 2]


def test_keys_of_a_wrong_form_are_refused(table, tmp_path):
    for keys, words in (
        (3, ["keys=[3]"]),
        ([3], ["tuple (id, day)"]),
        ([(1, "mon", 2)], ["tuple (id, day)"]),
        ([(1, 2)], ["'day'", "row 0"]),
        ([{"id": 1}], ["'day'"]),
        (pa.table({"id": [1], "day": ["mon"], "n": [1]}), ["'n'"]),
    ):
        unchanged(table, tmp_path, lambda k=keys: table.delete(keys=k), *words)


def test_an_error_of_the_source_leaves_nothing_behind(table, tmp_path):
    def source():
        yield batch_of(2_000).to_batches()[0]
        raise RuntimeError("the sensor fell off")

    schema = batch_of(1).schema
    before = tree(tmp_path)
    with pytest.raises(RuntimeError, match="sensor"):
        table.upsert(pa.RecordBatchReader.from_batches(schema, source()), missing="null")
    assert tree(tmp_path) == before


def test_a_batch_is_all_or_nothing(table, tmp_path):
    before = tree(tmp_path)
    batch = table.batch()
    batch.upsert(batch_of(), missing="null")
    with pytest.raises(InvalidInputError):
        batch.upsert(batch_of())
    refused(batch.commit, "shop.t", "has ended")
    refused(lambda: batch.upsert(batch_of(), missing="null"), "has ended")
    assert tree(tmp_path) == before
    with pytest.raises(KeyError), table.batch() as other:
        other.upsert(batch_of(), missing="null")
        raise KeyError
    assert tree(tmp_path) == before


# -- reads ----------------------------------------------------------------------------------------


def test_reads_name_what_they_do_not_find(table):
    refused(lambda: table.to_arrow(columns=["pric"]), "shop.t", "'pric'", "'price'")
    refused(lambda: table.to_arrow(columns="price"), "list of names", "'price'")
    refused(lambda: table.to_arrow(columns=["n", "n"]), "twice")
    refused(lambda: table.to_arrow(limit=-1), "limit", "-1")
    refused(lambda: table.to_arrow(where="pric > 3"), "'pric'", "'price'")
    refused(lambda: table.to_arrow(where="price >"), "price >")
    refused(lambda: table.to_arrow(where=42))
    refused(lambda: table.to_arrow(where=ts.col("n") == "x"), "'x'")


def test_moments_name_what_they_do_not_find(table):
    refused(lambda: table.at(snapshot=9), "snapshot 9", "latest snapshot is 1", error=NotFoundError)
    refused(lambda: table.at(snapshot=0), "snapshot 0", error=NotFoundError)
    refused(lambda: table.at(snapshot="1"), "'1'")
    refused(lambda: table.at(snapshot=True), "True")
    refused(lambda: table.at(), "exactly one")
    refused(lambda: table.at(snapshot=1, ago="1h"), "exactly one")
    refused(lambda: table.at(timestamp="yesterday"), "yesterday", "ISO")
    refused(
        lambda: table.at(timestamp="1999-01-01"), "1999-01-01", "first one", error=NotFoundError
    )
    refused(lambda: table.at(ago="soon"), "soon")


def test_a_pinned_table_cannot_be_written(table, tmp_path):
    pinned = table.at(snapshot=1)
    for action in (
        lambda: pinned.upsert(batch_of(), missing="null"),
        lambda: pinned.delete(keys=[(1, "mon")]),
        lambda: pinned.overwrite(batch_of()),
        pinned.truncate,
        pinned.batch,
    ):
        unchanged(table, tmp_path, action, "pinned to snapshot 1")


# -- overwrites -----------------------------------------------------------------------------------


def test_overwrites_name_what_does_not_fit(table, tmp_path):
    def over(data, **how):
        return lambda: table.overwrite(data, missing="null", **how)

    data = batch_of()
    unchanged(table, tmp_path, over(data, partition={"dy": "mon"}), "'dy'", "'day'")
    unchanged(table, tmp_path, over(data, partition={}), "empty")
    unchanged(table, tmp_path, over(data, partition={"day": "mon"}, dynamic=True), "not both")
    unchanged(table, tmp_path, over(data, partition={"day": "tue"}), "'tue'", "'mon'")
    plain = append_table()
    refused(lambda: plain.overwrite(rows([1]), dynamic=True), "no partitions")
    refused(lambda: plain.overwrite(rows([1]), partition={"id": 1}), "not partitioned", "none")


def test_a_partition_value_of_a_wrong_type_is_refused(tmp_path):
    table = append_table(tmp_path, {"p": "INT", "n": "INT"}, by=["p"])
    table.append(pa.table({"p": np.int32([1]), "n": np.int32([1])}))
    data = pa.table({"n": np.int32([2])})
    unchanged(
        table, tmp_path, lambda: table.overwrite(data, partition={"p": "one"}), "'p'", "'one'"
    )


# -- what a table may be --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "more", "words"),
    [
        (COLUMNS, {"primary_key": ["id"], "partition_by": ["day"]}, ["'day'", "partition"]),
        (COLUMNS, {"primary_key": ["idd"]}, ["'idd'", "'id'"]),
        (COLUMNS, {"primary_key": ["tags"]}, ["'tags'", "nested"]),
        (COLUMNS, {"primary_key": ["day"], "partition_by": ["day"]}, ["beside"]),
        (COLUMNS, {"partition_by": ["real"]}, ["'real'", "FLOAT"]),
        (COLUMNS, {"options": {"bukcet": "1"}}, ["'bukcet'", "'bucket'"]),
        (COLUMNS, {"options": {"rowkind.field": "id"}}, ["rowkind.field", "text", "BIGINT"]),
        (
            COLUMNS,
            {"primary_key": "id", "options": {"changelog-producer": "input"}},
            ["changelog-producer", "not supported"],
        ),
        (COLUMNS, {"options": {"row-tracking.enabled": "true"}}, ["row-tracking", "not supported"]),
        (COLUMNS, {"primary_key": "id", "options": {"bucket": "0"}}, ["bucket", "0", "positive"]),
        (COLUMNS, {"primary_key": "id", "options": {"bucket": "-7"}}, ["bucket", "-7"]),
        (COLUMNS, {"primary_key": "id", "options": {"bucket": "-1"}}, ["dynamic", "not supported"]),
        (COLUMNS, {"primary_key": "id", "options": {"bucket": "two"}}, ["bucket", "two"]),
        (COLUMNS, {"options": {"bucket": "3"}}, ["bucket-key"]),
        (COLUMNS, {"options": {"fs.s3.secret-key": "x"}}, ["secret"]),
        ({"id": "INTEGR"}, {}, ["'id'", "INTEGR"]),
        ({}, {}, ["at least one column"]),
        ({"_KEY_a": "INT"}, {}, ["'_KEY_a'", "reserved"]),
    ],
    ids=str,
)
def test_a_table_that_cannot_be_made_says_why(tmp_path, columns, more, words):
    lake = ts.connect(str(tmp_path))
    refused(lambda: lake.create_table("shop.t", columns, **more), "shop.t", *words)
    assert tree(tmp_path) == {}
    assert lake.databases() == []


@pytest.mark.parametrize(
    "name",
    [
        "../x.t",
        "shop.../x",
        "shop.a/b",
        "a/b.t",
        "shop.a\x00b",
        "shop." + "x" * 300,
        "x" * 300 + ".t",
        "shop..",
        ".t",
        "shop.",
        "shop",
        "a.b.c",
        "",
        "shop.-t",
        "shop.a b",
        "shop.a\\b",
        "~.t",
        None,
        7,
    ],
)
def test_a_hostile_name_is_refused_by_every_verb(tmp_path, name):
    home = tmp_path / "home"
    lake = ts.connect(str(home / "lake"))
    lake.create_table("shop.good", {"id": "INT"})
    before = tree(tmp_path)
    for action in (
        lambda: lake.create_table(name, {"id": "INT"}),
        lambda: lake.table(name),
        lambda: lake[name],
        lambda: lake.drop_table(name),
        lambda: lake.drop_table(name, if_exists=True),
        lambda: lake.rename_table("shop.good", name),
        lambda: lake.rename_table(name, "shop.other"),
    ):
        refused(action, "is not a")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "a\x00", "x" * 300, "a.b", "/tmp"])
def test_a_hostile_database_name_is_refused(tmp_path, name):
    lake = ts.connect(str(tmp_path / "lake"))
    for action in (
        lambda: lake.create_database(name),
        lambda: lake.drop_database(name, cascade=True),
        lambda: lake.tables(name),
    ):
        refused(action, "database name")
    assert tree(tmp_path) == {}


def test_a_missing_table_is_named_with_the_nearest_one(tmp_path):
    lake = ts.connect(str(tmp_path))
    lake.create_table("shop.orders", {"id": "INT"})
    refused(lambda: lake.table("shop.order"), "shop.order", "'shop.orders'", error=NotFoundError)
    refused(lambda: lake.drop_table("shop.order"), "'shop.orders'", error=NotFoundError)
    refused(lambda: lake.tables("shp"), "shp", "'shop'", error=NotFoundError)
    refused(lambda: lake.drop_database("shp"), "'shop'", error=NotFoundError)
    refused(lambda: ts.open_table(str(tmp_path / "nothing")), "nothing", error=NotFoundError)
    refused(
        lambda: lake.create_table("shop.orders", {"id": "INT"}),
        "shop.orders",
        error=AlreadyExistsError,
    )


def test_a_table_that_exists_is_given_where_asked_and_not_touched(tmp_path):
    lake = ts.connect(str(tmp_path))
    lake.create_table("shop.t", {"id": "INT"}).append([{"id": 1}])
    before = tree(tmp_path)
    same = lake.create_table("shop.t", {"id": "INT", "x": "INT"}, if_not_exists=True)
    assert same.columns == {"id": "INT"}
    assert tree(tmp_path) == before


def test_every_error_says_whether_to_try_again(table):
    with pytest.raises(TablestoreError) as caught:
        table.upsert(batch_of())
    assert caught.value.kind == "invalid_input"
    assert caught.value.retryable is False
    assert isinstance(caught.value, ValueError)


def test_an_interrupt_after_the_snapshot_keeps_its_files(tmp_path, monkeypatch):
    table = keyed_table(tmp_path)
    store = table._parts.store
    inner = store.put_if_absent

    def interrupted(key, data):
        inner(key, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "put_if_absent", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.upsert(rows([1]))
    assert stored(ts.open_table(table.path)) == {1: "1"}
