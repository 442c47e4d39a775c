"""Columns of serialized sets: ``rbm32``, ``rbm64``, ``theta_sketch`` and ``hll_sketch``.

Two payloads of a group become one at a time, oldest first, as in Java.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.format.roaring64 import Bitmap64, decode_bitmap64, encode_bitmap64
from tablestore.merge.aggregators.parts import steps_of
from tablestore.merge.aggregators.values import valid_mask

if TYPE_CHECKING:
    from tablestore.merge.aggregators.protocol import Versions


@dataclass(frozen=True)
class Payload:
    """A kind of payload: how it is read, how two become one, how it is written.

    Attributes:
        read: the set in some bytes.
        join: the union of a set and a newer one; may change the first.
        write: the bytes of a set.
    """

    read: Callable[[bytes], Any]
    join: Callable[[Any, Any], Any]
    write: Callable[[Any], bytes]


@dataclass(frozen=True)
class PayloadUnion:
    """The union of all payloads of a key that are not null.

    Attributes:
        payload: their kind.
    """

    payload: Payload
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The unions; null where there was nothing, the payload itself where there was one.

        Raises:
            InvalidInputError: a payload is not what this function takes.
        """
        valid = valid_mask(column)
        some = versions if valid is None else versions.only(valid[versions.order])
        payloads = column.take(pa.array(some.order))
        found = [self._union(payloads, list(steps_of(some, group))) for group in range(len(some))]
        return pa.array(found, column.type)

    def _union(self, payloads: pa.Array, steps: list[tuple[int, bool, bool]]) -> bytes | None:
        read, join = self.payload.read, self.payload.join
        texts: list[bytes] = [payloads[place].as_py() for place, _, _ in steps]
        if len(texts) < 2:
            return texts[0] if texts else None
        try:
            held = read(texts[0])
            for text, (_, _, late) in zip(texts[1:], steps[1:], strict=True):
                held = join(read(text), held) if late else join(held, read(text))
            return self.payload.write(held)
        except (CorruptDataError, ValueError, RuntimeError, IndexError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"a value cannot be read: {error}") from None


def rbm32() -> Payload:
    """32-bit Roaring bitmaps in the portable serialization.

    Source: ``org.apache.paimon.utils.RoaringBitmap32``.
    """

    def read(data: bytes) -> Any:  # noqa: ANN401
        from pyroaring import BitMap

        return BitMap.deserialize(data)

    def write(bitmap: Any) -> bytes:  # noqa: ANN401
        bitmap.run_optimize()
        data: bytes = bitmap.serialize()
        return data

    return Payload(read, lambda held, new: held | new, write)


def rbm64() -> Payload:
    """64-bit Roaring bitmaps in Java's own serialization.

    Source: ``org.apache.paimon.utils.RoaringBitmap64``.
    """

    def join(held: Bitmap64, new: Bitmap64) -> Bitmap64:
        held.update(new)
        return held

    return Payload(decode_bitmap64, join, encode_bitmap64)


def theta_sketch() -> Payload:
    """Theta sketches of 4096 entries at most, written compact and ordered.

    Source: ``org.apache.paimon.utils.ThetaSketch``.
    """

    def join(held: Any, new: Any) -> Any:  # noqa: ANN401
        union = _library().theta_union(_THETA_LG_K)
        union.update(held)
        union.update(new)
        return union.get_result()

    return Payload(
        lambda data: _library().compact_theta_sketch.deserialize(data),
        join,
        lambda sketch: _as_java(sketch.serialize()),
    )


def hll_sketch() -> Payload:
    """HLL sketches, written compact with 4 bits a register.

    Source: ``org.apache.paimon.utils.HllSketchUtil``.
    """

    def join(held: Any, new: Any) -> Any:  # noqa: ANN401
        library = _library()
        union = library.hll_union(new.lg_config_k)
        union.update(new)
        union.update(held)
        # through its bytes, as Java does: these have no running estimate of an unordered sketch
        merged = union.get_result(library.tgt_hll_type.HLL_4).serialize_compact()
        return library.hll_sketch.deserialize(merged)

    return Payload(
        lambda data: _library().hll_sketch.deserialize(data),
        join,
        lambda sketch: bytes(sketch.serialize_compact()),
    )


_THETA_LG_K = 12
_SINGLE_FLAG = 0x20
_EMPTY_THETA = bytes.fromhex("01030300001e0000")


def _as_java(data: bytes) -> bytes:
    """A compact theta sketch with the header that Java writes.

    Both libraries read either form: Java leaves the seed's hash out of an empty sketch, marks a
    single entry, and writes the sampling probability 1.0 where the other writes zero.
    """
    words = data[0] & 0x3F
    if words == 1:
        single = len(data) > 8
        return data[:5] + bytes([data[5] | _SINGLE_FLAG]) + data[6:] if single else _EMPTY_THETA
    return data[:12] + b"\x00\x00\x80\x3f" + data[16:]


def _library() -> Any:  # noqa: ANN401
    """The datasketches package.

    Raises:
        InvalidInputError: it is not installed.
    """
    try:
        import datasketches
    except ImportError:
        raise InvalidInputError(
            "sketches need the package datasketches: pip install 'tablestore-lake[sketches]'"
        ) from None
    return datasketches
