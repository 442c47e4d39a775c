"""Avro records of a shape as columns, all blocks of a file together.

The writer's schema is compiled to a program for ``kernels/avro_rows.py``. Each value of the shape
has fixed rows in one matrix of numbers, so the matrix does not depend on the writer:

    INT, LONG         the value
    BYTES, STRING     place and length in ``data``
    array             place and length of its bytes in ``data``
    nullable          1, or 0 for null; then as above

A schema with more than that (maps, arrays of records, unions of several types) has no program.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tablestore.format.avro_reader import Budget, Read, SchemaCompiler, object_bytes, read_blocks
from tablestore.format.avro_schema import ArrayOf, Nullable, Primitive, RecordOf, Shape
from tablestore.kernels import avro_rows

Int64s = NDArray[np.int64]
Json = Any  # a part of a schema

_MAX_STEPS: Final = 1024
_OPERATIONS: Final = {
    "int": avro_rows.INT,
    "long": avro_rows.LONG,
    "bytes": avro_rows.BYTES,
    "string": avro_rows.TEXT,
    "boolean": avro_rows.BOOLEAN,
}
_WIDTHS: Final = {"float": 4, "double": 8}
_OPERATION_SECONDS: Final = 4e-7  # a value of a record read by Python
_FEW_ROWS: Final = 64  # below, Python is as quick


@dataclass(frozen=True)
class Node:
    """Where the values of a part of the shape are.

    Attributes:
        shape: the part, without its union with null.
        slot: the first row of the matrix; of a record, -1.
        flag: the row that tells null, or -1.
        children: of a record, in the order of its fields.
    """

    shape: Primitive | ArrayOf | RecordOf
    slot: int
    flag: int
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Program:
    """How records of a writer become columns of a shape.

    Attributes:
        shape: what is wanted.
        steps: for the kernel.
        smallest: bytes of a record at least.
        lists: by slot, what reads an item of an array.
    """

    shape: RecordOf
    steps: Int64s
    smallest: int
    lists: dict[int, Read]

    def ready(self, rows: int) -> bool:
        """Whether the kernel is to be used for so many records."""
        spared = rows * len(self.steps) * _OPERATION_SECONDS
        return rows >= _FEW_ROWS and avro_rows.read_records.ready(spared)

    def matrix_bytes(self, rows: int) -> int:
        """Bytes of the matrix of so many records."""
        width = layout(self.shape)[1]
        return rows * width * 8

    def columns(self, counts: list[int], parts: list[bytes]) -> Columns | None:
        """The records of all blocks, or None where the general reader must look at them.

        Args:
            counts: records of each block.
            parts: their bytes.
        """
        smallest = self.smallest
        for count, part in zip(counts, parts, strict=True):
            if not 0 <= count * smallest <= len(part):
                return None
        matrix = np.zeros((layout(self.shape)[1], sum(counts)), dtype=np.int64)
        data = b"".join(parts)
        array = np.frombuffer(data, dtype=np.uint8)
        row = at = 0
        for count, part in zip(counts, parts, strict=True):
            end = at + len(part)
            if avro_rows.read_records(array, at, end, self.steps, matrix, row, count):
                return None
            row, at = row + count, end
        return Columns(self.shape, self.lists, data, matrix)


class Columns:
    """Records of a shape, column by column.

    Args:
        shape: of the records.
        lists: by slot, what reads an item of an array.
        data: the bytes that places point to.
        matrix: one row a slot, one column a record.
    """

    def __init__(
        self, shape: RecordOf, lists: dict[int, Read], data: bytes, matrix: Int64s
    ) -> None:
        self._root = layout(shape)[0]
        self._lists = lists
        self.data = data
        self.matrix = matrix

    def __len__(self) -> int:
        rows: int = self.matrix.shape[1]
        return rows

    def node(self, *names: str) -> Node:
        """The part of the shape at a path of field names."""
        node = self._root
        for name in names:
            assert isinstance(node.shape, RecordOf)
            node = node.children[[field for field, _ in node.shape.fields].index(name)]
        return node

    def numbers(self, *names: str) -> Int64s:
        """The values of an INT or LONG field, 0 where null."""
        numbers: Int64s = self.matrix[self.node(*names).slot]
        return numbers

    def places(self, *names: str) -> tuple[Int64s, Int64s]:
        """Place and length in ``data`` of the values of a field; 0 and 0 where null."""
        slot = self.node(*names).slot
        return self.matrix[slot], self.matrix[slot + 1]

    def values(
        self, *names: str, rows: Int64s | None = None, budget: int | None = None
    ) -> list[Any]:
        """The values of a field.

        Args:
            names: path of the field; none for whole records.
            rows: which records, all by default.
            budget: bytes that the values may take.

        Raises:
            CorruptDataError: they might take more.
        """
        matrix = self.matrix if rows is None else self.matrix[:, rows]
        node = self.node(*names)
        left = None if budget is None else Budget(budget)
        if left is not None:
            left.take(matrix.shape[1] * object_bytes(node.shape) + len(self.data), 0)
        with without_collections():
            return _Builder(self.data, matrix, self._lists, left).values(node)


@contextmanager
def without_collections() -> Iterator[None]:
    """For many new objects without circles: to look for circles takes longer than to make them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Builder:
    """Python values of some records."""

    def __init__(
        self, data: bytes, matrix: Int64s, lists: dict[int, Read], budget: Budget | None
    ) -> None:
        self._data = data
        self._matrix = matrix
        self._lists = lists
        self._budget = budget

    def values(self, node: Node) -> list[Any]:
        if node.flag < 0:
            return self._present(node)
        flags = self._matrix[node.flag]
        if not flags.any():
            return [None] * len(flags)
        found = self._present(node)
        if flags.all():
            return found
        return [value if flag else None for value, flag in zip(found, flags.tolist(), strict=True)]

    def _present(self, node: Node) -> list[Any]:
        match node.shape:
            case RecordOf(build=build):
                return list(map(build, *map(self.values, node.children)))
            case Primitive(name) if name in ("int", "long"):
                numbers: list[int] = self._matrix[node.slot].tolist()
                return numbers
            case Primitive(name):
                parts = self._parts(node.slot)
                return [part.decode() for part in parts] if name == "string" else parts
        return self._arrays(node.slot)

    def _parts(self, slot: int) -> list[bytes]:
        data = self._data
        starts = self._matrix[slot]
        ends = starts + self._matrix[slot + 1]
        return [data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]

    def _arrays(self, slot: int) -> list[Any]:
        """Equal bytes are equal values, and columns and null counts repeat from file to file."""
        known: dict[bytes, Any] = {b"": None}  # of a null
        parts = self._parts(slot)
        if slot in self._lists:
            read = read_blocks(self._lists[slot], self._budget)
            known |= {part: read(part, 0)[0] for part in set(parts) - known.keys()}
        return [known[part] for part in parts]


@lru_cache(maxsize=16)
def layout(shape: RecordOf) -> tuple[Node, int]:
    """The places of a shape's values, and the rows that the matrix needs."""
    used = 0

    def place(part: Shape) -> Node:
        nonlocal used
        flag = -1
        while isinstance(part, Nullable):
            part = part.of
            flag = used
        used += flag >= 0
        if isinstance(part, RecordOf):
            return Node(part, -1, flag, tuple(place(of) for _, of in part.fields))
        slot = used
        used += 1 if isinstance(part, Primitive) and part.name in ("int", "long") else 2
        return Node(part, slot, flag)

    return place(shape), used


@lru_cache(maxsize=32)
def compile_program(text: bytes, shape: RecordOf) -> Program | None:
    """The program for records of a writer, or None where only the general reader can read them.

    Args:
        text: the writer's schema.
        shape: what is wanted of the records.

    Raises:
        CorruptDataError: the schema is malformed, or cannot give the shape.
        ValueError: it is not JSON.
    """
    schema = json.loads(text.decode())
    SchemaCompiler().compile(schema, shape)  # refuses what must be refused
    compiler = _ProgramCompiler()
    try:
        compiler.add(schema, layout(shape)[0])
    except _NoProgramError:
        return None
    steps = np.array(compiler.steps, dtype=np.int64)
    return Program(shape, steps, _smallest(compiler.steps), compiler.lists)


def _smallest(steps: list[tuple[int, int, int, int]]) -> int:
    """Bytes of a record whose unions are all null."""
    total = at = 0
    while at < len(steps):
        operation, _, a, _ = steps[at]
        total += a if operation == avro_rows.FIXED else operation != avro_rows.PRESENT
        at = a if operation == avro_rows.OPTION and a > 0 else at + 1
    return total


class _NoProgramError(Exception):
    """The schema has a part that the kernel does not read."""


class _ProgramCompiler:
    """Writes the steps for one writer's schema, which was found valid before."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, int, int]] = []
        self.lists: dict[int, Read] = {}
        self._named: dict[str, Json] = {}

    def add(self, schema: Json, node: Node | None) -> None:
        """The steps for a value of the schema, read over without a node."""
        if isinstance(schema, list):
            self._union(schema, node)
            return
        if node is not None and node.flag >= 0:
            self._step(avro_rows.PRESENT, node.flag)
        self._single(schema, node)

    def _step(self, operation: int, slot: int = -1, a: int = 0, b: int = 0) -> None:
        if len(self.steps) >= _MAX_STEPS:
            raise _NoProgramError
        self.steps.append((operation, slot, a, b))

    def _union(self, branches: list[Json], node: Node | None) -> None:
        null, other = _one_type(branches)
        place = len(self.steps)
        flag = -1 if node is None else node.flag
        self._step(avro_rows.OPTION)
        self._single(other, node)
        refuses = node is not None and flag < 0
        self.steps[place] = (avro_rows.OPTION, flag, -1 if refuses else len(self.steps), null)

    def _single(self, schema: Json, node: Node | None) -> None:
        kind = schema.get("type") if isinstance(schema, dict) else schema
        if isinstance(kind, dict):
            self._single(kind, node)
        elif not isinstance(kind, str):
            raise _NoProgramError
        elif kind in _OPERATIONS or kind in _WIDTHS:
            self._primitive(kind, node)
        elif isinstance(schema, str):
            self._single(self._definition(schema), node)
        elif kind == "array":
            self._array(schema["items"], node)
        elif kind == "record":
            self._record(schema, node)
        elif kind == "fixed":
            self._define(schema)
            self._step(avro_rows.FIXED, a=schema["size"])
        elif kind == "enum":
            self._define(schema)
            self._step(avro_rows.INT)
        else:  # maps, unions in unions, names in braces
            raise _NoProgramError

    def _define(self, schema: Json) -> None:
        if isinstance(schema, dict) and isinstance(schema.get("name"), str):
            name = schema["name"]
            self._named[name] = self._named[f"{schema.get('namespace')}.{name}"] = schema

    def _definition(self, name: str) -> Json:
        if name not in self._named:
            raise _NoProgramError
        return self._named[name]

    def _primitive(self, kind: str, node: Node | None) -> None:
        if kind in _WIDTHS:
            self._step(avro_rows.FIXED, a=_WIDTHS[kind])
        elif node is None:
            self._step(_OPERATIONS[kind])
        else:
            assert isinstance(node.shape, Primitive)
            self._step(_OPERATIONS[node.shape.name], node.slot)

    def _array(self, items: Json, node: Node | None) -> None:
        null, item = _one_type(items) if isinstance(items, list) else (-1, items)
        if isinstance(item, dict):
            item = item.get("type")
        if not isinstance(item, str) or item not in _OPERATIONS:
            raise _NoProgramError
        if node is None:
            self._step(avro_rows.LIST, -1, _OPERATIONS[item], null)
            return
        assert isinstance(node.shape, ArrayOf)
        wanted = node.shape.items
        if null >= 0 and not isinstance(wanted, Nullable):
            raise _NoProgramError  # an item that is null must be refused
        inner = wanted.of if isinstance(wanted, Nullable) else wanted
        assert isinstance(inner, Primitive)
        self._step(avro_rows.LIST, node.slot, _OPERATIONS[inner.name], null)
        self.lists[node.slot] = SchemaCompiler().compile(items, wanted)

    def _record(self, schema: dict[str, Json], node: Node | None) -> None:
        self._define(schema)
        wanted: dict[str, Node] = {}
        if node is not None:
            assert isinstance(node.shape, RecordOf)
            names = (name for name, _ in node.shape.fields)
            wanted = dict(zip(names, node.children, strict=True))
        for field in schema["fields"]:
            self.add(field["type"], wanted.get(field["name"]))


def _one_type(branches: list[Json]) -> tuple[int, Json]:
    """The place of null in a union with one other type, and that type.

    Raises:
        _NoProgramError: it is another union.
    """
    if len(branches) != 2 or branches.count("null") != 1:
        raise _NoProgramError
    null = branches.index("null")
    return null, branches[1 - null]
