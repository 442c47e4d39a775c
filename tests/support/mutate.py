"""Damage with structure: a valid file in, a nearly valid one out.

Random bytes die at the first check. So each kind of file is taken apart, one thing in it is
changed (a field, a length, a block, a value of the schema), and it is put together again with
sync markers and checksums that are right. A part of the inputs is damaged without any knowledge.

Everything here is written from the format, not with the project's codecs.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import fastavro
import pyarrow as pa
import zstandard

Mutate = Callable[[Random, bytes], bytes]

NUMBERS = (0, 1, -1, 2, 7, 127, 128, 255, 256, 2**15, 2**31 - 1, -(2**31), 2**32, 2**53, 2**63 - 1)
NUMBERS += (-(2**63), 2**63, 10**30)
TEXTS = ("", "a", "null", "../x", "a\0b", "é" * 40, "x" * 3000, "\U0001f600", "0", "array")
BOMB = 1 << 20
INT32S = (0, 1, 2, 7, 8, 15, 16, 63, 127, 255, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1)


# ---- bytes -----------------------------------------------------------------------------------


def mutate_bytes(rng: Random, data: bytes) -> bytes:
    """One blind change: flips, a cut, a repeated, missing, foreign or zeroed stretch."""
    out = bytearray(data)
    at = rng.randrange(len(out) + 1)
    end = min(len(out), at + rng.choice((1, 2, 4, 8, 64)))
    match rng.randrange(7):
        case 0 | 1:
            for _ in range(rng.choice((1, 1, 2, 8))):
                if out:
                    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
        case 2:
            del out[at:]
        case 3:
            del out[at:end]
        case 4:
            out[at:at] = out[at:end]
        case 5:
            out[at:end] = rng.choice((b"\0", b"\xff", b"\x80", b"\x7f")) * (end - at)
        case 6:
            out[at:end] = rng.randbytes(rng.choice((1, 4, 16)))
    return bytes(out)


# ---- JSON ------------------------------------------------------------------------------------


def mutate_json(rng: Random, data: bytes) -> bytes:
    """One value, key or element of a JSON document changed, or its text damaged."""
    if rng.random() < 0.2:
        return mutate_bytes(rng, data)
    document = mutate_tree(rng, json.loads(data))
    if rng.random() < 0.01:
        depth = rng.choice((100, 3000, 100_000))
        return b"[" * depth + b"]" * depth
    return json.dumps(document).encode()


def mutate_tree(rng: Random, document: Any) -> Any:
    """The document (changed in place, or another one) with one thing different."""
    places = list(_places(document))
    if not places:
        return _weird(rng, document)
    box, key = rng.choice(places)
    match rng.randrange(6):
        case 0:
            del box[key]
        case 1 if isinstance(box, dict):
            box[rng.choice((*TEXTS, *box))] = box.pop(key)
        case 1:
            box.insert(key, box[key])
        case 2:
            box[key] = rng.choice(places)[0]  # another part of the document, perhaps a circle
            try:
                json.dumps(document)
            except ValueError:
                box[key] = None
        case _:
            box[key] = _weird(rng, box[key])
    return document


def _places(node: Any) -> Any:
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def _weird(rng: Random, old: Any) -> Any:
    if isinstance(old, str) and rng.random() < 0.5 and old:
        return mutate_bytes(rng, old.encode()).decode("utf-8", "replace")
    choices = (None, True, 1.5, [], {}, [[]], {"type": "array"}, [old], {"a": old})
    return rng.choice((*choices, rng.choice(NUMBERS), rng.choice(TEXTS), rng.choice(NUMBERS)))


# ---- Avro containers ---------------------------------------------------------------------------


def zigzag(number: int) -> bytes:
    """An Avro long, also of numbers that no long can be."""
    value = (number << 1) ^ (number >> 63) if -(2**63) <= number < 2**63 else abs(number) << 1
    out = bytearray()
    while True:
        value, low = value >> 7, value & 127
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def _long(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


SEAL = b"tablestore.header.crc32"


class Avro:
    """An object container file, taken apart."""

    def __init__(self, data: bytes) -> None:
        self.header: list[tuple[bytes, bytes]] = []
        at = 4
        while True:
            count, at = _long(data, at)
            if count == 0:
                break
            for _ in range(count):
                pair = []
                for _ in range(2):
                    length, at = _long(data, at)
                    pair.append(data[at : at + length])
                    at += length
                self.header.append((pair[0], pair[1]))
        self.sync = data[at : at + 16]
        at += 16
        unpack = _UNPACK[dict(self.header).get(b"avro.codec", b"null")]
        self.blocks: list[tuple[int, bytes]] = []
        while at < len(data):
            count, at = _long(data, at)
            length, at = _long(data, at)
            self.blocks.append((count, unpack(data[at : at + length])))
            at += length + 16

    def build(
        self, codec: bytes, lengths: dict[int, int] | None = None, rng: Random | None = None
    ) -> bytes:
        """The file again, its blocks packed by the codec, and damaged after that by ``rng``."""
        header = [(k, codec if k == b"avro.codec" else v) for k, v in self.header]
        header = [(k, _seal(header) if k == SEAL else v) for k, v in header]
        out = [b"Obj\x01", zigzag(len(header)) if header else b""]
        for pair in header:
            for text in pair:
                out += [zigzag(len(text)), text]
        out += [b"\0", self.sync]
        for i, (count, body) in enumerate(self.blocks):
            packed = _PACK.get(codec, bytes)(body)
            packed = mutate_bytes(rng, packed) if rng else packed
            length = (lengths or {}).get(i, len(packed))
            out += [zigzag(count), zigzag(length), packed, self.sync]
        return b"".join(out)


def _seal(header: list[tuple[bytes, bytes]]) -> bytes:
    """The checksum of a header, repaired."""
    texts = dict(header)
    text = texts.get(b"avro.schema", b"") + b" " + texts.get(b"avro.codec", b"null")
    return b"%08x" % zlib.crc32(text)


def _unsnappy(block: bytes) -> bytes:
    length, shift = 0, 0
    for byte in block:
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return bytes(pa.Codec("snappy").decompress(block[:-4], length, asbytes=True))


def _deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def _snappy(body: bytes) -> bytes:
    crc = zlib.crc32(body).to_bytes(4, "big")
    return bytes(pa.Codec("snappy").compress(body, asbytes=True)) + crc


_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": bytes,
    b"deflate": lambda block: zlib.decompress(block, -15),
    b"snappy": _unsnappy,
    b"zstandard": lambda block: zstandard.ZstdDecompressor().decompressobj().decompress(block),
}
_PACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"null": bytes,
    b"deflate": _deflate,
    b"snappy": _snappy,
    b"zstandard": zstandard.ZstdCompressor(level=1).compress,
}
_CODECS = (b"null", b"null", b"null", b"deflate", b"snappy", b"zstandard")


def mutate_avro(rng: Random, data: bytes) -> bytes:
    """A container with one block, count, header value or part of the schema changed."""
    if rng.random() < 0.15:
        return mutate_bytes(rng, data)
    parts = Avro(data)
    codec = rng.choice(_CODECS)
    if rng.random() < 0.3:
        parts.header.append((SEAL, b""))
    broken = rng.random()
    if broken < 0.04:
        return _broken_codec(rng, parts)
    if broken < 0.12:
        return parts.build(codec, rng=rng)
    if broken < 0.124:  # a bomb, for a decoder with a small budget
        parts.blocks.append((rng.choice((1, BOMB)), bytes(BOMB)))
        return parts.build(rng.choice((b"deflate", b"zstandard", b"snappy")))
    changed = _changed_parts(rng, parts, codec)
    return changed if rng.random() < 0.95 else mutate_bytes(rng, changed)


def _changed_parts(rng: Random, parts: Avro, codec: bytes) -> bytes:
    """The file with one of its parts changed."""
    block = rng.randrange(len(parts.blocks)) if parts.blocks else -1
    choice = rng.randrange(12) if parts.blocks else 8 + rng.randrange(4)
    if choice < 2 and parts.blocks[block][0] and rng.random() < 0.7:
        parts.blocks[block] = _changed_records(rng, parts, block)
    elif choice < 7:
        count, body = parts.blocks[block]
        parts.blocks[block] = _changed_block(rng, choice, count, body)
    elif choice == 7:
        lengths = {block: rng.choice((*NUMBERS, len(parts.blocks[block][1]) + 1))}
        return parts.build(codec, lengths)
    elif choice == 8:
        _change_header(rng, parts)
    elif choice == 9:
        _change_blocks(rng, parts)
    else:
        _change_schema(rng, parts)
    return parts.build(codec)


def _broken_codec(rng: Random, parts: Avro) -> bytes:
    """A codec that nobody knows, blocks of another one, or a wrong checksum of the header."""
    codec = rng.choice((*_PACK, b"bzip2", b"\xff"))
    packed = parts.build(codec)
    match rng.randrange(4):
        case 0:
            return packed.replace(codec, rng.choice((b"null", b"snappy", b"deflate", b"lzma")), 1)
        case 1:
            return packed.replace(b'"name"', b'"nane"', 1)
        case 2:  # more behind the end of the data, or no length before it
            tail = rng.choice((b"x" * 3000, b"\0"))
            parts.blocks = [(n, _PACK.get(codec, bytes)(body) + tail) for n, body in parts.blocks]
        case _:
            parts.blocks = [(n, b"\xff" * 12) for n, _ in parts.blocks]
    return parts.build(b"null").replace(b"\x14avro.codec\x08null", _text(b"avro.codec", codec), 1)


def _text(*texts: bytes) -> bytes:
    return b"".join(zigzag(len(text)) + text for text in texts)


@cache
def _parsed(text: bytes) -> Any:
    return fastavro.parse_schema(json.loads(text))


def _changed_records(rng: Random, parts: Avro, block: int) -> tuple[int, bytes]:
    """One value of one record another one of its type, or null; the rest as it was."""
    count, body = parts.blocks[block]
    schema = _parsed(dict(parts.header)[b"avro.schema"])
    stream = io.BytesIO(body)
    chosen = rng.randrange(min(count, 20))
    out = io.BytesIO()
    for _ in range(chosen):
        fastavro.schemaless_reader(stream, schema, None)
    start = stream.tell()
    record = fastavro.schemaless_reader(stream, schema, None)
    box, key = rng.choice(list(_places(record)))
    box[key] = _another(rng, box[key])
    try:
        fastavro.schemaless_writer(out, schema, record)
    except (ValueError, TypeError, AttributeError, OverflowError, struct.error):
        return count, body  # no value of its type: this input is not damaged
    return count, body[:start] + out.getvalue() + body[stream.tell() :]


def _another(rng: Random, old: Any) -> Any:
    if rng.random() < 0.2:
        return None
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return rng.choice((*NUMBERS[:15], old + 1, old - 1, rng.randrange(8)))
    if isinstance(old, bytes):
        return mutate_bytes(rng, old)
    if isinstance(old, str):
        return rng.choice(TEXTS)
    if isinstance(old, list):
        return rng.choice(([], [None], [*old, None], old * 2, old[1:]))
    return None


def _changed_block(rng: Random, choice: int, count: int, body: bytes) -> tuple[int, bytes]:
    """One value in the records, mostly; the file around it stays right."""
    at = rng.randrange(len(body) + 1)
    if choice < 3:
        out = bytearray(body)
        if rng.random() < 0.1:  # the first value of the first record: a version, mostly
            return count, zigzag(rng.randrange(8)) + body[1:]
        for _ in range(rng.choice((1, 1, 1, 3))):
            out[rng.randrange(len(out))] = rng.choice(
                (0, 1, 2, 4, 127, 128, 255, rng.randrange(256))
            )
        return count, bytes(out)
    if choice < 5:
        number = rng.choice((*NUMBERS, rng.randrange(-200, 200)))
        return count, body[:at] + zigzag(number) + body[at + rng.choice((0, 1, 1, 2)) :]
    if choice == 5:
        return rng.choice((*NUMBERS, count - 1, count + 1)), body
    return count, mutate_bytes(rng, body)


def _change_header(rng: Random, parts: Avro) -> None:
    at = rng.randrange(len(parts.header))
    key, text = parts.header[at]
    match rng.randrange(5):
        case 0:
            del parts.header[at]
        case 1:
            parts.header[at] = (mutate_bytes(rng, key), text)
        case 2:
            parts.header[at] = (key, mutate_bytes(rng, text))
        case 3:
            parts.header += [(b"k%d" % i, b"v") for i in range(rng.choice((1, 2000)))]
        case 4:
            parts.sync = rng.randbytes(rng.choice((0, 15, 16, 17)))


def _change_blocks(rng: Random, parts: Avro) -> None:
    if not parts.blocks:
        parts.blocks.append((rng.choice((0, 1)), rng.randbytes(rng.choice((0, 10)))))
        return
    at = rng.randrange(len(parts.blocks))
    match rng.randrange(4):
        case 0:
            parts.blocks.insert(at, parts.blocks[at])
        case 1:
            del parts.blocks[at]
        case 2:
            parts.blocks.insert(at, (0, b""))
        case 3:
            count, body = parts.blocks[at]
            parts.blocks[at] = (count * 2, body * 2)


def _change_schema(rng: Random, parts: Avro) -> None:
    for i, (key, text) in enumerate(parts.header):
        if key == b"avro.schema":
            for _ in range(rng.choice((1, 1, 2))):
                try:
                    text = json.dumps(_changed_schema(rng, json.loads(text))).encode()
                except ValueError:
                    break  # it was put into itself; no file can hold that
            parts.header[i] = (key, text)


_TYPES: tuple[Any, ...] = (
    *("null", "boolean", "int", "long", "float", "double", "bytes", "string", "record"),
    *(["null", "long"], ["long", "null"], ["null", "int", "string"], [], ["null"]),
    *({"type": "array", "items": "int"}, {"type": "map", "values": "string"}),
    *({"type": "fixed", "name": "f", "size": 4}, {"type": "fixed", "name": "f", "size": 0}),
    *({"type": "enum", "name": "e", "symbols": ["a"]}, {"type": {"type": "long"}}),
    {"type": "record", "name": "r", "fields": [{"name": "x", "type": "int"}]},
    {"type": "record", "name": "r", "fields": []},
)


def _changed_schema(rng: Random, schema: Any) -> Any:
    kinds = [box for box, key in _places(schema) if key == "type" and isinstance(box, dict)]
    fields = [box[key] for box, key in _places(schema) if key == "fields" and box[key]]
    choice = rng.randrange(6)
    if choice < 2 and kinds:
        rng.choice(kinds)["type"] = rng.choice(_TYPES)
    elif choice == 2 and fields and isinstance(fields[0], list):
        place = rng.choice(fields)
        extra = {"name": f"_new{rng.randrange(3)}", "type": rng.choice(_TYPES)}
        if isinstance(place, list):
            place.insert(rng.randrange(len(place) + 1), extra)
    elif choice == 3 and kinds:
        box = rng.choice(kinds)
        box["type"] = ["null", box["type"]] if rng.random() < 0.5 else {"type": box["type"]}
    elif choice == 4 and rng.random() < 0.1:
        for _ in range(40):
            schema = {"type": "array", "items": schema}
    else:
        schema = mutate_tree(rng, schema)
    return schema


# ---- BinaryRow ---------------------------------------------------------------------------------


def mutate_row(rng: Random, data: bytes) -> bytes:
    """A serialized row with the number of fields, null bits, a slot or its tail changed."""
    out = bytearray(data)
    words = max(1, (len(out) - 4) // 8)
    at = 4 + 8 * rng.randrange(words)
    match rng.randrange(8):
        case 0:
            return mutate_bytes(rng, data)
        case 1:
            arity = rng.choice((0, 1, 2, 56, 57, 2**31 - 1, 2**32 - 1))
            out[:4] = arity.to_bytes(4, "big")
        case 2:
            out[at : at + 8] = struct.pack("<II", rng.choice(INT32S), rng.choice(INT32S))
        case 3 if len(out) >= at + 8:  # length or offset of a slot by a little
            half = at + rng.choice((0, 4))
            number = int.from_bytes(out[half : half + 4], "little") + rng.choice((-8, -1, 1, 8))
            out[half : half + 4] = (number % 2**32).to_bytes(4, "little")
        case 4 if len(out) > at + 7:
            out[at + 7] = rng.choice((0, 0x80, 0x87, 0x88, 0xFF))
        case 5 if len(out) > 5:
            out[5] ^= 1 << rng.randrange(8)
        case 6:
            return bytes(out[: 4 + 8 * rng.randrange(words + 1)])
        case _:
            out[at : at + 8] = rng.randbytes(8)
    return bytes(out)


# ---- ORC ---------------------------------------------------------------------------------------


def mutate_orc(rng: Random, data: bytes) -> bytes:
    """A byte or two of the postscript, of the footer before it, or of a stripe changed."""
    if rng.random() < 0.3:
        return mutate_bytes(rng, data)
    out = bytearray(data)
    script = len(out) - 1 - out[-1]
    first, last = rng.choice(((script, len(out)), (max(3, script - 400), script), (3, script)))
    for _ in range(rng.choice((1, 1, 2, 4))):
        out[rng.randrange(first, max(first + 1, last))] = rng.choice(
            (0, 1, 127, 128, 255, rng.randrange(256))
        )
    return bytes(out)


# ---- deletion vectors --------------------------------------------------------------------------


def mutate_vector(rng: Random, data: bytes) -> bytes:
    """An index file with one vector: a change inside it, mostly with size and checksum repaired."""
    choice = rng.randrange(8)
    if choice == 0:
        return mutate_bytes(rng, data)
    size = int.from_bytes(data[1:5], "big")
    body, rest = data[5 : 5 + size], data[9 + size :]
    if choice < 5:
        body = bytearray(body)
        at = rng.randrange(4, max(5, len(body)))
        width = rng.choice((1, 2, 4))
        body[at : at + width] = rng.choice(INT32S).to_bytes(8, "little")[:width]
        body = bytes(body)
    elif choice == 5:
        body = mutate_bytes(rng, body)
    elif choice == 6:
        body = body[:4] + mutate_bytes(rng, body[4:])
    else:
        body = rng.choice((b"\x5e\x43\xf2\xd0", b"\xd1\xd3\x39\x64")) + body[4:]
    length = len(body) if rng.random() < 0.9 else rng.choice(INT32S)
    crc = zlib.crc32(body).to_bytes(4, "big")
    return data[:1] + length.to_bytes(4, "big") + body + crc + rest
