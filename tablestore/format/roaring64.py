"""64-bit Roaring bitmaps as Java's Roaring64Bitmap serializes them: a radix tree over containers.

::

    byte 0                                     empty, or
    byte 1 | int64 keys | tree | containers

    tree, depth first: byte kind | uint16 children | byte prefix length | prefix
        kind 0: up to 4 key bytes, in 4     kind 1: up to 16, in 16
        kind 2: 256 slots of up to 48       kind 3: 256 bits, one a key byte
        kind 4: a leaf: 6 bytes high bits, big-endian | int64 container number
    containers: int32 lists, and per list: byte -2 | int32 slots | slots | int64 containers |
        int32 last list | int32 last slot
    slot: byte 0, or byte 1 | byte kind | int32 values, then
        kind 0: uint16 runs and per run (uint16 first, uint16 length - 1)
        kind 1: 8192 bytes of bits          kind 2: uint16 values

Integers are little-endian; the bytes of kinds 0, 1 and 2 stand in reversed words of 4 and 8.

Source: ``org.roaringbitmap.longlong.Roaring64Bitmap``, ``org.roaringbitmap.art``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.format.byte_reader import ByteReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAF: Final = 4
_NODE_BYTES: Final = (4, 16, 256, 32)
"""Bytes that a branch has after its prefix, by kind."""
_CAPACITY: Final = (4, 16, 48, 256)
_KEY_BYTES: Final = 6
_RUNS, _BITS, _ARRAY = 0, 1, 2
_ARRAY_MAX: Final = 4096
_BITS_BYTES: Final = 8192
_NOT_TRIMMED: Final = 0xFE
_U16: Final = np.dtype("<u2")


@dataclass
class Bitmap64:
    """Low 16 bits by high 48, in the slots in which Java keeps them.

    Attributes:
        slots: ascending low bits of each container; None where a slot is free.
        slot_of: slot of the container of each high part.
        last: the slot that was taken last.
    """

    slots: list[NDArray[np.uint16] | None]
    slot_of: dict[int, int]
    last: int = 0

    def values(self) -> NDArray[np.uint64]:
        """All values, ascending."""
        parts = [
            (np.uint64(high << 16) + low.astype(np.uint64))
            for high, slot in sorted(self.slot_of.items())
            if (low := self.slots[slot]) is not None
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)

    def update(self, other: Bitmap64) -> None:
        """Take in the values of another bitmap; slots grow as Java's list does."""
        for high, theirs in sorted(other.slot_of.items()):
            low = other.slots[theirs]
            own = self.slot_of.get(high)
            if low is None:
                continue
            if own is not None:
                mine = self.slots[own]
                self.slots[own] = low if mine is None else np.union1d(mine, low)
                continue
            slot = self.last + 1 if self.slot_of else 0
            if slot >= len(self.slots):
                size = max(len(self.slots) + len(self.slots) // 2, slot + 1)
                self.slots += [None] * (size - len(self.slots))
            self.slots[slot], self.slot_of[high], self.last = low, slot, slot


def decode_bitmap64(data: bytes, *, what: str = "64-bit bitmap") -> Bitmap64:
    """The bitmap in some bytes.

    Raises:
        CorruptDataError: these bytes are no bitmap.
    """
    reader = ByteReader(data, what)
    if not reader.flag():
        return Bitmap64([], {})
    keys = _little(reader, 8)
    slot_of: dict[int, int] = {}
    pending = [0]
    while pending:  # depths of the nodes that are still to come, in the order of the bytes
        _read_node(reader, pending, slot_of)
    if len(slot_of) != keys:
        reader.bad(f"{keys} keys", len(slot_of))
    slots = _read_slots(reader)
    last_list, last = _little(reader, 4), _little(reader, 4)
    if last_list or any(slot >= len(slots) or slots[slot] is None for slot in slot_of.values()):
        reader.bad("a container for each key", "others")
    return Bitmap64(slots, slot_of, last)


def _little(reader: ByteReader, size: int) -> int:
    return int.from_bytes(reader.take(size), "little")


def _read_node(reader: ByteReader, pending: list[int], slot_of: dict[int, int]) -> None:
    depth = pending.pop()
    kind, children, prefix = reader.take(1)[0], _little(reader, 2), reader.take(1)[0]
    reader.take(prefix)
    if kind == _LEAF:
        high = int.from_bytes(reader.take(_KEY_BYTES), "big")
        slot_of[high] = _little(reader, 8)
        return
    if kind > _LEAF or children > _CAPACITY[kind] or depth + prefix >= _KEY_BYTES:
        reader.bad("a node of the tree", f"kind {kind} with {children} children")
    reader.take(_NODE_BYTES[kind])
    pending += [depth + prefix + 1] * children


def _read_slots(reader: ByteReader) -> list[NDArray[np.uint16] | None]:
    if (lists := _little(reader, 4)) != 1 or reader.take(1)[0] != _NOT_TRIMMED:
        reader.bad("one list of containers", lists)
    count = _little(reader, 4)
    if count > reader.left:
        reader.bad(f"up to {reader.left} containers", count)
    slots = [_read_container(reader) if reader.flag() else None for _ in range(count)]
    used = _little(reader, 8)
    if used != sum(slot is not None for slot in slots):
        reader.bad("the number of containers", used)
    return slots


def _read_container(reader: ByteReader) -> NDArray[np.uint16]:
    kind, values = reader.take(1)[0], _little(reader, 4)
    if kind == _ARRAY:
        low = reader.array(_U16, values)
    elif kind == _BITS:
        packed = np.frombuffer(reader.take(_BITS_BYTES), dtype=np.uint8)
        low = np.flatnonzero(np.unpackbits(packed, bitorder="little")).astype(np.uint16)
    elif kind == _RUNS:
        pairs = reader.array(_U16, 2 * _little(reader, 2)).reshape(-1, 2).astype(np.int64)
        first, length = pairs[:, 0], pairs[:, 1] + 1
        if len(pairs) and int((first + length).max()) > 1 << 16:
            reader.bad("runs below 65536", int((first + length).max()))
        before = np.cumsum(length) - length
        low = (np.repeat(first - before, length) + np.arange(length.sum())).astype(np.uint16)
    else:
        reader.bad("a kind of container", kind)
    if len(low) != values or not bool((low[1:] > low[:-1]).all()):
        reader.bad(f"{values} ascending values", len(low))
    return low


def encode_bitmap64(bitmap: Bitmap64) -> bytes:
    """The bytes that Java gives the bitmap after its ``runOptimize``."""
    if not bitmap.slot_of:
        return b"\x00"
    keys = sorted(bitmap.slot_of)
    out = [b"\x01", len(keys).to_bytes(8, "little")]
    _write_node([key.to_bytes(_KEY_BYTES, "big") for key in keys], 0, bitmap.slot_of, out)
    out += [(1).to_bytes(4, "little"), bytes([_NOT_TRIMMED])]
    out.append(len(bitmap.slots).to_bytes(4, "little"))
    out += [b"\x00" if low is None else b"\x01" + _container(low) for low in bitmap.slots]
    out += [len(keys).to_bytes(8, "little"), bytes(4), bitmap.last.to_bytes(4, "little")]
    return b"".join(out)


def _write_node(
    keys: Sequence[bytes], depth: int, slot_of: dict[int, int], out: list[bytes]
) -> None:
    """A node over ascending keys that are equal in their first ``depth`` bytes."""
    if len(keys) == 1:
        slot = slot_of[int.from_bytes(keys[0], "big")]
        out += [bytes([_LEAF, 0, 0, 0]), keys[0], slot.to_bytes(8, "little")]
        return
    end = depth
    while keys[0][end] == keys[-1][end]:
        end += 1
    children: dict[int, list[bytes]] = {}
    for key in keys:
        children.setdefault(key[end], []).append(key)
    kind = next(kind for kind, most in enumerate(_CAPACITY) if len(children) <= most)
    head = bytes([kind]) + len(children).to_bytes(2, "little") + bytes([end - depth])
    out += [head, keys[0][depth:end], _branch(kind, children)]
    for part in children.values():
        _write_node(part, end + 1, slot_of, out)


def _branch(kind: int, children: Iterable[int]) -> bytes:
    """The key bytes of a branch."""
    if kind == 3:
        bits = np.zeros(256, dtype=np.uint8)
        bits[list(children)] = 1
        return np.packbits(bits, bitorder="little").tobytes()
    if kind == 2:
        slots = np.full(256, 0xFF, dtype=np.uint8)
        for slot, byte in enumerate(children):
            slots[byte] = slot
        return slots.reshape(-1, 8)[:, ::-1].tobytes()
    plain = bytes(children).ljust(_NODE_BYTES[kind], b"\x00")
    word = min(8, len(plain))
    return b"".join(plain[at : at + word][::-1] for at in range(0, len(plain), word))


def _container(low: NDArray[np.uint16]) -> bytes:
    """Runs where they are the smallest, else values or bits."""
    starts = np.flatnonzero(np.append(True, low[1:] != low[:-1] + 1))
    plain = 2 * len(low) if len(low) <= _ARRAY_MAX else _BITS_BYTES
    if 2 + 4 * len(starts) < plain:
        first = low[starts]
        length = np.diff(np.append(starts, len(low))) - 1
        pairs = np.stack([first, length.astype(np.uint16)], axis=1).astype(_U16)
        kind, body = _RUNS, len(starts).to_bytes(2, "little") + pairs.tobytes()
    elif len(low) <= _ARRAY_MAX:
        kind, body = _ARRAY, low.astype(_U16).tobytes()
    else:
        bits = np.zeros(1 << 16, dtype=np.uint8)
        bits[low] = 1
        kind, body = _BITS, np.packbits(bits, bitorder="little").tobytes()
    return bytes([kind]) + len(low).to_bytes(4, "little") + body
