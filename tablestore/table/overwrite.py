"""Overwrites: the whole table, static partitions, or the partitions of the new rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tablestore.errors import InvalidInputError, nearest
from tablestore.format.binary_row import decode_row
from tablestore.predicate.bind import bind
from tablestore.predicate.nodes import And, col
from tablestore.read.plan import comparable_key, partition_matcher
from tablestore.runs.bucket_files import types_of
from tablestore.table.batch import Batch, at_top_level
from tablestore.table.merging import merge_rules

if TYPE_CHECKING:
    from tablestore.commit.committer import CommitResult
    from tablestore.commit.message import CommitMessage
    from tablestore.format.manifest import DataFileMeta
    from tablestore.table.components import Components
    from tablestore.write.conform import Missing
    from tablestore.write.context import WriteContext


def overwrite_table(
    parts: Components,
    data: object,
    *,
    partition: Mapping[str, object] | None,
    dynamic: bool,
    missing: Missing,
) -> CommitResult:
    """Replace rows; see ``Table.overwrite``.

    Raises:
        InvalidInputError: a partition that the table lacks, or rows outside of it.
    """
    if dynamic and partition is not None:
        raise InvalidInputError(f"table {parts.name}: give partition= or dynamic=True, not both")
    context = parts.write_context(replaces=True)
    schema = context.schema
    if dynamic and not schema.partition_keys:
        raise InvalidInputError(f"table {parts.name} has no partitions; leave dynamic=True out")
    replaced = partition_filter(parts, partition)
    committer = parts.committer(context)

    def commit(messages: list[CommitMessage]) -> CommitResult:
        messages = _raised(context, messages)
        if dynamic:
            touched = {message.partition for message in messages}
            return committer.commit(messages, overwrite_filter=touched.__contains__)
        _check_inside(context, messages, replaced, partition)
        return committer.commit(messages, overwrite_filter=replaced)

    rules = merge_rules(schema, context.options) if schema.primary_keys else None
    with Batch(context, rules, commit) as batch:
        batch.write(data, missing=missing, constants=partition)
    assert batch.result is not None  # the block was left without an error
    return batch.result


def partition_filter(
    parts: Components, partition: Mapping[str, object] | None
) -> Callable[[bytes], bool]:
    """Which serialized partitions have the values given; all of them where none are.

    Raises:
        InvalidInputError: a column that the table is not partitioned by.
    """
    if partition is None:
        return lambda _: True
    view = parts.view()
    known = view.schema.partition_keys
    if not partition:
        raise InvalidInputError(f"table {parts.name}: partition= is empty; leave it out")
    for name in partition:
        if name not in known:
            raise InvalidInputError(
                f"table {parts.name} is not partitioned by {name!r}{nearest(name, known)}; its "
                f"partition columns are {', '.join(known) or 'none'}"
            )
    tests = [
        col(name).is_null() if value is None else col(name) == value
        for name, value in partition.items()
    ]
    return partition_matcher(view, bind(And(tuple(tests)), view.arrow_schema))


def _check_inside(
    context: WriteContext,
    messages: list[CommitMessage],
    replaced: Callable[[bytes], bool],
    partition: Mapping[str, object] | None,
) -> None:
    for message in messages:
        if not replaced(message.partition):
            names = context.schema.partition_keys
            values = decode_row(message.partition, types_of(context.schema, names))
            raise InvalidInputError(
                f"table {context.table}: expected rows of partition {dict(partition or {})}, found "
                f"rows of {dict(zip(names, values, strict=True))}"
            )


def _raised(context: WriteContext, messages: list[CommitMessage]) -> list[CommitMessage]:
    if not context.schema.primary_keys:
        return messages
    if context.options.raw.get("overwrite-upgrade", "true").lower() != "true":
        return messages
    types = types_of(context.schema, context.schema.trimmed_primary_key)

    def key_range(meta: DataFileMeta) -> tuple[Any, Any]:
        return (
            comparable_key(decode_row(meta.min_key, types)),
            comparable_key(decode_row(meta.max_key, types)),
        )

    return at_top_level(messages, context.options.num_levels - 1, key_range)
