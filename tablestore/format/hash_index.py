"""Hash index files: the key hashes that a dynamic bucket holds, so that a key keeps its bucket.

A file is nothing but big-endian int32 hashes (of the serialized key, as for bucket numbers), in
any order; the index manifest's row count is their number. One file a bucket, replaced as a whole.

Source: ``org.apache.paimon.index.HashIndexFile``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.errors import CorruptDataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_HASH: Final = np.dtype(">i4")


def encode_hash_index(hashes: ArrayLike) -> bytes:
    """The bytes of a hash index file."""
    return np.asarray(hashes, dtype=np.int32).astype(_HASH).tobytes()


def decode_hash_index(
    data: bytes, *, row_count: int | None = None, name: str | None = None
) -> NDArray[np.int32]:
    """The hashes of a file.

    Args:
        data: the whole file.
        row_count: hashes that the index manifest promises, where known.
        name: the file's name, for messages.

    Raises:
        CorruptDataError: the length is no whole number of hashes, or not the one promised.
    """
    if len(data) % 4 or (row_count is not None and len(data) != 4 * row_count):
        expected = "whole int32 hashes" if row_count is None else f"{4 * row_count} bytes"
        raise CorruptDataError(
            "hash index",
            name=name,
            offset=len(data),
            expected=expected,
            found=f"{len(data)} bytes",
        )
    return np.frombuffer(data, dtype=_HASH).astype(np.int32)
