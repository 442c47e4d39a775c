"""The options of the write buffer as a frozen value, defaults filled in.

Source: ``org.apache.paimon.CoreOptions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from tablestore.errors import InvalidInputError
from tablestore.options.spec import parse_int, raw_value
from tablestore.options.units import parse_bool, parse_bytes

_T = TypeVar("_T")


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

        def maybe(key: str, parse: Callable[[str], _T], default: _T) -> _T:
            value = raw_value(options, key)
            if value is None or not value.strip():
                return default
            try:
                return parse(value)
            except InvalidInputError as error:
                raise InvalidInputError(f"option {key!r}: {error}", option=key) from None

        none: int | None = None
        default = cls()
        return cls(
            size=maybe("write-buffer-size", parse_bytes, default.size),
            spillable=maybe("write-buffer-spillable", parse_bool, default.spillable),
            disk_max=maybe("write-buffer-spill.max-disk-size", parse_bytes, none),
            codec=maybe("spill-compression", _codec, default.codec),
            zstd_level=maybe("spill-compression.zstd-level", parse_int, default.zstd_level),
            files_max=max(
                maybe("local-sort.max-num-file-handles", parse_int, default.files_max), 2
            ),
            local_merge_size=maybe("local-merge-buffer-size", parse_bytes, none),
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
