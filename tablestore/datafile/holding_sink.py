"""A file object whose end is held back, so that a checksum can go into it."""

from __future__ import annotations

from typing import BinaryIO, Protocol


class _Writer(Protocol):
    """Writes the end of its file when it is closed."""

    def close(self) -> None: ...


class HoldingSink:
    """Passes everything on but what a writer writes at its end.

    Args:
        sink: the file to write; closed by its owner.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._passed = 0
        self._held: list[bytes] | None = None
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        """Take some bytes."""
        if self._held is None:
            self._pass_on(data)
        else:
            self._held.append(bytes(data))
        return len(data)

    def tell(self) -> int:
        """Bytes taken so far."""
        return self._passed + sum(map(len, self._held or ()))

    def flush(self) -> None:
        """Nothing waits here for long."""

    def close(self) -> None:
        """The owner of the file closes it."""
        self.closed = True

    def _pass_on(self, data: bytes | memoryview) -> None:
        self._sink.write(data)
        self._passed += len(data)

    def _end_of(self, writer: _Writer) -> bytes:
        """Close the writer: what it wrote then."""
        self._held = []
        writer.close()
        return b"".join(self._held)
