"""The order that a sort compaction gives rows: by columns, by z-order or by the Hilbert curve.

Source: ``org.apache.paimon.sort.zorder.ZIndexer``,
``org.apache.paimon.sort.hilbert.HilbertIndexer``, ``org.apache.paimon.utils.ConvertBinaryUtil``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa

from tablestore.kernels.curves import hilbert_index, interleave
from tablestore.merge.keys import is_ranked, nullable_lanes, signed_lane
from tablestore.merge.orders import group_starts, stable_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Strategy = Literal["order", "zorder", "hilbert"]

_NULL: Final = np.int64((1 << 63) - 1)  # on the Hilbert curve
_TRUE: Final = 0x81  # Java's (byte) -127
_TEXT_PREFIX: Final = 32
_PER_MILLI: Final = {"s": 0, "ms": 1, "us": 1_000, "ns": 1_000_000}


@dataclass(frozen=True)
class SortOrder:
    """How rows are ordered.

    Attributes:
        strategy: lexicographic, z-order or Hilbert curve.
        columns: names of the columns, the most important first.
        text_bytes: what text and bytes contribute to a z-order.
    """

    strategy: Strategy
    columns: tuple[str, ...]
    text_bytes: int = 8

    def __str__(self) -> str:
        by = ", ".join(self.columns)
        return f"order by {by}" if self.strategy == "order" else f"{self.strategy} of {by}"

    def images(self, rows: pa.RecordBatch) -> NDArray[np.uint8]:
        """Bytes that never sort against the order; rows apart in the order may have the same.

        Comparable from one batch to the next.

        Shapes:
            (rows, bytes).
        """
        columns = [rows.column(name) for name in self.columns]
        if self.strategy == "zorder":
            return interleave([z_image(column, self.text_bytes) for column in columns])
        if self.strategy == "hilbert":
            return hilbert_index([coordinate(column) for column in columns])
        parts: list[NDArray[np.uint8]] = []
        for column in columns:
            parts += _order_image(column)
            if is_ranked(column.type):
                break  # what is cut off of a text comes before the next column
        return np.concatenate(parts, axis=1)

    def sorted(self, rows: pa.RecordBatch) -> NDArray[np.intp]:
        """Row numbers in order; equal rows keep theirs."""
        if self.strategy != "order":
            return stable_order(lanes_of(self.images(rows)))
        lanes: list[NDArray[np.uint64]] = []
        for name in self.columns:
            column = rows.column(name)
            if not is_ranked(column.type):
                lanes += nullable_lanes(column)
                continue
            lanes += _prefix_lanes(column)
            order = stable_order(lanes)
            tied = _tied(lanes, order)
            if len(tied) == 0:
                return order
            lanes += _ranks_of(column, tied)
        return stable_order(lanes)


def _prefix_lanes(column: pa.Array) -> list[NDArray[np.uint64]]:
    """Text by its first bytes, null first; longer text may be the same."""
    lanes = lanes_of(_text(column, 8)[0])
    if column.null_count:
        return [column.is_valid().to_numpy(zero_copy_only=False).astype(np.uint64), *lanes]
    return lanes


def _tied(lanes: list[NDArray[np.uint64]], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows that the lanes do not tell from another row."""
    starts = group_starts(lanes, order)
    alone = starts & np.append(starts[1:], True)
    tied: NDArray[np.intp] = order[~alone]
    return tied


def _ranks_of(column: pa.Array, some: NDArray[np.intp]) -> list[NDArray[np.uint64]]:
    """Lanes of a text column that are right among some rows, which differ in nothing else."""
    lanes = []
    for ranks in nullable_lanes(column.take(pa.array(some))):
        lane = np.zeros(len(column), dtype=np.uint64)
        lane[some] = ranks
        lanes.append(lane)
    return lanes


def lanes_of(images: NDArray[np.uint8]) -> list[NDArray[np.uint64]]:
    """Byte images as lanes of the same order."""
    rows, width = images.shape
    padded = np.zeros((rows, -(-width // 8) * 8), dtype=np.uint8)
    padded[:, :width] = images
    words = padded.view(">u8").astype(np.uint64)
    return [np.ascontiguousarray(words[:, place]) for place in range(words.shape[1])]


def z_image(column: pa.Array, text_bytes: int = 8) -> NDArray[np.uint8]:
    """What a column contributes to a z-order, (rows, bytes); zeros for null."""
    if is_ranked(column.type):
        return _text(column, text_bytes)[0]
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_decimal(column.type):
        image = _unscaled_bytes(_words(column))
    elif pa.types.is_boolean(column.type):
        image = np.zeros((len(column), 8), dtype=np.uint8)
        image[:, 0] = np.where(_numbers(column) != 0, _TRUE, 0)
    elif pa.types.is_floating(column.type):
        bits = _double_bits(column)
        # Java shifts by 31 where 63 is meant: the images are Java's, and all but as useful
        mixed = bits ^ ((bits >> np.int64(31)) | np.int64(-(1 << 63)))
        image = _big_endian(mixed.view(np.uint64))
    else:
        image = _big_endian(signed_lane(_numbers(column)))
    image[~valid] = 0
    return image


def coordinate(column: pa.Array) -> NDArray[np.int64]:
    """A column as numbers on an axis of the Hilbert curve; the largest for null."""
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    kind = column.type
    if is_ranked(kind):
        image, lengths = _text(column, 8)
        words = image.view(">u8").astype(np.uint64)[:, 0]
        # shorter ones are numbers of fewer bytes; a shift by 64 is not defined
        short = 8 * (8 - np.clip(lengths, 1, 8)).astype(np.uint64)
        values = (words >> short).view(np.int64)
    elif pa.types.is_decimal(kind):
        values = _words(column.cast(pa.decimal128(38, 0), safe=False))[:, 0].view(np.int64)
    elif pa.types.is_boolean(kind):
        values = np.where(_numbers(column) != 0, _NULL, np.int64(0))
    elif pa.types.is_floating(kind):
        values = _double_bits(column)
    elif pa.types.is_int8(kind):
        values = _numbers(column) & np.int64(0xFF)
    else:
        values = _numbers(column)
    return np.where(valid, values, _NULL)


def _order_image(column: pa.Array) -> list[NDArray[np.uint8]]:
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    parts = [valid.astype(np.uint8)[:, None]]
    if is_ranked(column.type):
        return [*parts, _text(column, _TEXT_PREFIX)[0]]
    if not valid.any():
        wide = pa.types.is_decimal(column.type) and column.type.precision > 18
        return [*parts, np.zeros((len(column), 16 if wide else 8), dtype=np.uint8)]
    plain = column.fill_null(column.drop_null()[0]) if column.null_count else column
    for lane in nullable_lanes(plain):
        parts.append(_big_endian(np.where(valid, lane, np.uint64(0))))
    return parts


def _big_endian(lane: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return lane.astype(">u8").view(np.uint8).reshape(-1, 8)


def _numbers(column: pa.Array) -> NDArray[np.int64]:
    """The integers of a column, as Paimon has them in memory: timestamps in milliseconds."""
    kind = column.type
    if pa.types.is_boolean(kind):
        plain = column.cast(pa.int8())
    elif pa.types.is_integer(kind):
        plain = column
    else:
        plain = column.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    values: NDArray[np.int64] = plain.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if pa.types.is_timestamp(kind):
        per_milli = _PER_MILLI[kind.unit]
        values = values * 1_000 if per_milli == 0 else values // per_milli
    return values


def _double_bits(column: pa.Array) -> NDArray[np.int64]:
    values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    plain: NDArray[np.float64] = np.where(np.isnan(values), np.nan, values)  # Java knows one NaN
    bits: NDArray[np.int64] = plain.view(np.int64)
    return bits


def _words(column: pa.Array) -> NDArray[np.uint64]:
    """The two words of each decimal128, the low one first; anything for null."""
    buffer = column.buffers()[1]
    words = np.frombuffer(buffer, dtype=np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(words[column.offset : column.offset + len(column)])


def _unscaled_bytes(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The first 8 bytes of the shortest two's complement of 128-bit numbers, zeros after it."""
    rows = len(words)
    wide = words[:, ::-1].astype(">u8").view(np.uint8).reshape(rows, 16)
    sign = np.where(wide[:, 0] & 0x80, 0xFF, 0).astype(np.uint8)
    differs = wide != sign[:, None]
    lead = np.where(differs.any(axis=1), differs.argmax(axis=1), 16)
    follows = np.take_along_axis(wide, np.minimum(lead, 15)[:, None], axis=1)[:, 0]
    # one byte of the sign stays where the next one would read as the other sign
    keeps = (lead == 16) | ((follows & 0x80) != (sign & 0x80))
    drop = np.where(keeps, lead - 1, lead)
    at = drop[:, None] + np.arange(8)
    taken = np.take_along_axis(wide, np.minimum(at, 15), axis=1)
    return np.where(at < 16, taken, 0).astype(np.uint8)


def _text(column: pa.Array, width: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The first bytes of text, zeros after its end and for null; and its lengths."""
    large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    _, offset_buffer, data_buffer = column.buffers()
    kind = np.int64 if large else np.int32
    offsets = np.frombuffer(offset_buffer, dtype=kind)[column.offset :][: len(column) + 1]
    starts, ends = offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    lengths: NDArray[np.int64] = np.where(valid, ends - starts, 0)
    image = np.zeros((len(column), width), dtype=np.uint8)
    if data_buffer is not None and len(data_buffer):
        data = np.frombuffer(data_buffer, dtype=np.uint8)
        for place in range(min(width, int(lengths.max(initial=0)))):
            there = lengths > place
            image[there, place] = data[starts[there] + place]
    return image, lengths


def compare_images(images: NDArray[np.uint8]) -> NDArray[Any]:
    """Byte images as an array that numpy sorts and searches by their bytes."""
    # "S" ends at the last byte that is not zero: of images of one width that keeps the order
    return np.ascontiguousarray(images).view(f"S{images.shape[1]}")[:, 0]


def distinct(images: Sequence[NDArray[np.uint8]]) -> NDArray[Any]:
    """The distinct images of several arrays, ascending."""
    return np.unique(compare_images(np.concatenate(images, axis=0)))
