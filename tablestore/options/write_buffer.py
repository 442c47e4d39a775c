"""The options of the write buffer as a frozen value, defaults filled in.

Source: ``org.apache.paimon.CoreOptions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tablestore.errors import InvalidInputError
from tablestore.options.units import parse_bytes
from tablestore.options.values import OptionValues


@dataclass(frozen=True, slots=True)
class BufferOptions:
    """What the memory of a table's writer depends on.

    Attributes:
        size: bytes for all buckets together.
        spillable: a full buffer goes to local files before it goes to level 0.
        disk_max: bytes of those files at a time; None for no limit.
        codec: how those files are compressed: zstd, lz4 or none.
        zstd_level: zstd's level.
        files_max: local files that are merged at a time.
        local_merge_size: bytes of rows that are merged before they are numbered; None for none.
    """

    size: int = 256 << 20
    spillable: bool = True
    disk_max: int | None = None
    codec: str = "zstd"
    zstd_level: int = 1
    files_max: int = 128
    local_merge_size: int | None = None

    @classmethod
    def of(cls, options: Mapping[str, str]) -> BufferOptions:
        """The options of a table.

        Raises:
            InvalidInputError: names the option whose value is not of its type.
        """
        read = OptionValues(options)
        return cls(
            size=read.get("write-buffer-size", parse_bytes),
            spillable=read.flag("write-buffer-spillable"),
            disk_max=read.maybe("write-buffer-spill.max-disk-size", parse_bytes),
            codec=read.get("spill-compression", _codec),
            zstd_level=read.number("spill-compression.zstd-level"),
            files_max=max(read.number("local-sort.max-num-file-handles"), 2),
            local_merge_size=read.maybe("local-merge-buffer-size", parse_bytes),
        )


def _codec(text: str) -> str:
    """A codec that local files can have; lz4 stands in for lzo, which Arrow lacks.

    Raises:
        InvalidInputError: there is no such codec.
    """
    name = text.strip().lower()
    if name not in ("zstd", "lz4", "lzo", "none"):
        raise InvalidInputError(f"expected zstd, lz4, lzo or none, found {text!r}")
    return "lz4" if name == "lzo" else name
