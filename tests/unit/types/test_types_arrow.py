from __future__ import annotations

import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.types.arrow import fields_from_arrow, from_arrow, to_arrow, to_arrow_schema
from tablestore.types.model import UNASSIGNED_ID, DataField
from tablestore.types.parse import parse_type


@pytest.mark.parametrize(
    ("sql", "arrow"),
    [
        ("CHAR(3)", pa.string()),
        ("BINARY(3)", pa.binary()),
        ("BLOB", pa.binary()),
        ("DECIMAL(38, 10)", pa.decimal128(38, 10)),
        ("TIME(0)", pa.time32("ms")),
        ("TIMESTAMP(0)", pa.timestamp("ms")),
        ("TIMESTAMP(3)", pa.timestamp("ms")),
        ("TIMESTAMP(4)", pa.timestamp("us")),
        ("TIMESTAMP(7)", pa.timestamp("ns")),
        ("TIMESTAMP_LTZ(6)", pa.timestamp("us", tz="UTC")),
        ("ARRAY<INT NOT NULL>", pa.list_(pa.field("element", pa.int32(), nullable=False))),
        ("MAP<STRING, INT>", pa.map_(pa.string(), pa.int32())),
        (
            "MULTISET<STRING>",
            pa.map_(pa.string(), pa.field("value", pa.int32(), nullable=False)),
        ),
        ("ROW<a INT, b DATE>", pa.struct([("a", pa.int32()), ("b", pa.date32())])),
        ("VECTOR<FLOAT, 2>", pa.list_(pa.field("element", pa.float32()), 2)),
    ],
)
def test_each_data_type_has_one_arrow_type(sql: str, arrow: pa.DataType) -> None:
    assert to_arrow(parse_type(sql)) == arrow


@pytest.mark.parametrize(
    ("arrow", "sql"),
    [
        (pa.large_string(), "STRING"),
        (pa.string_view(), "STRING"),
        (pa.dictionary(pa.int8(), pa.large_string()), "STRING"),
        (pa.binary_view(), "BYTES"),
        (pa.binary(16), "BINARY(16)"),
        (pa.list_(pa.int8(), 4), "ARRAY<TINYINT>"),
        (pa.large_list(pa.int8()), "ARRAY<TINYINT>"),
        (pa.list_view(pa.int8()), "ARRAY<TINYINT>"),
        (pa.map_(pa.string(), pa.int8()), "MAP<STRING NOT NULL, TINYINT>"),
        (pa.uint8(), "SMALLINT"),
        (pa.uint16(), "INT"),
        (pa.uint32(), "BIGINT"),
        (pa.uint64(), "DECIMAL(20, 0)"),
        (pa.float16(), "FLOAT"),
        (pa.date64(), "DATE"),
        (pa.time64("ns"), "TIME(3)"),
        (pa.timestamp("s"), "TIMESTAMP(0)"),
        (pa.timestamp("ns", tz="Europe/Berlin"), "TIMESTAMP(9) WITH LOCAL TIME ZONE"),
        (pa.decimal256(20, 3), "DECIMAL(20, 3)"),
        (pa.run_end_encoded(pa.int32(), pa.bool_()), "BOOLEAN"),
        (pa.uuid(), "BINARY(16)"),
    ],
)
def test_an_arrow_type_becomes_the_narrowest_type_that_holds_it(
    arrow: pa.DataType, sql: str
) -> None:
    assert from_arrow(arrow).sql() == sql


@pytest.mark.parametrize(
    "arrow", [pa.null(), pa.duration("s"), pa.month_day_nano_interval(), pa.decimal256(60, 2)]
)
def test_an_arrow_type_without_counterpart_is_refused_by_column(arrow: pa.DataType) -> None:
    with pytest.raises(InvalidInputError, match="column 'gap': ") as caught:
        fields_from_arrow(pa.schema([("a", pa.int8()), ("gap", arrow)]))
    assert caught.value.detail["column"] == "gap"


def test_comments_travel_as_field_metadata_and_nothing_else_does() -> None:
    fields = (
        DataField(0, "a", parse_type("INT NOT NULL"), "größe", "7"),
        DataField(1, "b", parse_type("ROW<c INT 'inner'>")),
    )
    schema = to_arrow_schema(fields)
    assert schema.field("a").metadata == {b"comment": "größe".encode()}
    assert not schema.field("a").nullable
    assert schema.field("b").metadata is None
    back = fields_from_arrow(schema)
    assert [field.description for field in back] == ["größe", None]
    assert back[1].type == fields[1].type
    assert {field.id for field in back} == {UNASSIGNED_ID}
