"""Several writes that become one commit, all or nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from tablestore.commit.committer import CommitResult
from tablestore.compact.expire import far_future
from tablestore.errors import CommitUnknownError, InvalidInputError, TablestoreError
from tablestore.options.record_expire import TIME_FIELD
from tablestore.table.keys import check_deletes, key_rows
from tablestore.types.arrow import to_arrow_schema
from tablestore.types.row_kind import RowKind
from tablestore.write.append import AppendWriter
from tablestore.write.conform import ConformedBatch, Conformer, Missing, zero_values
from tablestore.write.input import open_input
from tablestore.write.primary_key import PrimaryKeyWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tablestore.commit.message import CommitMessage
    from tablestore.merge.rules import MergeRules
    from tablestore.types.model import DataField
    from tablestore.write.context import WriteContext


class Batch:
    """Collects rows; leaving the ``with`` block commits them, an exception discards them.

    Not to be shared between threads.

    Attributes:
        result: what the commit did; None before it.

    Args:
        context: the table.
        rules: merge versions of a key that meet in the buffer; None for append tables.
        commit: publishes messages.
        written: told of the rows and bytes of each piece of input that was taken.
    """

    def __init__(
        self,
        context: WriteContext,
        rules: MergeRules | None,
        commit: Callable[[list[CommitMessage]], CommitResult],
        written: Callable[[int, int], None] = lambda rows, size: None,
    ) -> None:
        self.result: CommitResult | None = None
        self._written = written
        self._context = context
        self._commit = commit
        self._closed = False
        self._writer: PrimaryKeyWriter | AppendWriter = (
            AppendWriter(context) if rules is None else PrimaryKeyWriter(context, rules)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()

    def upsert(
        self, data: object, *, row_kind: str | None = None, missing: Missing = "error"
    ) -> None:
        """Insert, replace or merge rows by primary key; see ``Table.upsert``."""
        self._need_key("upsert", "use append")
        self.write(data, row_kind=row_kind, missing=missing)

    def append(self, data: object, *, missing: Missing = "error") -> None:
        """Append rows to a table without primary key; see ``Table.append``.

        Raises:
            InvalidInputError: the table has a primary key, or the rows do not fit.
        """
        if self._context.schema.primary_keys:
            raise InvalidInputError(
                f"table {self._context.table} has a primary key; use upsert, which replaces rows "
                "of the same key"
            )
        self.write(data, missing=missing)

    def delete(self, *, keys: object) -> None:
        """Delete rows by primary key; see ``Table.delete``."""
        self._need_key("delete(keys=...)", "it cannot delete single rows")
        check_deletes(self._context.table, self._context.options)
        self._check_open()
        schema = self._context.schema
        fields = [schema.field(name) for name in schema.primary_keys]
        rows = key_rows(keys, schema.primary_keys)
        try:
            source, batches = open_input(rows, to_arrow_schema(fields), self._context.table)
            conformer = Conformer(self._context.table, fields, source)
            for batch in batches:
                self._writer.write(self.deletes(conformer.conform(batch).rows))
        except BaseException:
            self._fail()
            raise

    def deletes(self, keys: pa.RecordBatch) -> ConformedBatch:
        """Delete rows of the given keys.

        Args:
            keys: the key columns and any others; what is missing is null, or zero where it may not
                be: nobody reads it.
        """
        schema = to_arrow_schema(self._context.schema.fields)
        columns = [
            keys.column(field.name)
            if field.name in keys.schema.names
            else self._blank(field, target, keys.num_rows)
            for field, target in zip(self._context.schema.fields, schema, strict=True)
        ]
        if self._context.options.rowkind_field in schema.names:
            index = schema.get_field_index(self._context.options.rowkind_field)
            columns[index] = pa.repeat(pa.scalar("-D", schema.field(index).type), keys.num_rows)
        kinds = np.full(keys.num_rows, RowKind.DELETE, dtype=np.int8)
        return ConformedBatch(pa.RecordBatch.from_arrays(columns, schema=schema), kinds)

    def _blank(self, field: DataField, target: pa.Field, count: int) -> pa.Array:
        if field.type.nullable:
            return pa.nulls(count, target.type)
        if field.name == self._context.options.raw.get(TIME_FIELD):
            # a delete that expired before the row that it hides would bring the row back
            return pa.repeat(pa.scalar(far_future(target.type), target.type), count)
        return zero_values(field.type, target.type, count)

    def write(
        self,
        data: object,
        *,
        row_kind: str | None = None,
        missing: Missing = "error",
        constants: Mapping[str, object] | None = None,
    ) -> None:
        """Take the rows of an input, as a stream.

        Args:
            data: the input (see ``Table.upsert``).
            row_kind: column with the row kind.
            missing: "null" fills missing columns.
            constants: values of columns that the input may lack.
        """
        self._check_open()
        context = self._context
        schema = context.schema
        try:
            expected = to_arrow_schema(schema.fields)
            if row_kind is not None and row_kind not in expected.names:
                expected = expected.append(pa.field(row_kind, pa.string()))
            source, batches = open_input(data, expected, context.table)
            fill: dict[str, Any] = {
                k: v for k, v in (constants or {}).items() if k not in source.names
            }
            for name, value in fill.items():
                source = source.append(pa.field(name, expected.field(name).type))
                fill[name] = _constant(context.table, expected.field(name), value)
            conformer = Conformer(
                context.table,
                schema.fields,
                source,
                row_kind=row_kind,
                kind_field=context.options.rowkind_field,
                missing=missing,
                required=schema.primary_keys,
                unchanged=bool(schema.primary_keys) and context.options.mixes_versions,
            )
            for batch in batches:
                for name, scalar in fill.items():
                    batch = batch.append_column(name, pa.repeat(scalar, batch.num_rows))
                conformed = conformer.conform(batch)
                self._writer.write(conformed)
                self._written(conformed.rows.num_rows, conformed.rows.nbytes)
        except BaseException:
            self._fail()
            raise

    def write_conformed(self, rows: ConformedBatch) -> None:
        """Take rows that are in the table's columns and types already."""
        self._check_open()
        try:
            self._writer.write(rows)
        except BaseException:
            self._fail()
            raise

    def flush(self) -> None:
        """Make files of the rows that are in memory; they become visible with the commit."""
        self._check_open()
        try:
            self._writer.flush()
        except BaseException:
            self._fail()
            raise

    def discard(self) -> None:
        """Remove what was written; nothing more can be."""
        if not self._closed:
            self._fail()

    def prepare(self) -> list[CommitMessage]:
        """Flush and give the messages; nothing more can be written."""
        self._check_open()
        try:
            messages = self._writer.prepare()
        except BaseException:
            self._fail()
            raise
        self._closed = True
        return messages

    def commit(self) -> CommitResult:
        """Publish what was written.

        Raises:
            CommitConflictError: another commit overlaps; nothing was changed.
            CommitUnknownError: the outcome is not known; nothing is deleted.
            TablestoreError: another reason not to commit; nothing was changed.
        """
        began = time.monotonic()
        messages = self.prepare()
        flushed = round((time.monotonic() - began) * 1000, 1)
        try:
            self.result = self._commit(messages).after_flush(flushed)
        except CommitUnknownError:
            raise  # its files may be part of the table
        except TablestoreError:  # any other end, Ctrl-C say, may have come after the snapshot
            # the committer may have replaced files in the list by others with higher numbers
            for message in messages:
                files = list(message.data.new_files)
                self._context.discard(message.partition, message.bucket, files)
            raise
        return self.result

    def _fail(self) -> None:
        self._closed = True
        self._writer.abort()

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInputError(
                f"table {self._context.table}: this batch has ended; start a new one"
            )

    def _need_key(self, verb: str, instead: str) -> None:
        if not self._context.schema.primary_keys:
            raise InvalidInputError(
                f"table {self._context.table} has no primary key, so {verb} does not apply; "
                f"{instead}"
            )


def _constant(table: str, field: pa.Field, value: object) -> pa.Scalar:
    try:
        if isinstance(value, str) and not pa.types.is_string(field.type):
            return pa.scalar(value).cast(field.type)
        return pa.scalar(value, field.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"table {table}, column {field.name!r}: {value!r} is not a {field.type}"
        ) from error


def at_top_level(
    messages: list[CommitMessage], level: int, key_range: Callable[[Any], tuple[Any, Any]]
) -> list[CommitMessage]:
    """Messages of an overwrite with disjoint files placed on the top level, as Java does.

    Args:
        messages: with new level-0 files only.
        level: the top level.
        key_range: smallest and largest key of a file, comparable.
    """
    raised = []
    for message in messages:
        files = message.data.new_files
        ranges = sorted(key_range(meta) for meta in files)
        apart = all(a[1] < b[0] for a, b in pairwise(ranges))
        if apart and all(meta.delete_row_count == 0 for meta in files):
            files = tuple(replace(meta, level=level) for meta in files)
            message = replace(message, data=replace(message.data, new_files=files))
        raised.append(message)
    return raised
