"""Text columns of few values as Arrow dictionaries, from the pages of a file to those of another.

Decoding such a column writes out every value, merging moves them and encoding finds the few values
again. As a dictionary a value is a number of four bytes all the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.datafile.buffers import BUFFERS
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import pyarrow.parquet as pq

    from tablestore.types.model import DataField

SMALL_BYTES: Final = 8_192
"""Stored bytes of a dictionary that is worth passing on: where many runs meet, their dictionaries
are made one, window by window."""


def dictionary_type(plain: pa.DataType) -> pa.DataType:
    """The type of a column of these values as a dictionary."""
    return pa.dictionary(pa.int32(), plain)


def text_columns(fields: Iterable[DataField]) -> frozenset[str]:
    """Names of the columns that can be dictionaries."""
    return frozenset(
        item.name
        for item in fields
        if isinstance(item.type, AtomicType) and item.type.name in {"CHAR", "VARCHAR"}
    )


def small_dictionaries(
    metadata: pq.FileMetaData, names: Collection[str], groups: Sequence[int]
) -> list[str]:
    """Text columns that are in few distinct values in each of the row groups.

    A writer gives up on a dictionary that has become large, so its size tells whether it holds
    all values. Where it does not, values are looked up one by one: slower, not wrong.

    Args:
        metadata: of the Parquet file.
        names: the columns in question.
        groups: the row groups in question.
    """
    if not names or not groups:
        return []
    schema = metadata.schema
    leaves = {schema.column(index).path: index for index in range(len(schema))}
    return [
        name
        for name in names
        if name in leaves
        and all(_is_small(metadata.row_group(group).column(leaves[name])) for group in groups)
    ]


def _is_small(chunk: pq.ColumnChunkMetaData) -> bool:
    if not chunk.has_dictionary_page or chunk.physical_type != "BYTE_ARRAY":
        return False
    return bool(0 < chunk.data_page_offset - chunk.dictionary_page_offset <= SMALL_BYTES)


def plain(array: pa.Array) -> pa.Array:
    """The values themselves, where the array is a dictionary."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """The arrays one behind the other; a dictionary only where all of them are."""
    if len(arrays) == 1:
        return arrays[0]
    if len({array.type for array in arrays}) > 1:
        arrays = [plain(array) for array in arrays]
    return pa.concat_arrays(arrays, memory_pool=BUFFERS)


def fitted(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The array as a dictionary or plain, as the target is."""
    if array.type == target:
        return array
    if pa.types.is_dictionary(target):
        return pc.dictionary_encode(array).cast(target)
    return plain(array)
