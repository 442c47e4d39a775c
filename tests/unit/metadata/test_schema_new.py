from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.format.schema import TableSchema
from tablestore.metadata.new_schema import new_table_schema
from tablestore.types.model import UNASSIGNED_ID, AtomicType, DataField

ORDERS = {
    "id": "BIGINT",
    "dt": "DATE",
    "amount": "DECIMAL(10, 2) DEFAULT '0.00' COMMENT 'in euros'",
    "tags": "ARRAY<STRING>",
}


def _new(schema: object = ORDERS, **rest: Any) -> TableSchema:
    return new_table_schema("shop.orders", schema, **rest)


def test_a_new_schema_is_complete() -> None:
    schema = _new(
        primary_key=["id", "dt"],
        partition_by=["dt"],
        options={"bucket": 4, "write-only": True},
        comment="all orders",
        time_millis=5,
    )
    assert schema == TableSchema(
        id=0,
        fields=(
            DataField(0, "id", AtomicType("BIGINT", nullable=False)),
            DataField(1, "dt", AtomicType("DATE", nullable=False)),
            DataField(2, "amount", AtomicType("DECIMAL", None, 10, 2), "in euros", "0.00"),
            DataField(3, "tags", schema.fields[3].type),
        ),
        highest_field_id=3,
        partition_keys=("dt",),
        primary_keys=("id", "dt"),
        options={"bucket": "4", "write-only": "true"},
        comment="all orders",
        time_millis=5,
    )
    assert schema.fields[3].type.sql() == "ARRAY<STRING>"


def test_a_key_table_without_a_bucket_option_stores_one_bucket() -> None:
    assert _new(primary_key="id").options == {"bucket": "1"}
    assert _new().options == {}


def test_keys_given_as_options_are_taken_out_of_the_options() -> None:
    schema = _new(options={"primary-key": "id, dt", "partition": "dt", "bucket": "2"})
    assert (schema.primary_keys, schema.partition_keys) == (("id", "dt"), ("dt",))
    assert schema.options == {"bucket": "2"}


def test_partition_columns_of_append_tables_stay_nullable() -> None:
    schema = _new(partition_by=["dt"])
    assert schema.field("dt").type.nullable


def test_the_stored_bucket_key_has_no_spaces() -> None:
    schema = _new(options={"bucket": "2", "bucket-key": " id , dt"})
    assert schema.options["bucket-key"] == "id,dt"


@pytest.mark.parametrize(
    "source",
    [
        pa.schema([("id", pa.int64()), ("name", pa.string())]),
        pa.table({"id": pa.array([1], pa.int64()), "name": ["a"]}),
        pa.record_batch({"id": pa.array([1], pa.int64()), "name": ["a"]}),
        pl.DataFrame({"id": [1], "name": ["a"]}),
        {"id": "BIGINT", "name": AtomicType("VARCHAR", 2**31 - 1)},
        {
            "id": "BIGINT",
            "name": DataField(UNASSIGNED_ID, "other", AtomicType("VARCHAR", 2**31 - 1)),
        },
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_schema_may_come_from_arrow_data_or_a_mapping(source: object) -> None:
    schema = _new(source)
    assert [(f.id, f.name, f.type.sql()) for f in schema.fields] == [
        (0, "id", "BIGINT"),
        (1, "name", "STRING"),
    ]


@pytest.mark.parametrize(
    ("columns", "function"),
    [("id", "mod"), ("id", "hive"), ("dt", "hive"), ("amount,dt", "hive")],
)
def test_bucket_functions_take_the_keys_they_can_hash(columns: str, function: str) -> None:
    options = {"bucket": "2", "bucket-key": columns, "bucket-function.type": function}
    assert _new(options=options).bucket_keys == tuple(columns.split(","))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"schema": {}}, "at least one column"),
        ({"schema": [("id", "INT")]}, "must be a pyarrow.Schema.*found list"),
        ({"schema": {"id": 5}}, "column 'id': expected a SQL type as a text, found 5"),
        ({"schema": {5: "INT"}}, "a column name must be a text, found 5"),
        ({"schema": {"id": "BIGIN"}}, "column 'id': cannot read .*did you mean 'BIGINT'"),
        ({"schema": {" ": "INT"}}, "must not be empty"),
        ({"schema": {"\ud800": "INT"}}, "is not Unicode text"),
        ({"schema": {"_KEY_id": "INT"}}, "column name '_KEY_id' is reserved"),
        ({"schema": {"rowkind": "INT"}}, "column name 'rowkind' is reserved"),
        ({"schema": pa.schema([("a", pa.int8()), ("a", pa.int8())])}, "column 'a' is there twice"),
        ({"schema": pa.schema([("a", pa.null())])}, "column 'a': the Arrow type null"),
        ({"schema": {"r": "ROW<a INT, a INT>"}}, "column 'r': field 'a' is there twice"),
        ({"schema": {"r": "ARRAY<ROW<>>"}}, "column 'r': a ROW needs a field"),
        ({"schema": {"v": "ARRAY<VARIANT>"}}, "column 'v': the type VARIANT is not supported yet"),
        ({"schema": {"n": "INT DEFAULT 'x'"}}, "the default 'x' is not a value of INT"),
        ({"schema": {"n": "TINYINT DEFAULT '128'"}}, "not a value of TINYINT"),
        ({"schema": {"n": "DECIMAL(3, 1) DEFAULT '123'"}}, r"not a value of DECIMAL\(3, 1\)"),
        ({"schema": {"n": "DECIMAL(3, 1) DEFAULT 'x'"}}, r"not a value of DECIMAL"),
        ({"schema": {"n": "DATE DEFAULT '2024-13-01'"}}, "not a value of DATE"),
        ({"schema": {"n": "TIMESTAMP DEFAULT 'now'"}}, "not a value of TIMESTAMP"),
        ({"schema": {"n": "BOOLEAN DEFAULT 'maybe'"}}, "not a value of BOOLEAN"),
        ({"primary_key": ["idd"]}, r"primary key column 'idd' .*did you mean 'id'\?"),
        ({"partition_by": ["day"]}, "partition column 'day' is not a column of the table"),
        ({"primary_key": ["id", "id"]}, "primary key column 'id' is there twice"),
        ({"primary_key": ["tags"]}, "primary key column 'tags' has the nested type ARRAY<STRING>"),
        ({"partition_by": ["tags"]}, "partition column 'tags' has the nested type"),
        (
            {"primary_key": ["id"], "partition_by": ["dt"]},
            r"the primary key \(id\) must contain the partition column 'dt'",
        ),
        ({"primary_key": ["dt"], "partition_by": ["dt"]}, "must have a column beside"),
        ({"primary_key": ["id"], "options": {"primary-key": "id"}}, "'primary-key' is given"),
        ({"primary_key": ["id"], "options": {"bucket": "0"}}, "a positive number, found 0"),
        ({"options": {"bucket": "-3"}}, "positive number, or -1 for no buckets, found -3"),
        (
            {"primary_key": ["id"], "options": {"bucket": "-1"}},
            "dynamic bucket is not supported yet; set bucket to a positive number",
        ),
        ({"primary_key": ["id"], "options": {"bucket": "-2"}}, "postponed bucket is not supported"),
        ({"options": {"bucket": "-2"}}, "postponed bucket is not supported"),
        ({"options": {"bucket": "2"}}, "needs the option 'bucket-key'"),
        ({"options": {"bucket-key": "id"}}, "'bucket-key' needs 'bucket' to be a positive number"),
        ({"options": {"full-compaction.delta-commits": "2"}}, "needs a table with buckets"),
        ({"options": {"bucket": "2", "bucket-key": "no"}}, "bucket-key column 'no' is not a col"),
        ({"options": {"bucket": "2", "bucket-key": "tags"}}, "bucket-key column 'tags' .*nested"),
        (
            {"partition_by": ["dt"], "options": {"bucket": "2", "bucket-key": "dt"}},
            "must not contain the partition column 'dt'",
        ),
        (
            {"primary_key": ["id"], "options": {"bucket": "2", "bucket-key": "amount"}},
            r"'amount', which is not in the primary key \(id\)",
        ),
        (
            {"primary_key": ["id", "dt"], "options": {"bucket-function.type": "mod"}},
            "needs one bucket key of type INT or BIGINT, found id BIGINT, dt DATE",
        ),
        (
            {"primary_key": ["dt"], "options": {"bucket-function.type": "mod"}},
            "found dt DATE",
        ),
        (
            {
                "schema": {"at": "TIMESTAMP(3)"},
                "primary_key": "at",
                "options": {"bucket-function.type": "hive"},
            },
            "'hive' takes no timestamps, found at TIMESTAMP",
        ),
        ({"options": {"buckets": "4"}}, r"unknown option 'buckets' \(did you mean 'bucket'\?\)"),
        ({"options": {"write-only": None}}, "option 'write-only' must be a text, found None"),
        ({"options": {"db.password": "x"}}, "looks like a secret"),
    ],
)
def test_a_bad_table_is_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        _new(**arguments)
    assert str(caught.value).startswith("table 'shop.orders': ")


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "BINARY(3)", "BYTES"])
def test_a_partition_column_without_a_stable_text_is_refused(kind: str) -> None:
    with pytest.raises(InvalidInputError, match="partition column 'p' has the type"):
        _new({"p": kind, "v": "INT"}, partition_by=["p"])


@pytest.mark.parametrize(
    "kind",
    [
        "BOOLEAN",
        "TINYINT",
        "BIGINT",
        "DECIMAL(9, 2)",
        "CHAR(3)",
        "STRING",
        "DATE",
        "TIME(3)",
        "TIMESTAMP(9)",
        "TIMESTAMP_LTZ(6)",
    ],
)
def test_every_other_plain_type_may_partition_a_table(kind: str) -> None:
    assert _new({"p": kind, "v": "INT"}, partition_by=["p"]).partition_keys == ("p",)


@pytest.mark.parametrize(
    "text",
    [
        "INT DEFAULT '-5'",
        "DOUBLE DEFAULT '1e9'",
        "DECIMAL(3, 1) DEFAULT '99.94'",
        "BOOLEAN DEFAULT 'TRUE'",
        "DATE DEFAULT '2024-02-29'",
        "TIME(3) DEFAULT '12:34:56.789'",
        "TIMESTAMP(9) DEFAULT '2024-01-01 10:00:00.123456789'",
        "STRING DEFAULT ''",
    ],
)
def test_a_default_that_fits_its_column_is_kept(text: str) -> None:
    assert _new({"a": text}).fields[0].default is not None


def test_a_zoned_partition_column_needs_the_legacy_directory_names():
    columns = {"id": "INT NOT NULL", "at": "TIMESTAMP(3) WITH LOCAL TIME ZONE NOT NULL"}
    with pytest.raises(InvalidInputError, match=r"'at'.*depend on the zone"):
        new_table_schema(
            "db.t",
            columns,
            ["id", "at"],
            ["at"],
            {"bucket": "1", "partition.legacy-name": "false"},
        )
    assert new_table_schema("db.t", columns, ["id", "at"], ["at"], {"bucket": "1"}).partition_keys
