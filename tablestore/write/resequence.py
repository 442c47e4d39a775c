"""Raise the sequence numbers of level-0 files that lost a race.

The order of commits must be the order of values: a commit that comes after another one wins, even
where both took their numbers from the same base. Java does not do this; a long-lived writer whose
counter fell behind loses acknowledged updates there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.datafile.layout import SEQUENCE_NUMBER
from tablestore.format.manifest import DataFileMeta
from tablestore.runs.data_file import FileRequest
from tablestore.write.context import WriteContext


def resequence(
    context: WriteContext,
    messages: Sequence[CommitMessage],
    highest: Mapping[tuple[bytes, int], int],
    *,
    keep: frozenset[str] = frozenset(),
) -> list[CommitMessage]:
    """The messages with the rows of all their level-0 files numbered above the committed ones.

    Args:
        context: the table.
        messages: what did not get committed.
        highest: the highest committed number of each bucket concerned.
        keep: names of files that are not removed though others stand for them.
    """
    return [_raised(context, message, highest, keep) for message in messages]


def _raised(
    context: WriteContext,
    message: CommitMessage,
    highest: Mapping[tuple[bytes, int], int],
    keep: frozenset[str],
) -> CommitMessage:
    top = highest.get((message.partition, message.bucket))
    lowest = message.min_sequence_number
    if top is None or lowest is None or lowest > top or not context.schema.primary_keys:
        return message
    shift = top + 1 - lowest
    files: list[DataFileMeta] = []
    for meta in message.data.new_files:
        files += [meta] if meta.level else _rewrite(context, message, meta, shift)
    old = [meta for meta in message.data.new_files if meta.level == 0]
    gone = [meta for meta in old if meta.file_name not in keep]
    context.discard(message.partition, message.bucket, gone)
    data: DataIncrement = replace(message.data, new_files=tuple(files))
    return replace(message, data=data)


def _rewrite(
    context: WriteContext, message: CommitMessage, meta: DataFileMeta, shift: int
) -> list[DataFileMeta]:
    """A copy of a file with higher numbers."""
    shape = replace(context.shape, target_size=1 << 62, target_rows=None)
    request = FileRequest(
        store=context.store,
        key=context.folders.file(message.partition, message.bucket, meta, context.store),
        meta=meta,
        schema=context.schema,
        keyed=True,
        fields=(),
    )
    writer = replace(context, shape_override=shape).open_bucket(message.partition, message.bucket)
    at = shape.schema.get_field_index(SEQUENCE_NUMBER)
    with request.open() as reader:
        for batch in reader.batches(shape.physical):
            columns = list(batch.columns)
            columns[at] = pc.add(columns[at], pa.scalar(shift, pa.int64()))
            writer.write(pa.RecordBatch.from_arrays(columns, schema=shape.schema))
    return writer.finish()
