"""Read an ORC file of any Paimon writer as a stream of record batches, stripe by stripe.

- CHAR values are blank-padded in the file and come without their padding, as in Java.
- TIME is an integer; TIMESTAMP WITH LOCAL TIME ZONE is read as an instant of UTC, which is what
  writers with ``orc.timestamp-ltz.legacy.type`` = ``false``, and all writers in UTC, mean.
- A timestamp outside of 1677 to 2262 cannot be read; only a read of its column fails.

Source: ``org.apache.paimon.format.orc`` (OrcTypeUtil, OrcReaderFactory).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.orc as orc

from tablestore.datafile.orc_seal import CheckedOrc, checked_source
from tablestore.datafile.orc_tail import TAIL_GUESS, Stripe, read_stripes
from tablestore.datafile.physical import (
    TimestampRangeError,
    as_logical,
    null_rows,
    out_of_range,
    timestamp_limits,
)
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.types.arrow import to_arrow
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tablestore.predicate.prune import ColumnRange
    from tablestore.types.model import DataField, DataType

_OUT_OF_RANGE = "out of range for nanosecond"
_STAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_LTZ"})

_DECODED_PER_STORED: Final = 6
"""Bytes in memory for a byte of a stripe, on the safe side."""


def open_orc(
    source: pa.NativeFile, name: str
) -> tuple[orc.ORCFile, tuple[Stripe, ...], CheckedOrc | None]:
    """A file whose end was looked at, its stripes, and what checks them where it has checksums.

    Args:
        source: a pyarrow file.
        name: the object's name for error messages.

    Raises:
        CorruptDataError: the footer is damaged.
        UnsupportedFormatError: its codec is not read.
        ArrowException: pyarrow cannot open it.
        OSError: pyarrow cannot open it.
    """
    size = source.size()
    source.seek(max(0, size - TAIL_GUESS))
    last = source.read(TAIL_GUESS)
    try:
        checked = checked_source(source, last, size)
        stripes = read_stripes(source, last, size)
    except CorruptDataError as error:
        raise error.named(name) from None
    except UnsupportedFormatError as error:
        raise UnsupportedFormatError(f"data file {name}: {error}") from None
    try:
        return orc.ORCFile(checked or source), stripes, checked
    except (pa.ArrowException, OSError):
        if checked is None or checked.finding is None:
            raise
        raise checked.finding.named(name) from None


class OrcReader:
    """One open ORC file.

    Args:
        source: a pyarrow file.
        name: the object's name for error messages.

    Raises:
        CorruptDataError: the footer is damaged.
        UnsupportedFormatError: its codec is not read.
    """

    def __init__(self, source: pa.NativeFile, name: str) -> None:
        self._name = name
        self._checked: CheckedOrc | None = None
        with self._guard(()):
            self._file, self._stripes, self._checked = open_orc(source, name)
            self._columns = set(self._file.schema.names)

    @property
    def row_count(self) -> int:
        """Physical rows of the file, deletes included."""
        return int(self._file.nrows)

    @property
    def row_groups(self) -> int:
        """Number of stripes."""
        return int(self._file.nstripes)

    @property
    def has_ranges(self) -> bool:
        """Statistics of stripes are not read."""
        return False

    @property
    def column_names(self) -> set[str]:
        """Top-level columns of the file."""
        return self._columns

    def group_rows(self, group: int) -> int:
        """Rows of one stripe."""
        return self._stripes[group].rows

    def ranges(self, group: int, fields: Sequence[DataField]) -> dict[str, ColumnRange]:
        """Nothing is known."""
        return {}

    def batches(
        self,
        fields: Sequence[DataField],
        row_groups: Sequence[int] | None = None,
        batch_rows: int = BATCH_ROWS,
        dictionaries: Collection[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """The named columns in row order; a column that the file lacks is null.

        Args:
            fields: columns under the file's names, with the types to give.
            row_groups: which stripes to read, ascending; all when None.
            batch_rows: rows of a batch at most.
            dictionaries: ignored; values are given plain.

        Raises:
            CorruptDataError: a stripe is damaged or a value does not fit its type.
            UnsupportedFormatError: a timestamp outside of 1677 to 2262.
        """
        present = [field for field in fields if field.name in self._columns]
        # a stripe tells its rows by some column only
        names = [field.name for field in present] or self._file.schema.names[:1]
        schema = pa.schema([pa.field(f.name, to_arrow(f.type)) for f in fields])
        for stripe in range(self.row_groups) if row_groups is None else row_groups:
            with self._guard(present, stripe):
                raw = self._read_stripe(stripe, names)
            for start in range(0, raw.num_rows, batch_rows):
                with self._guard(present, stripe):
                    batch = _converted(raw.slice(start, batch_rows), fields, schema)
                yield batch

    def held_bytes(self, fields: Sequence[DataField]) -> int:
        """A whole stripe, whose columns are read at once."""
        largest = max((stripe.end - stripe.start for stripe in self._stripes), default=0)
        return largest * _DECODED_PER_STORED

    def close(self) -> None:
        """Release the file."""
        del self._file

    def _read_stripe(self, stripe: int, names: Sequence[str]) -> pa.RecordBatch:
        if self._checked is None:
            return self._file.read_stripe(stripe, names)
        place = self._stripes[stripe]
        self._checked.hold(place.start, place.end)
        raw = self._file.read_stripe(stripe, names)
        self._checked.release()
        return raw

    @contextmanager
    def _guard(self, fields: Sequence[DataField], stripe: int = 0) -> Iterator[None]:
        try:
            yield
        except UnsupportedFormatError:
            raise
        except CorruptDataError as error:
            raise error.named(self._name) from None
        except TimestampRangeError as error:
            raise self._out_of_range(fields, stripe) from error
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            if self._checked is not None and self._checked.finding is not None:
                raise self._checked.finding.named(self._name) from error
            text = str(error).strip().split("\n", 1)[0][:300]
            if _OUT_OF_RANGE in text:
                raise self._out_of_range(fields, stripe) from error
            raise CorruptDataError(
                "data file", name=self._name, expected="a readable ORC file", found=text
            ) from error

    def _out_of_range(self, fields: Sequence[DataField], stripe: int) -> UnsupportedFormatError:
        names = [field.name for field in fields if self._fails(field, stripe)]
        limits = timestamp_limits(pa.timestamp("ns"))  # pyarrow reads ORC timestamps as these
        return out_of_range(self._name, names, limits)

    def _fails(self, field: DataField, stripe: int) -> bool:
        if not any(isinstance(k, AtomicType) and k.name in _STAMPS for k in field.type.walk()):
            return False
        try:
            self._file.read_stripe(stripe, [field.name])
        except (pa.ArrowException, OSError):
            return True
        return False


def _converted(
    raw: pa.RecordBatch, fields: Sequence[DataField], schema: pa.Schema
) -> pa.RecordBatch:
    if not len(schema):
        return null_rows(raw.num_rows, schema)
    columns = []
    for field, target in zip(fields, schema, strict=True):
        position = raw.schema.get_field_index(field.name)
        if position < 0:
            columns.append(pa.nulls(raw.num_rows, target.type))
        else:
            column = as_logical(raw.column(position), field.type, target.type)
            columns.append(_without_padding(column, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _has_char(data_type: DataType) -> bool:
    return any(isinstance(kind, AtomicType) and kind.name == "CHAR" for kind in data_type.walk())


def _without_padding(array: pa.Array, data_type: DataType) -> pa.Array:
    """The same values with the blanks at the end of CHAR values removed, at any depth."""
    if not _has_char(data_type):
        return array
    if isinstance(data_type, AtomicType):
        return pc.utf8_rtrim(array, characters=" ")
    kind = array.type
    mask = array.is_null() if array.null_count else None
    children = data_type.children
    if pa.types.is_struct(kind):
        members = [_without_padding(array.field(i), child) for i, child in enumerate(children)]
        return pa.StructArray.from_arrays(members, fields=list(kind), mask=mask)
    if array.offset:  # from_arrays with a mask refuses sliced offsets
        array = pa.concat_arrays([array, array.slice(0, 0)])
    if pa.types.is_map(kind):
        keys = _without_padding(array.keys, children[0])
        items = _without_padding(array.items, children[1]) if len(children) > 1 else array.items
        return pa.MapArray.from_arrays(array.offsets, keys, items, type=kind, mask=mask)
    values = _without_padding(array.values, children[0])
    return pa.ListArray.from_arrays(array.offsets, values, type=kind, mask=mask)
