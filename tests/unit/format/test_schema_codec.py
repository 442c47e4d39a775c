"""Schema files; the vectors are byte copies of files that other engines wrote.

``schema_vectors/<writer>.<table>.schema-<id>.json``: Java Paimon 2.1-SNAPSHOT (commit 5dacde5),
1.4.2 and 0.9.0, pypaimon 2.1.0; from the project's golden tables of the same names.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.schema import MAX_BYTES, TableSchema, decode_schema, encode_schema
from tablestore.types.field_ids import assign_ids
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

VECTORS = Path(__file__).parent / "schema_vectors"
JAVA = sorted(VECTORS.glob("java-*.json"))
FIRST = sorted(VECTORS.glob("*.schema-0.json"))

MINIMAL = {
    "fields": [{"id": 0, "name": "k", "type": "INT NOT NULL"}],
    "id": 0,
    "highestFieldId": 0,
    "partitionKeys": [],
    "primaryKeys": ["k"],
    "options": {},
}


def _minimal(**changes: object) -> bytes:
    return json.dumps({**MINIMAL, **changes}).encode()


@pytest.mark.parametrize("path", JAVA, ids=lambda path: path.stem)
def test_a_schema_of_java_is_written_again_byte_for_byte(path: Path) -> None:
    data = path.read_bytes()
    assert encode_schema(decode_schema(data)) == data


@pytest.mark.parametrize("path", FIRST, ids=lambda path: path.stem)
def test_field_ids_are_given_out_as_the_writer_gave_them(path: Path) -> None:
    schema = decode_schema(path.read_bytes())
    assert assign_ids(schema.fields) == (schema.fields, schema.highest_field_id)


def test_the_columns_of_an_evolved_java_table_are_read() -> None:
    schema = decode_schema((VECTORS / "java-2.1.evolution.schema-5.json").read_bytes())
    assert (schema.id, schema.version, schema.highest_field_id) == (5, 3, 8)
    assert [(field.id, field.name, field.type.sql()) for field in schema.fields] == [
        (5, "d", "DECIMAL(10, 3)"),
        (0, "k", "INT NOT NULL"),
        (2, "r", "ROW<bb STRING, c BIGINT>"),
        (6, "n", "BIGINT"),
        (8, "v2", "DOUBLE"),
    ]
    assert (schema.field("n").description, schema.field("n").default) == ("a comment", "5")
    assert schema.comment == "table comment"
    assert schema.time_millis == 1795361688535
    assert schema.options == {"bucket": "1", "snapshot.num-retained.max": "50"}


def test_null_comments_and_foreign_keys_of_pypaimon_are_read() -> None:
    data = (VECTORS / "pypaimon-2.1.p1.schema-0.json").read_bytes()
    assert b'"comment": null' in data
    schema = decode_schema(data)
    assert schema.comment is None
    assert schema.field("v0").type == parse_type("MAP<STRING NOT NULL, BIGINT>")
    assert b"comment" not in encode_schema(schema)


def test_version_one_gets_the_defaults_of_its_time() -> None:
    schema = decode_schema(_minimal())
    assert schema.version == 1
    assert schema.options == {"bucket": "1", "file.format": "orc"}
    assert schema.time_millis == 0


def test_version_two_gets_orc_and_keeps_what_it_has() -> None:
    assert decode_schema(_minimal(version=2)).options == {"file.format": "orc"}
    options = {"file.format": "avro", "bucket": "7"}
    assert decode_schema(_minimal(version=1, options=options)).options == options


def test_version_three_gets_nothing() -> None:
    assert decode_schema(_minimal(version=3)).options == {}


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedFormatError, match="version 4"):
        decode_schema(_minimal(version=4))


def test_unknown_keys_survive_a_round_trip() -> None:
    schema = decode_schema(_minimal(version=3, owner={"name": "ä"}, flags=[1, None, True]))
    assert schema.extra == {"owner": {"name": "ä"}, "flags": [1, None, True]}
    assert decode_schema(encode_schema(schema)) == schema


def test_a_lone_surrogate_survives_as_its_escape() -> None:
    schema = decode_schema(_minimal(version=3, comment="\ud800"))
    assert decode_schema(encode_schema(schema)) == schema


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({k: v for k, v in MINIMAL.items() if k != "highestFieldId"}).encode(),
        json.dumps({k: v for k, v in MINIMAL.items() if k != "id"}).encode(),
        _minimal(fields=None),
        _minimal(fields=[7]),
        _minimal(fields=MINIMAL["fields"] * 2),
        _minimal(options={"bucket": 1}),
        _minimal(options=None),
        _minimal(primaryKeys="k"),
        _minimal(primaryKeys=["other"]),
        _minimal(partitionKeys=["other"]),
        _minimal(highestFieldId="0"),
        _minimal(version=None),
        _minimal(comment=5),
        _minimal(timeMillis=1.5),
        b" " * (MAX_BYTES + 1),
    ],
)
def test_malformed_schemas_are_corrupt_data_and_name_the_object(data: bytes) -> None:
    with pytest.raises(CorruptDataError) as caught:
        decode_schema(data, "schema/schema-0")
    assert caught.value.name == "schema/schema-0"


@given(st.data())
def test_a_flipped_byte_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    raw = bytearray((VECTORS / "java-0.9.partial_groups.schema-0.json").read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        schema = decode_schema(bytes(raw))
    except (CorruptDataError, UnsupportedFormatError):
        return
    assert decode_schema(encode_schema(schema)) == schema


def _schema(**changes: object) -> TableSchema:
    names = ("p", "a", "b", "v")
    fields = tuple(DataField(i, name, parse_type("INT")) for i, name in enumerate(names))
    return TableSchema(0, fields, 3, ("p",), ("b", "p", "a"), **changes)  # type: ignore[arg-type]


def test_the_trimmed_primary_key_keeps_the_order_of_the_primary_key() -> None:
    assert _schema().trimmed_primary_key == ("b", "a")


def test_bucket_keys_are_the_option_or_else_the_trimmed_primary_key() -> None:
    assert _schema().bucket_keys == ("b", "a")
    assert _schema(options={"bucket-key": "a,b"}).bucket_keys == ("a", "b")


def test_a_column_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        _schema().field("z")
