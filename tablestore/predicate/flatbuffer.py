"""The key-value metadata of an Arrow IPC file, in order and with repeated keys.

pyarrow gives a schema's metadata as a dict, which loses both. This reads the few tables of the
file's footer that lead there.

::

    ... footer | footer size int32 | "ARROW1"
    footer.schema (field 1) -> schema.custom_metadata (field 2) -> [KeyValue(key 0, value 1)]

Source: Arrow ``format/File.fbs``, ``format/Schema.fbs``.
"""

from __future__ import annotations

import struct

from tablestore.errors import CorruptDataError

_MAGIC = b"ARROW1"


def schema_metadata(data: bytes) -> list[tuple[str, str]]:
    """Every (key, value) of the schema in the footer of an Arrow IPC file.

    Raises:
        CorruptDataError: the bytes are not an Arrow IPC file.
    """
    if not data.endswith(_MAGIC) or len(data) < 10:
        raise CorruptDataError("Arrow file", expected="ARROW1 at the end", found=data[-6:])
    try:
        return _read(data)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise CorruptDataError("Arrow file", found=str(error)) from error


def _read(data: bytes) -> list[tuple[str, str]]:
    end = len(data) - len(_MAGIC) - 4
    footer = data[end - _int(data, end) : end]
    schema = _field(footer, _int(footer, 0), 1)
    entries = 0 if schema == 0 else _field(footer, schema, 2)
    if entries == 0:
        return []
    found = []
    for index in range(_int(footer, entries)):
        slot = entries + 4 + 4 * index
        entry = slot + _int(footer, slot)
        found.append((_text(footer, entry, 0), _text(footer, entry, 1)))
    return found


def _int(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<i", data, at)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """Position of what an offset field of a table points to; 0 when the field is absent."""
    vtable = table - _int(data, table)
    size = struct.unpack_from("<H", data, vtable)[0]
    slot = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + slot)[0] if slot < size else 0
    return table + offset + _int(data, table + offset) if offset else 0


def _text(data: bytes, table: int, number: int) -> str:
    at = _field(data, table, number)
    return data[at + 4 : at + 4 + _int(data, at)].decode() if at else ""
