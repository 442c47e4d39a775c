"""Big-endian fields from bytes that nobody vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tablestore.errors import CorruptDataError, UnsupportedFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ByteReader:
    """A place in bytes; every step is checked against their end.

    Args:
        data: the bytes.
        what: the kind of object, for messages.
        at: where to begin.
    """

    def __init__(self, data: bytes, what: str, at: int = 0) -> None:
        self.data = data
        self.what = what
        self.at = at

    @property
    def left(self) -> int:
        """Bytes up to the end."""
        return len(self.data) - self.at

    def take(self, length: int) -> bytes:
        """The next bytes."""
        if not 0 <= length <= self.left or self.at < 0:
            self.bad(f"{length} more bytes", self.left)
        part = self.data[self.at : self.at + length]
        self.at += length
        return part

    def integer(self, size: int = 4) -> int:
        """The next signed integer."""
        return int.from_bytes(self.take(size), "big", signed=True)

    def count(self, item_bytes: int) -> int:
        """The next int32, a number of items that must fit into what is left.

        Args:
            item_bytes: bytes of an item at least.
        """
        start = self.at
        found = self.integer()
        if not 0 <= found * item_bytes <= self.left:
            self.bad(f"a number of items up to {self.left // item_bytes}", found, start)
        return found

    def flag(self) -> bool:
        """The next byte, 0 or 1."""
        start = self.at
        found = self.take(1)[0]
        if found > 1:
            self.bad("0 or 1", found, start)
        return found == 1

    def version(self, newest: int) -> int:
        """The next byte, a version.

        Raises:
            UnsupportedFormatError: it is newer than is known.
        """
        start = self.at
        found = self.integer(1)
        if found < 1:
            self.bad("a version", found, start)
        if found > newest:
            raise UnsupportedFormatError(
                f"{self.what} has version {found}; this version reads up to {newest}"
            )
        return found

    def array(self, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """The next items as an array."""
        return np.frombuffer(self.take(dtype.itemsize * count), dtype=dtype)

    def bad(self, expected: str, found: object, offset: int | None = None) -> NoReturn:
        """Refuse what is here.

        Raises:
            CorruptDataError: always.
        """
        offset = self.at if offset is None else offset
        raise CorruptDataError(self.what, offset=offset, expected=expected, found=found)
