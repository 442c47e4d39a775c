"""Reads Avro records by the writer's schema into the objects of a shape.

The writer's schema is compiled once a file into nested functions ``read(buffer, position) ->
(value, next position)``. Fields are matched by name: what the shape does not know is read over,
what the file does not have is ``None`` where the shape allows it.

Every value takes at least one byte (empty records, ``null`` outside of a union and fixed(0) are
refused), so counts can be checked against the bytes that are left.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NoReturn

from tablestore.errors import CorruptDataError
from tablestore.format.avro_schema import ArrayOf, Nullable, Primitive, RecordOf, Shape

Read = Callable[[bytes, int], tuple[Any, int]]
Json = Any  # a part of the schema, as it was parsed

MAX_DEPTH: Final = 32
_OBJECT_BYTES: Final = 72  # of a small object, and of the places that point to it
_PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
_ALIKE: Final = {"int": ("int", "long"), "long": ("long", "int")}  # same bytes on the wire


def reject(position: int, expected: object, found: object) -> NoReturn:
    """Ends the reading of a value that is not what the schema says; the caller adds the file.

    Raises:
        CorruptDataError: always.
    """
    raise CorruptDataError("Avro block", offset=position, expected=expected, found=found) from None


def reject_schema(expected: object, found: object) -> NoReturn:
    """Ends the reading of a file whose schema cannot be that of its kind.

    Raises:
        CorruptDataError: always.
    """
    raise CorruptDataError("Avro schema", expected=expected, found=found) from None


def read_long(buffer: bytes, position: int) -> tuple[int, int]:
    """A zig-zag variable-length integer of 64 bits."""
    byte = buffer[position]
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), position + 1
    value = byte & 127
    shift = 7
    end = position + 1
    while True:
        byte = buffer[end]
        end += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift > 63:
            reject(position, "an integer of at most 10 bytes", "a longer one")
    if value >> 64:
        reject(position, "an integer of 64 bits", "a larger one")
    return (value >> 1) ^ -(value & 1), end


def read_int(buffer: bytes, position: int) -> tuple[int, int]:
    """A zig-zag variable-length integer that must fit 32 bits."""
    byte = buffer[position]
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), position + 1
    value, end = read_long(buffer, position)
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        reject(position, "an integer of 32 bits", value)
    return value, end


def read_bytes(buffer: bytes, position: int) -> tuple[bytes, int]:
    """Bytes behind their length."""
    length = buffer[position]
    if length < 128:
        start = position + 1
        length = (length >> 1) ^ -(length & 1)
    else:
        length, start = read_long(buffer, position)
    end = start + length
    if length < 0 or end > len(buffer):
        reject(position, f"a length of 0 to {len(buffer) - start}", length)
    return buffer[start:end], end


def read_string(buffer: bytes, position: int) -> tuple[str, int]:
    """UTF-8 text behind its length."""
    data, end = read_bytes(buffer, position)
    try:
        return data.decode(), end
    except UnicodeDecodeError as e:
        reject(end - len(data) + e.start, "UTF-8 text", hex(data[e.start]))


def _read_boolean(buffer: bytes, position: int) -> tuple[bool, int]:
    byte = buffer[position]
    if byte > 1:
        reject(position, "a boolean, 0 or 1", byte)
    return byte == 1, position + 1


def _fixed_width(width: int, convert: Callable[[bytes], Any]) -> Read:
    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        end = position + width
        if end > len(buffer):
            reject(position, f"{width} bytes", f"{len(buffer) - position}")
        return convert(buffer[position:end]), end

    return read


_READERS: Final[dict[str, Read]] = {
    "boolean": _read_boolean,
    "int": read_int,
    "long": read_long,
    "float": _fixed_width(4, lambda b: struct.unpack("<f", b)[0]),
    "double": _fixed_width(8, lambda b: struct.unpack("<d", b)[0]),
    "bytes": read_bytes,
    "string": read_string,
}


class Budget:
    """What the objects made of one file may take, as a bound from above.

    Args:
        left: bytes.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int, position: int) -> None:
        """Takes bytes before they are used.

        Raises:
            CorruptDataError: so many are not left.
        """
        if size > self.left:
            reject(position, f"values that take at most {self.left} more bytes", f"up to {size}")
        self.left -= size


def object_bytes(shape: Shape) -> int:
    """Bytes that an object of a shape takes at most, without its texts' length and its items."""
    match shape:
        case Nullable(of):
            return object_bytes(of)
        case Primitive():
            return _OBJECT_BYTES
        case ArrayOf():
            return _OBJECT_BYTES
        case RecordOf(fields):
            return _OBJECT_BYTES + sum(object_bytes(of) for _, of in fields)


class SchemaCompiler:
    """Turns one writer schema (parsed JSON) into a function that reads its values.

    Args:
        budget: for the items of arrays; None where their number is known to be small.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget
        self._named: dict[str, Any] = {}  # full name -> definition
        self._generic: dict[str, Read] = {}  # one reader a named type, however often it is used

    def compile(self, schema: Json, shape: Shape | None, depth: int = 0) -> Read:
        """The reader of values of ``schema`` that become objects of ``shape``.

        Args:
            schema: the writer's schema.
            shape: what is wanted; ``None`` to read over the value.
            depth: how deep inside the file's schema this one is.

        Raises:
            CorruptDataError: the schema is malformed, or cannot give the shape.
        """
        if depth > MAX_DEPTH:
            reject_schema(f"at most {MAX_DEPTH} nested types", "more")
        if isinstance(shape, Nullable):
            shape = shape.of
        elif shape is not None and isinstance(schema, list):
            return self._required(self._union(schema, shape, depth))
        if isinstance(schema, list):
            return self._union(schema, shape, depth)
        return self._single(schema, shape, depth)

    def _single(self, schema: Json, shape: Shape | None, depth: int) -> Read:
        kind = schema.get("type") if isinstance(schema, dict) else schema
        if isinstance(kind, dict | list):  # {"type": {"type": …}}
            return self.compile(kind, shape, depth + 1)
        if not isinstance(kind, str):
            reject_schema("a type", repr(schema)[:80])
        if kind in _PRIMITIVES:
            return self._primitive(kind, shape)
        if not isinstance(schema, dict):  # the name of a type, even if it is called "array"
            return self._reference(kind, shape, depth)
        if kind == "array":
            return self._array(schema, shape, depth)
        if kind == "record":
            return self._record(schema, shape, depth)
        if kind in ("map", "enum", "fixed"):
            return self._unwanted(kind, schema, shape, depth)
        return self._reference(kind, shape, depth)

    def _primitive(self, kind: str, shape: Shape | None) -> Read:
        if kind == "null":
            reject_schema("null only inside a union", "null")
        if shape is not None and not (
            isinstance(shape, Primitive) and kind in _ALIKE.get(shape.name, (shape.name,))
        ):
            reject_schema(_word(shape), kind)
        return _READERS[shape.name if isinstance(shape, Primitive) else kind]

    def _reference(self, name: str, shape: Shape | None, depth: int) -> Read:
        if name not in self._named:
            reject_schema("a known type", repr(name)[:80])
        definition = self._named[name]
        if definition is None:
            reject_schema("a type that does not contain itself", name)
        if shape is not None:
            return self._single(definition, shape, depth + 1)
        if name not in self._generic:
            self._generic[name] = self._single(definition, None, depth + 1)
        return self._generic[name]

    def _define(self, schema: dict[str, Any], definition: Json) -> None:
        name = schema.get("name")
        if not isinstance(name, str) or not name:
            reject_schema("a named type", repr(schema)[:80])
        namespace = schema.get("namespace")
        self._named[name] = self._named[f"{namespace}.{name}"] = definition

    def _unwanted(self, kind: str, schema: dict[str, Any], shape: Shape | None, depth: int) -> Read:
        if shape is not None:
            reject_schema(_word(shape), kind)
        if kind == "map":
            pair = _pair(self.compile(schema.get("values"), None, depth + 1))
            return read_blocks(pair, self._budget)
        self._define(schema, schema)
        if kind == "enum":
            return read_int
        size = schema.get("size")
        if not isinstance(size, int) or size < 1:
            reject_schema("a fixed size of at least 1", repr(size)[:80])
        return _fixed_width(size, bytes)

    def _array(self, schema: dict[str, Any], shape: Shape | None, depth: int) -> Read:
        if shape is not None and not isinstance(shape, ArrayOf):
            reject_schema(_word(shape), "array")
        items = schema.get("items")
        item = self.compile(items, shape.items if shape else None, depth + 1)
        return _repeated(read_blocks(item, self._budget))

    def _union(self, branches: list[Any], shape: Shape | None, depth: int) -> Read:
        others = [b for b in branches if b != "null"]
        if shape is not None and len(others) != 1:
            reject_schema(_word(shape), f"a union of {len(others)} types")
        wanted = shape and Nullable(shape)
        readers = [None if b == "null" else self.compile(b, wanted, depth + 1) for b in branches]
        if len(readers) == 2 and readers[0] is None and readers[1] is not None:
            return _null_or_long if readers[1] is read_long else _null_first(readers[1])
        return _any_union(readers)

    @staticmethod
    def _required(read: Read) -> Read:
        def read_required(buffer: bytes, position: int) -> tuple[Any, int]:
            value, end = read(buffer, position)
            if value is None:
                reject(position, "a value", "null")
            return value, end

        return read_required

    def _record(self, schema: dict[str, Any], shape: Shape | None, depth: int) -> Read:
        if shape is not None and not isinstance(shape, RecordOf):
            reject_schema(_word(shape), "record")
        self._define(schema, None)
        wanted = dict(shape.fields) if shape else {}
        readers = [
            (name, self.compile(kind, wanted.get(name), depth + 1))
            for name, kind in _record_fields(schema)
        ]
        self._define(schema, schema)
        return _record_reader(readers, shape)


def _word(shape: Shape) -> str:
    match shape:
        case Primitive(name, _):
            return name
        case Nullable(of):
            return _word(of)
        case ArrayOf():
            return "array"
        case RecordOf(fields):
            return f"a record with {fields[0][0]}"


def _record_fields(schema: dict[str, Any]) -> list[tuple[str, Any]]:
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        reject_schema("a record with fields", repr(fields)[:80])
    found = []
    for field in fields:
        name = field.get("name") if isinstance(field, dict) else None
        if not isinstance(name, str):
            reject_schema("a field with a name", repr(field)[:80])
        found.append((name, field.get("type")))
    if len(dict(found)) != len(found):
        reject_schema("field names that differ", "one twice")
    return found


def _record_reader(readers: list[tuple[str, Read]], shape: RecordOf | None) -> Read:
    functions = [read for _, read in readers]
    if shape is None:
        return _ordered(functions, lambda *_: (), ())
    found = [name for name, _ in readers]
    for name, of in shape.fields:
        if name not in found and not isinstance(of, Nullable):
            reject_schema(f"field {name!r}", ", ".join(found)[:200])
    names = [name for name, _ in shape.fields]
    if found == names[: len(found)]:
        return _ordered(functions, shape.build, (None,) * (len(names) - len(found)))
    places = [names.index(name) if name in names else -1 for name in found]
    return _reordered(list(zip(functions, places, strict=True)), shape.build, len(names))


def _ordered(functions: list[Read], build: Callable[..., Any], rest: tuple[None, ...]) -> Read:
    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        values: list[Any] = []
        append = values.append
        for function in functions:
            value, position = function(buffer, position)
            append(value)
        return build(*values, *rest), position

    return read


def _reordered(places: list[tuple[Read, int]], build: Callable[..., Any], width: int) -> Read:
    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        values: list[Any] = [None] * width
        for function, place in places:
            value, position = function(buffer, position)
            if place >= 0:
                values[place] = value
        return build(*values), position

    return read


def _null_first(inner: Read) -> Read:
    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        branch = buffer[position]
        if branch == 2:
            return inner(buffer, position + 1)
        if branch == 0:
            return None, position + 1
        reject(position, "branch 0 or 1 of a union", branch)

    return read


def _null_or_long(buffer: bytes, position: int) -> tuple[int | None, int]:
    branch = buffer[position]
    if branch == 0:
        return None, position + 1
    if branch == 2:
        byte = buffer[position + 1]
        if byte < 128:
            return (byte >> 1) ^ -(byte & 1), position + 2
        return read_long(buffer, position + 1)
    reject(position, "branch 0 or 1 of a union", branch)


def _any_union(readers: list[Read | None]) -> Read:
    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        branch, end = read_long(buffer, position)
        if not 0 <= branch < len(readers):
            reject(position, f"a branch of a union of {len(readers)}", branch)
        reader = readers[branch]
        return (None, end) if reader is None else reader(buffer, end)

    return read


def _pair(read_value: Read) -> Read:
    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        key, position = read_string(buffer, position)
        value, position = read_value(buffer, position)
        return (key, value), position

    return read


def _repeated(inner: Read) -> Read:
    """The same reader, quick where a value has the bytes of the one before it.

    Avro values end by themselves, so equal bytes are equal values. Column lists and null counts
    repeat from entry to entry; sharing them saves their memory as well.
    """
    last_bytes = b""
    last_value: Any = None

    def read(buffer: bytes, position: int) -> tuple[Any, int]:
        nonlocal last_bytes, last_value
        if last_bytes and buffer.startswith(last_bytes, position):
            return last_value, position + len(last_bytes)
        last_value, end = inner(buffer, position)
        last_bytes = buffer[position:end]
        return last_value, end

    return read


def read_blocks(item: Read, budget: Budget | None) -> Read:
    """The reader of arrays of such items, as tuples."""

    def read(buffer: bytes, position: int) -> tuple[tuple[Any, ...], int]:
        values: list[Any] = []
        while True:
            count, start = read_long(buffer, position)
            if count == 0:
                return tuple(values), start
            if count < 0:  # the count is followed by the size in bytes
                count = -count
                _, start = read_long(buffer, start)
            if count > len(buffer) - start:
                reject(position, f"at most {len(buffer) - start} items", count)
            if budget is not None:
                budget.take(count * _OBJECT_BYTES, position)
            position = start
            for _ in range(count):
                value, position = item(buffer, position)
                values.append(value)

    return read
