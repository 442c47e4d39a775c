"""The formats of data files by name: the one place that chooses readers and writers.

A file says its format in its name, whatever the options of its table say now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from tablestore.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from tablestore.datafile.protocol import DataFileReader

OpenReader = Callable[[object, str], "DataFileReader"]


def _parquet(source: object, name: str) -> DataFileReader:
    from tablestore.datafile.parquet_reader import ParquetReader

    return ParquetReader(source, name)


def _orc(source: object, name: str) -> DataFileReader:
    from tablestore.datafile.orc_reader import OrcReader

    return OrcReader(source, name)


def _avro(source: object, name: str) -> DataFileReader:
    from tablestore.datafile.avro_reader import AvroReader

    return AvroReader(source, name)


_READERS: Final[Mapping[str, OpenReader]] = {"parquet": _parquet, "orc": _orc, "avro": _avro}


def check_format(file_format: str, name: str) -> None:
    """Refuse formats that are not read.

    Raises:
        UnsupportedFormatError: names the file and its format.
    """
    if file_format not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise UnsupportedFormatError(
            f"data file {name} has the format {file_format!r}, which is not supported; this "
            f"version reads {known}",
            feature=file_format,
        )


def open_reader(file_format: str, source: object, name: str) -> DataFileReader:
    """A reader of an open file.

    Args:
        file_format: a name that ``check_format`` accepts.
        source: a seekable binary file (or pyarrow file).
        name: the object's name for error messages.
    """
    return _READERS[file_format](source, name)
