"""Parquet files decoded a second time, by fastparquet, and compared value by value.

fastparquet shares no code with Arrow's reader, so that both are hardly wrong alike. It only ever
reads. One column of one row group is in memory at a time.

It decodes atomic columns, ARRAY and MAP of atomic types, and the atomic members of ROW (it does not
tell a null row from one whose members are null). Some ARRAY and MAP columns of Java, and anything
nested deeper, it gives as nulls or in another shape: such columns are not compared, and the report
counts them by name.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.types.model import ArrayType, AtomicType, DataType, MapType, MultisetType, RowType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.datafile.protocol import DataFileReader
    from tablestore.runs.data_file import FileRequest
    from tablestore.table.report import Notes
    from tablestore.types.model import DataField

_PARQUET: Final = "parquet"
_UNIT_NANOS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_TOO_DEEP: Final = "fastparquet does not decode a nested column of this depth"


class SecondDecoder:
    """Compares what was read of files with what fastparquet reads.

    Args:
        notes: takes what differs.

    Raises:
        InvalidInputError: fastparquet is not installed.
    """

    def __init__(self, notes: Notes) -> None:
        try:
            import fastparquet
        except ImportError:
            raise InvalidInputError(
                "a deep verification decodes files a second time with fastparquet: "
                "pip install fastparquet"
            ) from None
        self._open: Any = fastparquet.ParquetFile
        self._notes = notes
        self._left_out: Counter[tuple[str, str]] = Counter()
        self.compared = 0

    @property
    def left_out(self) -> int:
        """Columns that were not compared, counted by file."""
        return sum(self._left_out.values())

    def tell(self, table: str) -> None:
        """Note which columns were not compared, why, and in how many files.

        Args:
            table: what to call it.
        """
        alike: dict[tuple[str, int], list[str]] = {}
        for (column, reason), files in sorted(self._left_out.items()):
            alike.setdefault((reason, files), []).append(column)
        for (reason, files), columns in alike.items():
            some = (
                f"column {columns[0]} was"
                if len(columns) == 1
                else f"columns {', '.join(columns)} were"
            )
            count = f"{files} file{'s' if files > 1 else ''}"
            self._notes.skip(table, f"{some} not compared in {count}: {reason}")

    def compare(self, request: FileRequest, fields: Sequence[DataField], file_format: str) -> None:
        """Note where the columns of a file are not those that its reader reads.

        Args:
            request: the file; its columns do not matter.
            fields: columns under the file's names.
            file_format: of the file.
        """
        if file_format != _PARQUET:
            reason = f"there is no second decoder for {file_format}"
            self._left_out.update((_spelled(field), reason) for field in fields)
            return
        with request.open() as reader, request.store.open_read(request.key) as source:
            parquet = self._opened(source)
            for field in fields:
                try:
                    if self._compare(request.key, reader, parquet, field):
                        self.compared += 1
                except NotDecodedError as error:
                    self._left_out[_spelled(field), str(error)] += 1

    def _compare(
        self,
        key: str,
        reader: DataFileReader,
        parquet: Any,  # noqa: ANN401
        field: DataField,
    ) -> bool:
        """Compare a column by row group; False for one that is not there.

        Raises:
            NotDecodedError: fastparquet does not decode it.
        """
        if not _is_shallow(field.type):
            raise NotDecodedError(_TOO_DEEP)
        first = 0
        for group in range(reader.row_groups):
            theirs = _group(parquet, field, group)
            if theirs is None:
                return False
            batches = list(reader.batches([field], [group]))
            if batches:
                ours = pa.Table.from_batches(batches).column(0).combine_chunks()
                if not self._same_group(key, field, first, (ours, theirs)):
                    break
                first += len(ours)
        return True

    def _same_group(
        self, key: str, field: DataField, first: int, columns: tuple[pa.Array, dict[str, Any]]
    ) -> bool:
        ours, theirs = columns
        for name, leaf, kind in _leaves(field.name, ours, field.type):
            series = theirs[name]
            if len(series) != len(leaf):
                said = f"column {name}: read {len(leaf)} rows, fastparquet {len(series)}"
                self._notes.wrong(key, said)
                return False
            if not _is_comparable(series, leaf.type, kind):
                raise NotDecodedError(f"fastparquet gives {series.dtype} for it")
            if not self._same(key, name, first, (leaf, kind, series)):
                return False
        return True

    def _opened(self, source: Any) -> Any:  # noqa: ANN401
        """A file as fastparquet sees it, or why it does not."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pandas and fastparquet among themselves
                return self._open(_Kept(source), pandas_nulls=True)
        except Exception as error:  # noqa: BLE001 (another engine, which may raise anything)
            return NotDecodedError(_said(error))

    def _same(
        self, key: str, name: str, first: int, columns: tuple[pa.Array, DataType, Any]
    ) -> bool:
        """Whether the rows of a leaf are alike; a note where they are not.

        Raises:
            NotDecodedError: fastparquet's values are none of this type.
        """
        ours, kind, series = columns
        mine, theirs = _values(ours), _their_values(series, ours.type, kind)
        for row, (left, right) in enumerate(zip(mine, theirs, strict=True), first):
            if left != right and not _close(left, right):
                if right is None and not isinstance(kind, AtomicType):
                    raise NotDecodedError("fastparquet gives null where a row has items")
                self._notes.wrong(
                    key,
                    f"column {name}, row {row}: read {left!r:.80}, fastparquet {right!r:.80}",
                )
                return False
        return True


def _group(parquet: Any, field: DataField, group: int) -> dict[str, Any] | None:  # noqa: ANN401
    """The leaves of a column in a row group as pandas columns; None where it is not there.

    Raises:
        NotDecodedError: fastparquet cannot.
    """
    if isinstance(parquet, NotDecodedError):
        raise parquet
    names = _leaf_names(field.name, field.type)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not set(names) <= set(parquet.columns):
                return None
            found = parquet[group].to_pandas(columns=names)
            return {name: found[name] for name in names}
    except Exception as error:  # noqa: BLE001 (another engine, which may raise anything)
        raise NotDecodedError(_said(error)) from None


def _said(error: Exception) -> str:
    return f"fastparquet raises {type(error).__name__}: {error}"[:200]


class NotDecodedError(Exception):
    """Why fastparquet does not decode a column."""


class _Kept:
    """An open file that another engine may close without closing it."""

    def __init__(self, source: Any) -> None:  # noqa: ANN401
        self._source = source

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._source.read(None if size < 0 else size)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._source.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        place: int = self._source.tell()
        return place

    def close(self) -> None:
        """Left to the owner."""

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, *_: object) -> None:
        """Left to the owner."""


# -- which columns -------------------------------------------------------------------------------


def _spelled(field: DataField) -> str:
    return f"{field.name} ({field.type.with_nullable(True).sql()})"


def _is_shallow(kind: DataType) -> bool:
    if isinstance(kind, RowType):
        return all(
            isinstance(member.type, AtomicType | RowType) and _is_shallow(member.type)
            for member in kind.fields
        )
    return all(isinstance(child, AtomicType) for child in kind.children)


def _leaf_names(name: str, kind: DataType) -> list[str]:
    if not isinstance(kind, RowType):
        return [name]
    return [leaf for m in kind.fields for leaf in _leaf_names(f"{name}.{m.name}", m.type)]


def _leaves(name: str, array: pa.Array, kind: DataType) -> Iterator[tuple[str, pa.Array, DataType]]:
    """The parts of a column as fastparquet names them; members of null rows are null."""
    if not isinstance(kind, RowType):
        yield name, array, kind
        return
    for member, child in zip(kind.fields, array.flatten(), strict=True):
        yield from _leaves(f"{name}.{member.name}", child, member.type)


# -- values --------------------------------------------------------------------------------------


def _values(array: pa.Array) -> list[Any]:
    """Comparable values: moments as nanoseconds, decimals as the nearest real number."""
    kind = array.type
    if pa.types.is_list(kind):
        return _rows(array, _values(array.flatten()))
    if pa.types.is_map(kind):
        keys = pc.list_flatten(pa.ListArray.from_arrays(array.offsets, array.keys))
        items = pc.list_flatten(pa.ListArray.from_arrays(array.offsets, array.items))
        pairs = _rows(array, list(zip(_values(keys), _values(items), strict=True)))
        return [None if pair is None else dict(pair) for pair in pairs]
    if pa.types.is_timestamp(kind):
        scale = _UNIT_NANOS[kind.unit]
        return [None if v is None else v * scale for v in array.view(pa.int64()).to_pylist()]
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        unit = 86_400 * 10**9 if pa.types.is_date32(kind) else 10**6
        return [None if v is None else v * unit for v in array.view(pa.int32()).to_pylist()]
    if pa.types.is_decimal(kind):
        return pc.cast(array, pa.float64()).to_pylist()  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def _rows(array: pa.Array, items: list[Any]) -> list[Any]:
    """The items of all rows, cut into rows."""
    found: list[Any] = []
    at = 0
    valid = array.is_valid().to_pylist()
    lengths = np.diff(array.offsets.to_numpy()).tolist()
    for there, length in zip(valid, lengths, strict=True):
        count = length if there else 0
        found.append(items[at : at + count] if there else None)
        at += count
    return found


def _is_comparable(series: Any, arrow: pa.DataType, kind: DataType) -> bool:  # noqa: ANN401
    if not isinstance(kind, AtomicType):
        return bool(series.dtype == np.dtype(object))
    return series.dtype.kind in "mM" or not pa.types.is_temporal(arrow)


def _their_values(series: Any, arrow: pa.DataType, kind: DataType) -> list[Any]:  # noqa: ANN401
    """A pandas column as comparable values."""
    if isinstance(kind, ArrayType):
        return [_items(row, arrow.value_type) for row in series.tolist()]
    if isinstance(kind, MapType | MultisetType):
        return [_pairs(row, arrow) for row in series.tolist()]
    if series.dtype.kind in "mM":
        return _moments(series)
    missing = series.isna().to_numpy()
    real = pa.types.is_floating(arrow)
    found: list[Any] = []
    for value, gone in zip(series.tolist(), missing, strict=True):
        if gone and not (real and isinstance(value, float)):
            found.append(None)
        else:
            found.append(_plain(value, arrow))
    return found


def _items(row: Any, kind: pa.DataType) -> Any:  # noqa: ANN401
    if _is_missing(row):
        return None
    if not isinstance(row, list):
        raise NotDecodedError(f"fastparquet gives a {type(row).__name__} for a list")
    return [_item(value, kind) for value in row]


def _pairs(row: Any, kind: pa.MapType) -> Any:  # noqa: ANN401
    if _is_missing(row):
        return None
    if not isinstance(row, dict):
        raise NotDecodedError(f"fastparquet gives a {type(row).__name__} for a map")
    return {_item(k, kind.key_type): _item(v, kind.item_type) for k, v in row.items()}


def _is_missing(row: Any) -> bool:  # noqa: ANN401
    return row is None or (isinstance(row, float) and row != row)


def _item(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401
    """A value inside a list, which numpy spells."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        unit = np.datetime_data(value.dtype)[0]
        return None if np.isnat(value) else int(value.astype(np.int64)) * _UNIT_NANOS[unit]
    if isinstance(value, np.generic):
        value = value.item()
    return _plain(value, kind)


def _moments(series: Any) -> list[Any]:  # noqa: ANN401
    plain = series.dt.tz_localize(None) if _zoned(series) else series
    scale = _UNIT_NANOS[np.datetime_data(plain.dtype)[0]]
    missing = series.isna().to_numpy()
    numbers = plain.to_numpy().astype(np.int64).tolist()
    return [None if gone else n * scale for n, gone in zip(numbers, missing, strict=True)]


def _zoned(series: Any) -> bool:  # noqa: ANN401
    return getattr(series.dtype, "tz", None) is not None


def _plain(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401
    if pa.types.is_string(kind) and isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if pa.types.is_binary(kind) and isinstance(value, str):
        return value.encode()
    return value


def _close(left: Any, right: Any) -> bool:  # noqa: ANN401
    """NaN with NaN (or with null, which pandas does not tell from it), decimals by their digits."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_alike, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        pairs = zip(sorted(left.items(), key=_key), sorted(right.items(), key=_key), strict=False)
        return len(left) == len(right) and all(
            _alike(a, b) for mine, theirs in pairs for a, b in zip(mine, theirs, strict=True)
        )
    if isinstance(left, float) and left != left:
        return right is None or right != right
    if left is None:
        return isinstance(right, float) and right != right
    if isinstance(left, int) and isinstance(right, int) and not isinstance(left, bool):
        # nanoseconds of years that 64 bits do not hold wrap around there
        return abs(left) >= 2**63 and (left - right) % 2**64 == 0
    if isinstance(left, float) and isinstance(right, float | int):
        return abs(left - right) <= 1e-9 * max(abs(left), abs(right))
    return False


def _key(pair: tuple[Any, Any]) -> Any:  # noqa: ANN401
    return pair[0]


def _alike(left: Any, right: Any) -> bool:  # noqa: ANN401
    return left == right or _close(left, right)
