"""Overwrites: the whole table, static partitions, or the partitions of the new rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tablestore.errors import InvalidInputError
from tablestore.format.binary_row import decode_row
from tablestore.runs.bucket_files import types_of
from tablestore.runs.key_range import key_ranges
from tablestore.table.batch import Batch, at_top_level
from tablestore.table.compaction import compact_after
from tablestore.table.expiry import expire_after
from tablestore.table.merging import merge_rules
from tablestore.table.partitions import partition_filter

if TYPE_CHECKING:
    from tablestore.commit.committer import CommitResult
    from tablestore.commit.message import CommitMessage
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
        goes = replaced
        if dynamic:
            goes = {message.partition for message in messages}.__contains__
        else:
            _check_inside(context, messages, replaced, partition)
        places = [(message.partition, message.bucket) for message in messages]
        result = committer.commit(messages, overwrite_filter=goes)
        if context.options.needs_lookup:
            # rows of level 0 are read once they are compacted
            result = compact_after(parts, context, committer, places, result)
        return expire_after(parts, context.options, result)

    rules = merge_rules(schema, context.options) if schema.primary_keys else None
    with Batch(context, rules, commit) as batch:
        batch.write(data, missing=missing, constants=partition)
    assert batch.result is not None  # the block was left without an error
    return batch.result


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
    keys = key_ranges(types_of(context.schema, context.schema.trimmed_primary_key))
    return at_top_level(
        messages, context.options.num_levels - 1, lambda meta: (keys.low(meta), keys.high(meta))
    )
