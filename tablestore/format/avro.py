"""Avro object container files, as far as Paimon's metadata needs them.

::

    "Obj" 01
    map<string, bytes>    avro.schema, avro.codec           writers may add more
    sync                  16 bytes
    block*                long record count, long byte length, compressed records, sync

Codecs read: null, deflate, snappy, zstandard. Written: zstandard, level 1.

Source: ``org.apache.paimon.format.avro.AvroFileFormat``; Avro specification, "Object Container
Files".
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import zstandard

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.avro_codec import decompressor
from tablestore.format.avro_columns import Columns, compile_program
from tablestore.format.avro_reader import (
    Budget,
    Read,
    SchemaCompiler,
    object_bytes,
    read_bytes,
    read_long,
    reject_schema,
)
from tablestore.format.avro_schema import RecordOf, schema_text
from tablestore.format.avro_seal import SEAL_KEY, check_header, header_seal
from tablestore.format.avro_writer import record_writer, write_bytes, write_long, write_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC: Final = b"Obj\x01"
MAX_OUTPUT_BYTES: Final = 512 * 1024 * 1024
MAX_OBJECT_BYTES: Final = 2 * 1024 * 1024 * 1024
_MAX_HEADER_KEYS: Final = 1024
_BLOCK_BYTES: Final = 64_000  # Avro's default distance of sync markers
_ZSTD_LEVEL: Final = 1


def decode_container(
    data: bytes,
    shape: RecordOf,
    *,
    what: str,
    name: str | None = None,
    max_bytes: int = MAX_OUTPUT_BYTES,
    max_object_bytes: int = MAX_OBJECT_BYTES,
) -> list[Any]:
    """The records of an Avro file as objects of the shape.

    Args:
        data: the whole file.
        shape: the records wanted; fields are matched by name.
        what: the kind of file, for error messages.
        name: its name, for error messages.
        max_bytes: refuse files whose records are longer than this after decompression.
        max_object_bytes: refuse files whose objects might take more memory than this.

    Raises:
        CorruptDataError: with the offset in the file; inside a block, the block's offset.
        UnsupportedFormatError: a codec that is not read.
    """
    try:
        columns = decode_columns(data, shape, max_bytes=max_bytes)
        if columns is not None:
            # an object that refuses its values is refused below, with its place
            with contextlib.suppress(CorruptDataError, UnsupportedFormatError):
                return columns.values(budget=max_object_bytes)
        return _decode(bytes(data), shape, max_bytes, Budget(max_object_bytes))
    except IndexError:
        raise CorruptDataError(
            what, name=name, offset=len(data), expected="more bytes", found="the end of the file"
        ) from None
    except UnsupportedFormatError as e:
        raise UnsupportedFormatError(f"{what} {name}: {e}" if name else str(e)) from None
    except CorruptDataError as e:
        expected = e.expected if e.what == "Avro file" else f"{e.expected} in its {e.what}"
        raise CorruptDataError(
            what, name=name, offset=e.offset, expected=expected, found=e.found
        ) from None


def decode_columns(
    data: bytes, shape: RecordOf, *, max_bytes: int = MAX_OUTPUT_BYTES
) -> Columns | None:
    """The records of an Avro file as columns, where they are many and nothing is wrong.

    Returns:
        None where ``decode_container`` must read them, or say what is wrong.
    """
    try:
        header, position = _read_header(data)
        check_header(header)
        program = compile_program(header["avro.schema"], shape)
        decompress = decompressor(header.get("avro.codec", b"null"))
        blocks = list(_blocks(data, position))
        rows = sum(block.records for block in blocks)
        if program is None or any(block.records < 0 for block in blocks):
            return None
        if not program.ready(rows):
            return None
        left = max_bytes - program.matrix_bytes(rows)
        parts: list[bytes] = []
        for block in blocks:
            parts.append(decompress(block.packed, max(left, 0), block.start))
            left -= len(parts[-1])
    except (CorruptDataError, UnsupportedFormatError, LookupError, ValueError, RecursionError):
        return None
    return program.columns([block.records for block in blocks], parts)


def encode_container(records: Iterable[Any], shape: RecordOf) -> bytes:
    """The bytes of an Avro file with these records.

    The sync marker is a digest of the content, so equal records give equal files.
    """
    blocks = _encode_blocks(records, shape)
    digest = hashlib.blake2b(digest_size=16)
    for _, block in blocks:
        digest.update(block)
    sync = digest.digest()
    out = bytearray(MAGIC)
    write_long(out, 3)
    write_string(out, "avro.schema")
    write_string(out, schema_text(shape))
    write_string(out, "avro.codec")
    write_string(out, "zstandard")
    write_string(out, SEAL_KEY)
    write_string(out, header_seal(schema_text(shape), "zstandard"))
    out.append(0)
    out += sync
    # Avro has no checksum of its own; that of zstandard is checked by every decoder
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
    for count, block in blocks:
        write_long(out, count)
        write_bytes(out, compressor.compress(bytes(block)))
        out += sync
    return bytes(out)


def _encode_blocks(records: Iterable[Any], shape: RecordOf) -> list[tuple[int, bytearray]]:
    write = record_writer(shape)
    blocks: list[tuple[int, bytearray]] = []
    block = bytearray()
    count = 0
    for record in records:
        write(block, record)
        count += 1
        if len(block) >= _BLOCK_BYTES:
            blocks.append((count, block))
            block, count = bytearray(), 0
    if count:
        blocks.append((count, block))
    return blocks


def _decode(data: bytes, shape: RecordOf, max_bytes: int, budget: Budget) -> list[Any]:
    header, position = _read_header(data)
    check_header(header)
    read = _compile(header.get("avro.schema"), shape, budget)
    size = object_bytes(shape)
    decompress = decompressor(header.get("avro.codec", b"null"))
    records: list[Any] = []
    left = max_bytes
    for count, packed, start in _blocks(data, position):
        block = decompress(packed, left, start)
        left -= len(block)
        if 0 <= count <= len(block):
            budget.take(count * size + len(block), start)
        _read_block(read, block, count, start, records)
    return records


class _Block(NamedTuple):
    records: int
    packed: bytes
    start: int


def _blocks(data: bytes, position: int) -> Iterator[_Block]:
    # behind the keys of the header; still compressed
    sync, position = _take(data, position, 16)
    while position < len(data):
        start = position
        count, position = read_long(data, position)
        packed, position = read_bytes(data, position)
        marker, position = _take(data, position, 16)
        if marker != sync:
            raise _broken(position - 16, f"sync marker {sync.hex()}", marker.hex())
        yield _Block(count, packed, start)


def _read_block(read: Read, block: bytes, count: int, start: int, records: list[Any]) -> None:
    if not 0 <= count <= len(block):
        raise _broken(start, f"0 to {len(block)} records", count)
    position = 0
    try:
        for _ in range(count):
            record, position = read(block, position)
            records.append(record)
    except IndexError:
        raise _broken(start, f"{count} records in the block", "its end") from None
    except CorruptDataError as e:
        at = f"{e.found} at byte {e.offset} of the block"
        raise CorruptDataError(e.what, offset=start, expected=e.expected, found=at) from None
    if position != len(block):
        raise _broken(start, f"a block of {position} bytes", f"{len(block)} bytes")


def _read_header(data: bytes) -> tuple[dict[str, bytes], int]:
    if data[:4] != MAGIC:
        raise _broken(0, f"an Avro file beginning with {MAGIC!r}", repr(data[:4]))
    header: dict[str, bytes] = {}
    position = 4
    while True:
        at = position
        count, position = read_long(data, position)
        if count == 0:
            return header, position
        if count < 0:  # the count is followed by the size in bytes
            count = -count
            _, position = read_long(data, position)
        if len(header) + count > _MAX_HEADER_KEYS:
            raise _broken(at, f"at most {_MAX_HEADER_KEYS} keys in the header", count)
        for _ in range(count):
            key, position = read_bytes(data, position)
            value, position = read_bytes(data, position)
            header[key.decode("utf-8", "replace")] = value


def _compile(text: bytes | None, shape: RecordOf, budget: Budget) -> Read:
    if text is None:
        reject_schema("key 'avro.schema' in the header", "none")
    try:
        schema = json.loads(text.decode())
    except (ValueError, RecursionError) as e:  # JSON and UTF-8 errors are ValueErrors
        reject_schema("JSON", type(e).__name__)
    return SchemaCompiler(budget).compile(schema, shape)


def _take(data: bytes, position: int, length: int) -> tuple[bytes, int]:
    end = position + length
    if end > len(data):
        raise _broken(position, f"{length} bytes", f"{len(data) - position}")
    return data[position:end], end


def _broken(offset: int, expected: object, found: object) -> CorruptDataError:
    return CorruptDataError("Avro file", offset=offset, expected=expected, found=found)
