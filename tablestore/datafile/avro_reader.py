"""Read an Avro data file of any Paimon writer as a stream of record batches.

The container is read here, block by block, with a cap on what a block may grow to; fastavro
decodes the records of a block, all at once, by the schema without its logical types.

Source: ``org.apache.paimon.format.avro.AvroBulkFormat``, ``FieldReaderFactory``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import fastavro
import pyarrow as pa

from tablestore.datafile.avro_blocks import MAX_BLOCK_BYTES, AvroBlocks
from tablestore.datafile.avro_schema import RawSchema, raw_names
from tablestore.datafile.physical import TimestampRangeError, as_logical, null_rows
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.avro_writer import write_long
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tablestore.predicate.prune import ColumnRange
    from tablestore.types.model import DataField

_MAX_NESTED_BLOCK: Final = 32 << 20
"""Bytes of a block with lists: each byte may become an object of some hundred bytes."""

_MAX_DECODED: Final = 1 << 30
_RECORD_COST: Final = 128
_VALUE_COST: Final = 64
_BATCH_BYTES: Final = 64 << 20
_USUAL_BLOCK_BYTES: Final = 1 << 20


class AvroReader:
    """One open Avro data file.

    Args:
        source: a pyarrow file.
        name: the object's name for error messages.

    Raises:
        CorruptDataError: the header is damaged.
        UnsupportedFormatError: its codec is not read.
    """

    def __init__(self, source: pa.NativeFile, name: str) -> None:
        self._name = name
        self._source = source
        with self._guard():
            self._schema = RawSchema(self._blocks().schema)
            self._parsed = fastavro.parse_schema({"type": "array", "items": self._schema.avro})

    @property
    def row_count(self) -> None:
        """Known after reading only."""
        return None

    @property
    def row_groups(self) -> int:
        """The file is one group."""
        return 1

    @property
    def has_ranges(self) -> bool:
        """Avro has no statistics."""
        return False

    @property
    def column_names(self) -> list[str]:
        """Top-level columns of the file."""
        return list(self._schema.types)

    def group_rows(self, group: int) -> int:
        """Rows of the file, found by walking over its blocks."""
        with self._guard():
            return sum(count for count, _ in self._blocks())

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
            row_groups: nothing is read where it is empty.
            batch_rows: rows of a batch at most.
            dictionaries: ignored; values are given plain.

        Raises:
            CorruptDataError: a block is damaged or a value does not fit its type.
        """
        if row_groups is not None and not row_groups:
            return
        with self._guard():
            parts = self._parts(fields)
        waiting: list[pa.RecordBatch] = []
        while True:
            with self._guard():
                part = next(parts, None)
            if part is not None:
                waiting.append(part)
            rows = sum(batch.num_rows for batch in waiting)
            full = rows >= batch_rows or sum(batch.nbytes for batch in waiting) >= _BATCH_BYTES
            if rows and (part is None or full):
                batch = waiting[0] if len(waiting) == 1 else pa.concat_batches(waiting)
                waiting = []
                for start in range(0, rows, batch_rows):
                    yield batch.slice(start, batch_rows)
            if part is None:
                return

    def held_bytes(self, fields: Sequence[DataField]) -> int:
        """A block of the usual size, unpacked."""
        return _USUAL_BLOCK_BYTES

    def close(self) -> None:
        """Release the file."""
        del self._source

    def _blocks(self) -> AvroBlocks:
        return AvroBlocks(self._source)

    def _parts(self, fields: Sequence[DataField]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([pa.field(f.name, to_arrow(f.type)) for f in fields])
        decode = self._decoder(fields, schema)
        blocks = self._blocks()
        for count, packed in blocks:
            if decode is None:
                yield null_rows(count, schema)
            elif count:
                yield decode(count, blocks.decompress(packed, self._block_limit(count)))
            else:
                blocks.decompress(packed, 0)  # no records are no bytes

    def _block_limit(self, count: int) -> int:
        """Bytes that a block of so many records may have.

        Raises:
            CorruptDataError: so many records are not held in memory.
        """
        if count * (_RECORD_COST + _VALUE_COST * len(self._schema.types)) > _MAX_DECODED:
            raise CorruptDataError(
                "Avro block", expected="records that fit the memory for one", found=count
            )
        return _MAX_NESTED_BLOCK if self._schema.nested else MAX_BLOCK_BYTES

    def _decoder(
        self, fields: Sequence[DataField], schema: pa.Schema
    ) -> Callable[[int, bytes], pa.RecordBatch] | None:
        """From a block to a batch; None where the file has none of the columns."""
        present = set(raw_names(self._schema, [field.name for field in fields]))
        if not present:
            return None

        def decode(count: int, block: bytes) -> pa.RecordBatch:
            records = self._records(count, block)
            columns = []
            for field, target in zip(fields, schema, strict=True):
                if field.name not in present:
                    columns.append(pa.nulls(count, target.type))
                    continue
                name = field.name
                values = [record[name] for record in records]
                raw = pa.array(values, self._schema.types[name])
                columns.append(as_logical(raw, field.type, target.type))
            return pa.RecordBatch.from_arrays(columns, schema=schema)

        return decode

    def _records(self, count: int, block: bytes) -> list[dict[str, Any]]:
        """The records of a block, which is an Avro array but for its count and its end.

        Raises:
            CorruptDataError: the block is longer or shorter, or has other records.
        """
        if not 0 < count <= len(block):
            raise CorruptDataError("Avro block", expected=f"1 to {len(block)} records", found=count)
        head = bytearray()
        write_long(head, count)
        stream = io.BytesIO(bytes(head) + block + b"\0")
        records: Any = fastavro.schemaless_reader(stream, self._parsed, None)
        if stream.tell() != len(head) + len(block) + 1 or len(records) != count:
            raise CorruptDataError(
                "Avro block", expected=f"{count} records in {len(block)} bytes", found="others"
            )
        return list(records)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (CorruptDataError, UnsupportedFormatError) as error:
            if isinstance(error, UnsupportedFormatError):
                raise UnsupportedFormatError(f"data file {self._name}: {error}") from None
            raise CorruptDataError(
                "data file",
                name=self._name,
                offset=error.offset,
                expected=error.expected,
                found=error.found,
            ) from error
        except TimestampRangeError as error:
            raise CorruptDataError("data file", name=self._name, expected=str(error)) from error
        except (
            pa.ArrowException,
            OSError,
            ValueError,
            EOFError,
            LookupError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            text = f"{type(error).__name__} {str(error).strip()}".split("\n", 1)[0][:300]
            raise CorruptDataError(
                "data file", name=self._name, expected="a readable Avro file", found=text
            ) from error
