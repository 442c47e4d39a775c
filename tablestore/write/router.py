"""Which (partition, bucket) each row goes to, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.format.binary_row import encode_row
from tablestore.format.bucket import bucket_ids
from tablestore.format.schema import TableSchema
from tablestore.format.values import arrow_to_values
from tablestore.options.table import TableOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

GroupKey = tuple[bytes, int]
"""A serialized partition and a bucket."""


class Router:
    """Assigns group numbers to rows; a group is one bucket of one partition.

    Args:
        schema: the table's schema.
        options: its options.
    """

    def __init__(self, schema: TableSchema, options: TableOptions) -> None:
        names = list(schema.field_names)
        self._partition_at = [names.index(name) for name in schema.partition_keys]
        self._partition_types = [schema.field(name).type for name in schema.partition_keys]
        self._fixed = options.bucket > 0
        self.total_buckets = options.bucket
        bucket_keys = schema.bucket_keys if self._fixed else ()
        self._bucket_at = [names.index(name) for name in bucket_keys]
        self._bucket_types = [schema.field(name).type for name in bucket_keys]
        self._function = options.bucket_function
        self._partitions: list[bytes] = []
        self._numbers: dict[bytes, int] = {}

    def group(self, number: int) -> GroupKey:
        """The partition and bucket of a group number."""
        partition, bucket = divmod(number, max(self.total_buckets, 1))
        return self._partitions[partition], bucket

    def route(self, rows: pa.RecordBatch) -> NDArray[np.int64]:
        """The group number of each row."""
        numbers = self._partition_numbers(rows)
        if not self._fixed or self.total_buckets == 1:
            return numbers
        columns = [rows.column(index) for index in self._bucket_at]
        buckets = bucket_ids(columns, self._bucket_types, self._function, self.total_buckets)
        return numbers * self.total_buckets + buckets

    def _partition_numbers(self, rows: pa.RecordBatch) -> NDArray[np.int64]:
        if not self._partition_at:
            return np.full(rows.num_rows, self._number(encode_row((), ())), dtype=np.int64)
        columns = [rows.column(index) for index in self._partition_at]
        codes, first = _distinct(columns)
        tuples = zip(
            *(arrow_to_values(column.take(pa.array(first))) for column in columns), strict=True
        )
        known = [self._number(encode_row(values, self._partition_types)) for values in tuples]
        return np.asarray(known, dtype=np.int64)[codes]

    def _number(self, partition: bytes) -> int:
        number = self._numbers.get(partition)
        if number is None:
            number = self._numbers[partition] = len(self._partitions)
            self._partitions.append(partition)
        return number


def _distinct(columns: Sequence[pa.Array]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row the number of its value combination, and a row of each combination."""
    combined: NDArray[np.int64] | None = None
    for column in columns:
        encoded = column.dictionary_encode(null_encoding="encode")
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        if combined is None:
            combined = codes
        else:
            # keep the numbers dense, so that they cannot overflow however many columns there are
            combined = np.unique(
                combined * (len(encoded.dictionary) + 1) + codes, return_inverse=True
            )[1]
    assert combined is not None
    _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
    return inverse.astype(np.int64), first.astype(np.int64)
