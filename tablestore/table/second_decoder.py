"""Parquet files decoded a second time, by fastparquet, and compared value by value.

fastparquet shares no code with Arrow's reader, so that both are hardly wrong alike. It only ever
reads. Nested columns are left out: it gives them another shape.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.store.base import Store
    from tablestore.table.report import Notes
    from tablestore.types.model import DataField

_PARQUET: Final = "parquet"
_UNIT_NANOS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


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
        self.compared = 0

    def compare(
        self, store: Store, key: str, fields: Sequence[DataField], table: pa.Table, file_format: str
    ) -> None:
        """Note where the columns of a file are not those that were read of it."""
        if file_format != _PARQUET:
            self._notes.skip(key, f"there is no second decoder for {file_format}")
            return
        plain = [field for field in fields if isinstance(field.type, AtomicType)]
        data = store.get(key)
        for field in plain:
            try:
                series = self._column(data, field.name)
                if series is None:
                    continue
            except Exception as error:  # noqa: BLE001 (another engine, which may raise anything)
                said = f"{type(error).__name__}: {error}"[:200]
                self._notes.skip(key, f"fastparquet cannot decode column {field.name}: {said}")
                continue
            self._compare(key, field, table.column(field.name), series)

    def _column(self, data: bytes, name: str) -> Any:  # noqa: ANN401
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas and fastparquet among themselves
            parquet = self._open(io.BytesIO(data), pandas_nulls=True)
            if name not in parquet.columns:
                return None
            return parquet.to_pandas(columns=[name])[name]

    def _compare(self, key: str, field: DataField, ours: pa.ChunkedArray, series: Any) -> None:  # noqa: ANN401
        if len(series) != len(ours):
            self._notes.wrong(
                key, f"column {field.name}: read {len(ours)} rows, fastparquet {len(series)}"
            )
            return
        mine, theirs = _values(ours.combine_chunks()), _their_values(series, ours.type)
        if theirs is None:
            self._notes.skip(key, f"column {field.name}: fastparquet gives {series.dtype}")
            return
        self.compared += 1
        for row, (left, right) in enumerate(zip(mine, theirs, strict=True)):
            if left != right and not _close(left, right):
                self._notes.wrong(
                    key,
                    f"column {field.name}, row {row}: read {left!r:.80}, fastparquet {right!r:.80}",
                )
                return


def _values(array: Any) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """Comparable values: moments as nanoseconds, decimals as the nearest real number."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        scale = _UNIT_NANOS[kind.unit]
        return [None if v is None else v * scale for v in array.view(pa.int64()).to_pylist()]
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        unit = 86_400 * 10**9 if pa.types.is_date32(kind) else 10**6
        return [None if v is None else v * unit for v in array.view(pa.int32()).to_pylist()]
    if pa.types.is_decimal(kind):
        return pc.cast(array, pa.float64()).to_pylist()
    return array.to_pylist()


def _their_values(series: Any, kind: pa.DataType) -> list[Any] | None:  # noqa: ANN401
    """A pandas column as comparable values; None where it cannot be compared."""
    if series.dtype.kind in "mM":
        return _moments(series)
    if pa.types.is_temporal(kind):
        return None
    missing = series.isna().to_numpy()
    values = series.tolist()
    real = pa.types.is_floating(kind)
    found: list[Any] = []
    for value, gone in zip(values, missing, strict=True):
        if gone and not (real and isinstance(value, float)):
            found.append(None)
        else:
            found.append(_plain(value, kind))
    return found


def _moments(series: Any) -> list[Any]:  # noqa: ANN401
    unit = np.datetime_data(series.dt.tz_localize(None).dtype if _zoned(series) else series.dtype)
    plain = series.dt.tz_localize(None) if _zoned(series) else series
    scale = _UNIT_NANOS[unit[0]]
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
