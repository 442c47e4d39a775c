"""A seekable file over ranged reads, for stores whose every read is a request."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tablestore.store.base import Store

# An object up to here comes in one piece: its second request would cost more than its bytes.
WHOLE_BYTES: Final = 256 << 10


class RangedFile(io.RawIOBase):
    """Reads an object piece by piece through ``store.get_range``.

    Args:
        store: where the object lies; a metered store counts each piece.
        key: the object.
        size: its size in bytes.
    """

    def __init__(self, store: Store, key: str, size: int) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._size = size
        self._at = 0
        self._whole: bytes | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        """Bytes of the whole object."""
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted == 0:
            return b""
        data = self._piece(wanted)
        self._at += len(data)
        return data

    def _piece(self, wanted: int) -> bytes:
        if self._size > WHOLE_BYTES:
            return self._store.get_range(self._key, self._at, wanted)
        if self._whole is None:
            self._whole = self._store.get_range(self._key, 0, self._size)
        return self._whole[self._at : self._at + wanted]

    def readall(self) -> bytes:
        return self.read(-1)
