"""The formats of data files by name: the one place that chooses readers and writers.

A file says its format in its name, whatever the options of its table say now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from tablestore.errors import InvalidInputError, UnsupportedFormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pyarrow as pa

    from tablestore.datafile.protocol import DataFileReader, DataFileWriter
    from tablestore.types.model import DataField


@dataclass(frozen=True)
class FileSettings:
    """What the writers of all formats are told.

    Attributes:
        fields: columns of the file, in its order.
        compression: a ``file.compression`` value.
        zstd_level: level where the codec is zstd and the format lets it be chosen.
    """

    fields: tuple[DataField, ...]
    compression: str = "zstd"
    zstd_level: int = 1


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


def check_storable(file_format: str, fields: Sequence[DataField]) -> None:
    """Refuse columns that a format cannot hold.

    Raises:
        InvalidInputError: names the column, or the format where it is not written.
    """
    if file_format not in _WRITERS:
        known = ", ".join(sorted(_WRITERS))
        raise InvalidInputError(
            f"data files of the format {file_format!r} are not written; use one of {known}"
        )
    if file_format == "avro":
        from tablestore.datafile.avro_schema import paimon_schema

        paimon_schema(fields)


def open_writer(
    file_format: str,
    sink: object,
    settings: FileSettings,
    *,
    sample: pa.RecordBatch,
    nan_columns: Collection[str] = (),
) -> DataFileWriter:
    """A writer of a new file.

    Args:
        file_format: a name that ``check_storable`` accepts.
        sink: a writable binary file object; closed by its owner.
        settings: columns and codec.
        sample: the first rows.
        nan_columns: top-level columns that may hold NaN in this file, nested ones included.
    """
    return _WRITERS[file_format](sink, settings, sample, nan_columns)


def _write_parquet(
    sink: BinaryIO, settings: FileSettings, sample: pa.RecordBatch, nan_columns: Collection[str]
) -> DataFileWriter:
    from tablestore.datafile.layout import file_schema
    from tablestore.datafile.parquet_writer import ParquetWriter

    return ParquetWriter(
        sink,
        file_schema(settings.fields),
        sample=sample,
        compression=settings.compression,
        zstd_level=settings.zstd_level,
        nan_columns=nan_columns,
    )


def _write_orc(
    sink: BinaryIO, settings: FileSettings, sample: pa.RecordBatch, nan_columns: Collection[str]
) -> DataFileWriter:
    from tablestore.datafile.orc_writer import OrcWriter

    return OrcWriter(sink, settings.fields, compression=settings.compression)


def _write_avro(
    sink: BinaryIO, settings: FileSettings, sample: pa.RecordBatch, nan_columns: Collection[str]
) -> DataFileWriter:
    from tablestore.datafile.avro_writer import AvroWriter

    return AvroWriter(
        sink, settings.fields, compression=settings.compression, zstd_level=settings.zstd_level
    )


_WRITERS: Final[Mapping[str, Callable[..., DataFileWriter]]] = {
    "parquet": _write_parquet,
    "orc": _write_orc,
    "avro": _write_avro,
}
