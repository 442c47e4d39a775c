from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from tablestore.errors import CorruptDataError, TablestoreError, UnsupportedFormatError
from tablestore.format.avro import decode_columns, decode_container, encode_container
from tablestore.format.avro_columns import Program, compile_program, layout
from tablestore.format.avro_schema import (
    BYTES,
    INT,
    LONG,
    STRING,
    ArrayOf,
    Nullable,
    RecordOf,
    schema_text,
)
from tablestore.format.index_manifest import decode_index_manifest
from tablestore.format.manifest import ENTRY_SHAPE, decode_manifest, encode_manifest
from tablestore.format.manifest_list import decode_manifest_list
from tablestore.kernels.avro_rows import read_records
from tests.support.mutate import mutate_avro
from tests.unit.format.test_avro import block, head, zigzag
from tests.unit.format.test_manifest import FILE, FULL, add, delete

DATA = Path(__file__).parent / "data"
FILES = sorted(path.name for path in DATA.glob("*.avro"))
INNER = RecordOf((("x", INT), ("y", Nullable(BYTES))), lambda *v: v, lambda v: v)
SHAPE = RecordOf(
    fields=(
        ("a", LONG),
        ("b", Nullable(STRING)),
        ("c", Nullable(ArrayOf(Nullable(INT)))),
        ("d", INNER),
        ("e", Nullable(INNER)),
        ("f", ArrayOf(STRING)),
        ("g", Nullable(LONG)),
    ),
    build=lambda *values: values,
    parts=lambda values: values,
)
ROWS = [
    (1, "é" * 40, (1, None, -(2**31)), (2**31 - 1, None), None, (), None),
    (-(2**63), None, None, (0, b"\xff"), (7, b""), ("x", ""), 2**63 - 1),
    (2**63 - 1, "", (), (-1, b"y" * 200), (8, None), ("z" * 300,), 0),
]


@pytest.fixture
def columns_always(monkeypatch: pytest.MonkeyPatch) -> None:
    read_records.warm_up()
    monkeypatch.setattr(Program, "ready", lambda self, rows: True)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """Runs a decoder record by record."""

    def run(decode: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(Program, "ready", lambda self, rows: False)
            return outcome(decode)

    return run


def outcome(decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except TablestoreError as error:
        return type(error), str(error)


def decoder(name: str) -> Callable[..., Any]:
    if "list" in name:
        return decode_manifest_list
    return decode_index_manifest if "index" in name else decode_manifest


@pytest.mark.usefixtures("columns_always")
def test_columns_give_back_what_was_written():
    data = encode_container(ROWS * 50, SHAPE)
    columns = decode_columns(data, SHAPE)
    assert columns is not None
    assert len(columns) == 150
    assert columns.values() == ROWS * 50
    assert columns.values(rows=np.array([1, 149])) == [ROWS[1], ROWS[2]]
    assert columns.values("d", "y")[:3] == [None, b"\xff", b"y" * 200]
    assert columns.numbers("a")[:2].tolist() == [1, -(2**63)]
    place, length = (int(numbers[2]) for numbers in columns.places("d", "y"))
    assert columns.data[place : place + length] == b"y" * 200
    assert decode_container(data, SHAPE, what="f") == ROWS * 50


@pytest.mark.usefixtures("columns_always")
def test_no_records_are_no_columns():
    columns = decode_columns(encode_container([], SHAPE), SHAPE)
    assert columns is not None
    assert columns.values() == []


@pytest.mark.usefixtures("columns_always")
@pytest.mark.parametrize("name", FILES)
def test_files_of_every_writer_are_read_as_columns_to_the_same_records(
    name: str, never: Callable[..., Any]
):
    data = (DATA / name).read_bytes()
    decode = decoder(name)
    assert decode(data, name) == never(lambda: decode(data, name))
    if "list" not in name and "index" not in name:
        assert decode_columns(data, ENTRY_SHAPE) is not None


@pytest.mark.usefixtures("columns_always")
@pytest.mark.parametrize("name", FILES)
def test_damaged_files_give_the_same_as_columns_and_record_by_record(
    name: str, never: Callable[..., Any]
):
    good, decode, rng = (DATA / name).read_bytes(), decoder(name), Random(name)
    seen = set()
    for _ in range(400):
        data = mutate_avro(rng, good)
        found = outcome(lambda data=data: decode(data, name))
        assert found == never(lambda data=data: decode(data, name))
        seen.add(found[0] if isinstance(found, tuple) else list)
    assert {list, CorruptDataError} <= seen


@pytest.mark.usefixtures("columns_always")
@pytest.mark.parametrize("change", [{"kind": 2}, {"version": 3}])
def test_an_entry_that_must_be_refused_is_refused(
    change: dict[str, int], never: Callable[..., Any]
):
    data = encode_manifest([add(), delete(), add(FULL)])
    raw = decode_columns(data, ENTRY_SHAPE)
    assert raw is not None
    body = bytearray(raw.data)
    body[0 if "version" in change else 1] = 2 * next(iter(change.values()))
    damaged = head(json.loads(schema_text(ENTRY_SHAPE))) + block(bytes(body), 3)
    found = outcome(lambda: decode_manifest(damaged, "m"))
    assert found == never(lambda: decode_manifest(damaged, "m"))
    assert found[0] in (CorruptDataError, UnsupportedFormatError)


def record(*fields: tuple[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "r", "fields": [{"name": n, "type": t} for n, t in fields]}


X = RecordOf((("x", LONG), ("n", Nullable(LONG))), lambda *v: v, lambda v: v)
OTHERS = [
    ("more", "int", b"\2"),
    ("more", "boolean", b"\1"),
    ("more", "float", bytes(4)),
    ("more", "double", bytes(8)),
    ("more", "string", b"\2a"),
    ("more", {"type": "fixed", "name": "f", "size": 3}, b"abc"),
    ("more", {"type": "enum", "name": "e", "symbols": ["A"]}, b"\0"),
    ("more", {"type": "array", "items": "long"}, b"\4\2\2\0"),
    ("more", {"type": "array", "items": ["string", "null"]}, b"\3\6\2\0\2a\0"),
    ("more", ["null", "bytes"], b"\0"),
    ("more", ["bytes", "null"], b"\0\2a"),
    ("more", {"type": {"type": "long", "logicalType": "timestamp-millis"}}, b"\2"),
    ("more", record(("p", "int"), ("q", ["null", "int"])), b"\2\0"),
]


@pytest.mark.usefixtures("columns_always")
@pytest.mark.parametrize(("name", "kind", "data"), OTHERS)
def test_unknown_fields_are_read_over(name: str, kind: Any, data: bytes):
    schema = {**record((name, kind), ("x", "int"), ("tail", kind)), "name": "top"}
    if isinstance(kind, dict) and "name" in kind:  # a named type is defined once
        schema["fields"][2]["type"] = kind["name"]
    body = (data + b"\x0a" + data) * 70
    columns = decode_columns(head(schema) + block(body, 70), X)
    assert columns is not None
    assert columns.values() == [(5, None)] * 70


@pytest.mark.usefixtures("columns_always")
@pytest.mark.parametrize(
    "kind",
    [
        {"type": "map", "values": "long"},
        ["null", "int", "string"],
        {"type": "array", "items": record(("p", "int"))},
        {"type": "array", "items": {"type": "array", "items": "int"}},
        {"type": "array", "items": "double"},
    ],
)
def test_what_has_no_program_is_read_record_by_record(kind: Any):
    empty = b"\0"
    data = head({**record(("more", kind), ("x", "int")), "name": "top"})
    data += block((empty + b"\x0a") * 70, 70)
    assert decode_columns(data, X) is None
    assert decode_container(data, X, what="f") == [(5, None)] * 70


@pytest.mark.usefixtures("columns_always")
def test_a_plain_field_may_be_wanted_as_nullable_and_a_union_may_stand_around_a_record():
    schema = ["null", record(("n", "long"), ("x", "long"))]
    columns = decode_columns(head(schema) + block(b"\2\4\x0a" * 3, 3), X)
    assert columns is not None
    assert columns.values() == [(5, 2)] * 3
    assert decode_columns(head(schema) + block(b"\0", 1), X) is None, "null is refused"


@pytest.mark.usefixtures("columns_always")
def test_counts_are_not_believed():
    data = head(record(("x", "long"), ("n", "long")))
    assert decode_columns(data + block(b"\2\2" * 5, 2**60), X) is None
    assert decode_columns(data + block(b"\2\2" * 5, 6), X) is None
    assert decode_columns(data + block(b"\2\2" * 5, -5), X) is None
    deflated = head(record(("x", "long"), ("n", "long")), b"deflate")
    assert decode_columns(deflated + block(b"\x03\0", -(2**62)), X) is None


@pytest.mark.usefixtures("columns_always")
def test_the_matrix_counts_against_the_memory_allowed():
    data = head(record(("x", "long"), ("n", "long"))) + block(b"\2\2" * 1000, 1000)
    room = 2000 + 1000 * layout(X)[1] * 8
    assert decode_columns(data, X, max_bytes=room) is not None
    assert decode_columns(data, X, max_bytes=room - 1) is None


@pytest.mark.usefixtures("columns_always")
def test_objects_beyond_the_budget_are_refused(never: Callable[..., Any]):
    data = encode_container(ROWS * 100, SHAPE)
    columns = decode_columns(data, SHAPE)
    assert columns is not None
    assert len(columns.values(budget=1 << 20)) == 300
    with pytest.raises(CorruptDataError, match="values that take at most"):
        columns.values(budget=1 << 17)
    few = {"what": "f", "max_object_bytes": 1 << 17}
    found = outcome(lambda: decode_container(data, SHAPE, **few))
    assert found == never(lambda: decode_container(data, SHAPE, **few))
    assert "values that take at most" in found[1]


def test_few_records_are_read_one_by_one():
    program = compile_program(schema_text(SHAPE).encode(), SHAPE)
    assert program is not None
    read_records.warm_up()
    assert not program.ready(10)
    assert program.ready(1000)


def test_a_record_takes_at_least_its_smallest_size():
    program = compile_program(schema_text(SHAPE).encode(), SHAPE)
    assert program is not None
    least = (0, None, None, (0, None), None, (), None)
    plain = decode_columns_of([least])
    assert program.smallest == len(plain)


def decode_columns_of(rows: list[Any]) -> bytes:
    from tablestore.format.avro_writer import compile_writer

    out = bytearray()
    for row in rows:
        compile_writer(SHAPE)(out, row)
    return bytes(out)


@pytest.mark.usefixtures("columns_always")
def test_the_collector_is_as_it_was():
    columns = decode_columns(encode_container(ROWS, SHAPE), SHAPE)
    assert columns is not None
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            columns.values()
            assert gc.isenabled() is enabled
        finally:
            gc.enable()


def test_many_entries_are_equal_either_way(never: Callable[..., Any]):
    entries = [add(FILE, file_name=f"data-{i}") for i in range(200)]
    entries += [delete(FULL, level=i) for i in range(100)]
    data = encode_manifest(entries)
    read_records.warm_up()
    assert decode_columns(data, ENTRY_SHAPE) is not None
    assert decode_manifest(data) == never(lambda: decode_manifest(data)) == entries
    assert zigzag(0) == b"\0"
