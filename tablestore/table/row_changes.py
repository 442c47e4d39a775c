"""Delete and update rows that a filter selects.

Primary-key tables get delete rows and newer versions. In append tables the files that hold a
selected row are written again without it; deletion vectors are not made here.

Source: ``org.apache.paimon.spark.commands.DeleteFromPaimonTableCommand``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.errors import (
    CommitUnknownError,
    InvalidInputError,
    UnsupportedFormatError,
    nearest,
)
from tablestore.predicate.evaluate import mask
from tablestore.predicate.expression import Expression, columns_of, compute, parse_expression
from tablestore.table.expiry import expire_after
from tablestore.table.keys import check_deletes
from tablestore.table.newer_rows import UpdatedRows, check_removed, delete_columns
from tablestore.types.row_kind import RowKind
from tablestore.write.check import first_violation
from tablestore.write.conform import ConformedBatch

if TYPE_CHECKING:
    from tablestore.commit.committer import CommitResult
    from tablestore.format.manifest import DataFileMeta, ManifestEntry
    from tablestore.read.plan import BucketPlan
    from tablestore.read.scan import Scan
    from tablestore.table.batch import Batch
    from tablestore.table.components import Components
    from tablestore.write.context import WriteContext

_UPDATES = {"deduplicate", "partial-update"}
"""Merge engines for which a newer version replaces the older one, as far as it says anything."""


@dataclass(frozen=True)
class Assignments:
    """New values of columns.

    Args:
        expressions: by column name.
    """

    expressions: Mapping[str, Expression]

    @classmethod
    def of(cls, parts: Components, given: Mapping[str, object]) -> Assignments:
        """The assignments of ``update(set=...)``.

        Raises:
            InvalidInputError: nothing is set, or a column that is not there or that places rows.
        """
        view = parts.view()
        names = view.schema.field_names
        if not given:
            raise InvalidInputError(f"table {parts.name}: set= names no column")
        fixed = {
            **dict.fromkeys(view.schema.partition_keys, "a partition column"),
            **dict.fromkeys(view.schema.primary_keys, "a primary-key column"),
        }
        found = {}
        for name, value in given.items():
            if name not in names:
                raise InvalidInputError(
                    f"table {parts.name} has no column {name!r}{nearest(name, names)}"
                )
            if name in fixed:
                raise InvalidInputError(
                    f"table {parts.name}: {name!r} is {fixed[name]} and cannot be updated; delete "
                    "the rows and write them anew"
                )
            if not isinstance(value, str):
                raise InvalidInputError(
                    f"table {parts.name}, column {name!r}: set= takes SQL text such as "
                    f'"{name} * 2" or "\'a text\'", found {value!r}'
                )
            found[name] = parse_expression(value)
            for read in columns_of(found[name]):
                if read not in names:
                    raise InvalidInputError(
                        f"table {parts.name} has no column {read!r}{nearest(read, names)}"
                    )
        return cls(found)

    def apply(self, rows: pa.RecordBatch, table: str) -> pa.RecordBatch:
        """The rows with the new values, all worked out from the old ones.

        Raises:
            InvalidInputError: a value does not fit its column.
        """
        changed = rows
        for name, expression in self.expressions.items():
            index = rows.schema.get_field_index(name)
            target = rows.schema.field(index)
            values = compute(expression, rows)
            try:
                if isinstance(values, pa.Scalar):
                    values = pa.repeat(values.cast(target.type), rows.num_rows)
                column = values.cast(target.type)
            except pa.ArrowException as error:
                raise InvalidInputError(
                    f"table {table}, column {name!r}: a new value does not fit {target.type}: "
                    f"{error}"
                ) from None
            changed = changed.set_column(index, target, column)
        return changed


def delete_where(parts: Components, scan: Scan, batch: Callable[[], Batch]) -> CommitResult:
    """Delete the rows that a scan selects; see ``Table.delete``.

    Args:
        parts: the table.
        scan: of all columns, with the filter.
        batch: starts a batch.

    Raises:
        InvalidInputError: the table's merge engine takes no deletes.
    """
    if not scan.view.key:
        return _rewrite(parts, scan, None)
    schema, options = scan.view.schema, scan.view.options
    check_deletes(parts.name, options, whole_rows=True)
    opened = batch()
    names = list(delete_columns(schema, options) if options.mixes_versions else schema.field_names)

    def deletes(rows: pa.RecordBatch) -> ConformedBatch:
        check_removed(parts.name, rows, schema, options)
        return opened.deletes(rows.select(names))

    return _write_all(opened, scan.batches(), deletes)


def update_where(
    parts: Components, scan: Scan, batch: Callable[[], Batch], assignments: Assignments
) -> CommitResult:
    """Update the rows that a scan selects; see ``Table.update``.

    Raises:
        UnsupportedFormatError: the merge engine does not replace values.
    """
    if not scan.view.key:
        return _rewrite(parts, scan, assignments)
    engine = scan.view.options.merge_engine
    if engine not in _UPDATES:
        raise UnsupportedFormatError(
            f"table {parts.name}: update needs merge-engine deduplicate or partial-update, which "
            f"replace values; this table has {engine}",
            feature="merge-engine",
        )

    updated = UpdatedRows.of(
        parts.name, scan.view.schema, scan.view.options, assignments.expressions
    )

    def change(rows: pa.RecordBatch) -> ConformedBatch:
        changed = assignments.apply(rows, parts.name)
        _check(scan, parts.name, changed)
        kinds = np.full(rows.num_rows, RowKind.UPDATE_AFTER, dtype=np.int8)
        return ConformedBatch(updated.rows(rows, changed), kinds)

    return _write_all(batch(), scan.batches(), change)


def _check(scan: Scan, table: str, rows: pa.RecordBatch) -> None:
    """Refuse what the table's columns do not take, as for any other write.

    Raises:
        InvalidInputError: names the column, what it takes and what was found.
    """
    for field in scan.view.schema.fields:
        column = rows.column(rows.schema.get_field_index(field.name))
        found = first_violation(column, field.type, field.name)
        if found is not None:
            raise InvalidInputError(
                f"table {table}, column {found.path!r}: expected {found.expected}, the new value "
                f"is {found.found}",
                column=field.name,
            )


def _write_all(
    batch: Batch,
    rows: Iterator[pa.RecordBatch],
    change: Callable[[pa.RecordBatch], ConformedBatch],
) -> CommitResult:
    with batch:
        for part in rows:
            batch.write_conformed(change(part))
    assert batch.result is not None  # the block was left without an error
    return batch.result


def _rewrite(parts: Components, scan: Scan, assignments: Assignments | None) -> CommitResult:
    """Write the files of an append table again that hold a selected row.

    Raises:
        UnsupportedFormatError: the table has deletion vectors.
        CommitUnknownError: whether the commit took effect is not known; nothing is deleted.
    """
    if scan.view.options.deletion_vectors:
        raise UnsupportedFormatError(
            f"table {parts.name}: deleting or updating rows of an append table with deletion "
            "vectors is not supported yet",
            feature="deletion-vectors.enabled",
        )
    context = parts.write_context(replaces=True)
    messages: list[CommitMessage] = []
    try:
        for bucket in scan.plan.buckets:
            for section in bucket.sections:
                for entry in (entry for run in section for entry in run):
                    files = _rewritten(context, scan, bucket, entry, assignments)
                    if files is not None:
                        messages.append(_replacing(entry, files))
        operation = "DELETE" if assignments is None else "UPDATE"
        committer = parts.committer(context)
        result = committer.commit(messages, operation=operation, check=True)
    except CommitUnknownError:
        raise  # its files may be part of the table
    except BaseException:
        for message in messages:
            context.discard(message.partition, message.bucket, message.data.new_files)
        raise
    return expire_after(parts, context.options, result)


def _replacing(entry: ManifestEntry, files: list[DataFileMeta]) -> CommitMessage:
    data = DataIncrement(new_files=tuple(files), deleted_files=(entry.file,))
    return CommitMessage(entry.partition, entry.bucket, entry.total_buckets, data)


def _rewritten(
    context: WriteContext,
    scan: Scan,
    bucket: BucketPlan,
    entry: ManifestEntry,
    assignments: Assignments | None,
) -> list[DataFileMeta] | None:
    """The files that stand for one; None where it holds no selected row."""
    if not any(_selected(scan, rows).true_count for rows in scan.rows_of(bucket, entry)):
        return None
    writer = context.open_bucket(
        entry.partition, entry.bucket, first_sequence=entry.file.min_sequence_number
    )
    try:
        for rows in scan.rows_of(bucket, entry):
            chosen = _selected(scan, rows)
            if assignments is None:
                writer.write(_physical(context, rows.filter(pc.invert(chosen))))
                continue
            changed = assignments.apply(rows, context.table)
            _check(scan, context.table, changed.filter(chosen))
            columns = [
                pc.if_else(chosen, new, old) if new is not old else old
                for new, old in zip(changed.columns, rows.columns, strict=True)
            ]
            merged = pa.RecordBatch.from_arrays(columns, schema=rows.schema)
            writer.write(_physical(context, merged))
        return writer.finish()
    except BaseException:
        writer.abort()
        raise


def _selected(scan: Scan, rows: pa.RecordBatch) -> pa.BooleanArray:
    return mask(scan.plan.predicate, rows)


def _physical(context: WriteContext, rows: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(rows.columns, schema=context.shape.schema)
