"""One pick of one bucket: what is done with its files, and the increment that comes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from tablestore.commit.message import CommitMessage, CompactIncrement
from tablestore.compact.append import append_hindrance
from tablestore.compact.bucket_vectors import BucketVectors
from tablestore.compact.rewrite import file_request, mark_older, rewrite
from tablestore.errors import UnsupportedFormatError
from tablestore.lsm.levels import Levels
from tablestore.lsm.picks import CompactionPick, Moment, PickState, first_state
from tablestore.lsm.steps import CompactionSteps, Step, Upgrade, plan_steps
from tablestore.lsm.strategy import Worn, full_pick, next_pick
from tablestore.runs.lookup import Lookup
from tablestore.runs.older import OlderVersions

if TYPE_CHECKING:
    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta
    from tablestore.format.schema import TableSchema
    from tablestore.options.table import TableOptions


class Unit(Protocol):
    """Work on files of one bucket that can be committed by itself.

    Attributes:
        partition: serialized partition row.
        bucket: the bucket.
        total_buckets: bucket count of the partition; -1 without buckets.
        before: the files that it takes.
        size: bytes that it reads and writes again.
        reason: why, in a few words.
        runs: sorted runs of the bucket, before and after.
    """

    @property
    def partition(self) -> bytes: ...
    @property
    def bucket(self) -> int: ...
    @property
    def total_buckets(self) -> int: ...
    @property
    def before(self) -> tuple[DataFileMeta, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def runs(self) -> tuple[int, int]: ...

    def run(self, context: CompactContext) -> CompactIncrement:
        """Do the work; on any error nothing is left behind."""
        ...


def message(unit: Unit, increment: CompactIncrement) -> CommitMessage:
    """What is handed to the committer."""
    return CommitMessage(unit.partition, unit.bucket, unit.total_buckets, compact=increment)


@dataclass(frozen=True)
class TreeUnit:
    """A pick of a primary-key table's bucket.

    Attributes:
        pick: the files.
        steps: what is done with them.
        rest: the other files of the bucket.
    """

    partition: bytes
    bucket: int
    total_buckets: int
    pick: CompactionPick[DataFileMeta]
    steps: CompactionSteps[DataFileMeta]
    rest: tuple[DataFileMeta, ...]
    runs: tuple[int, int]

    @property
    def before(self) -> tuple[DataFileMeta, ...]:
        """The files that are rewritten or moved up."""
        kept = {meta.file_name for meta in self.steps.kept}
        return tuple(meta for meta in self.pick.files if meta.file_name not in kept)

    @property
    def size(self) -> int:
        """Bytes that are read and written again."""
        return self.steps.size

    @property
    def reason(self) -> str:
        """The rule that took the files."""
        return self.pick.reason

    def run(self, context: CompactContext) -> CompactIncrement:
        """Merge what must be merged and move up the rest."""
        place = (self.partition, self.bucket)
        vectors = BucketVectors(context, place)
        done = _Done()
        try:
            with self._lookup(context) as lookup:
                older = _older_versions(context, lookup, vectors)
                for step in self.steps.steps:
                    self._take(context, step, older, done)
            stays = (*self.rest, *self.steps.kept, *done.moved)
            new, gone = vectors.write(stays) if context.tree.deletion_vectors else ((), ())
        except BaseException:
            context.discard(*place, done.written)
            raise
        return CompactIncrement(
            before=tuple(done.before),
            after=tuple(done.after),
            new_index_files=new,
            deleted_index_files=gone,
        )

    def _take(
        self,
        context: CompactContext,
        step: Step[DataFileMeta],
        older: OlderVersions,
        done: _Done,
    ) -> None:
        place = (self.partition, self.bucket)
        level = self.steps.output_level
        if isinstance(step, Upgrade):
            if step.lookup and older.mark is not None:
                mark_older(context, place, step.file, older)
            done.before.append(step.file)
            done.moved.append(step.file)
            done.after.append(replace(step.file, level=level))
            return
        sections = [[list(run) for run in section] for section in step.sections]
        files = rewrite(
            context,
            place,
            sections,
            level,
            drop_deletes=step.drop_deletes,
            older=older if step.lookup else None,
        )
        done.written += files
        done.before += step.files
        done.after += files

    def _lookup(self, context: CompactContext) -> Lookup:
        """The levels above the output level."""
        place = (self.partition, self.bucket)
        above: dict[int, list[DataFileMeta]] = {}
        for meta in self.rest:
            if meta.level > self.steps.output_level:
                above.setdefault(meta.level, []).append(meta)
        return Lookup(
            [sorted(above[level], key=context.keys.low) for level in sorted(above)],
            [context.schema.field(name) for name in context.key],
            lambda meta, fields: file_request(context, place, meta, fields),
        )


@dataclass
class _Done:
    """What the steps of a unit made: files that go, come, moved up, and were written."""

    before: list[DataFileMeta] = field(default_factory=list)
    after: list[DataFileMeta] = field(default_factory=list)
    moved: list[DataFileMeta] = field(default_factory=list)
    written: list[DataFileMeta] = field(default_factory=list)


def _older_versions(
    context: CompactContext, lookup: Lookup, vectors: BucketVectors
) -> OlderVersions:
    """What is done with versions in the levels above, where a step asks for it."""
    options = context.tree
    if context.options.merge_engine == "first-row":
        return OlderVersions(lookup, "exists")
    mark = vectors.mark if options.deletion_vectors else None
    newest = options.deletion_vectors and options.newest_wins
    left = None if context.expire is None else context.expire.left_of
    return OlderVersions(lookup, "position" if newest else "row", mark, left)


def plan_bucket(
    context: CompactContext,
    place: tuple[bytes, int],
    total_buckets: int,
    files: Sequence[DataFileMeta],
    *,
    full: bool,
    state: PickState | None = None,
) -> tuple[TreeUnit | None, PickState]:
    """What to compact in a bucket of a primary-key table.

    Args:
        context: the table.
        place: partition and bucket.
        total_buckets: of the partition.
        files: all live files of the bucket.
        full: everything; otherwise what the table's options ask for.
        state: what the last call gave, where there was one.
    """
    options = context.tree
    levels = Levels.of(files, options.num_levels, context.keys)
    state = state or first_state(files, options.num_levels)
    vectors = context.deletions.files(*place) if options.deletion_vectors else set()
    worn = Worn(_expired(context, files), vectors)
    if full:
        pick = full_pick(levels, options, worn)
    else:
        pick, state = next_pick(levels, options, state, Moment.at(dt.datetime.now().astimezone()))
    if pick is None:
        return None, state
    steps = plan_steps(pick, levels, options, worn, context.keys)
    if not steps.steps:
        return None, state
    taken = {(meta.level, meta.file_name) for meta in pick.files}
    rest = [meta for meta in files if (meta.level, meta.file_name) not in taken]
    after = Levels.of(rest, levels.max_level + 1, context.keys).run_count
    above = any(meta.level == pick.output_level for meta in rest)
    unit = TreeUnit(
        *place,
        total_buckets,
        pick,
        steps,
        tuple(rest),
        (levels.run_count, after + (0 if above else 1)),
    )
    return unit, state


def _expired(context: CompactContext, files: Sequence[DataFileMeta]) -> set[str]:
    """Names of the files that hold an expired row."""
    expire = context.expire
    if expire is None:
        return set()
    return {
        meta.file_name
        for meta in files
        if expire.has_expired(meta, context.file_schema(meta.schema_id))
    }


def is_compactable(schema: TableSchema, options: TableOptions) -> bool:
    """Whether a compaction would lose nothing; ``check_compactable`` says what."""
    return _hindrance(bool(schema.primary_keys), options) is None


def check_compactable(context: CompactContext) -> None:
    """Refuse tables whose compaction would lose something.

    Raises:
        UnsupportedFormatError: names the option.
    """
    found = _hindrance(bool(context.key), context.options)
    if found is not None:
        raise UnsupportedFormatError(f"table {context.table} {found[1]}", feature=found[0])


def _hindrance(keyed: bool, options: TableOptions) -> tuple[str, str] | None:  # noqa: FBT001
    """The option that stands against a compaction, and why."""
    if not keyed:
        return append_hindrance(options)
    producer = options.changelog_producer
    if producer in {"lookup", "full-compaction"}:
        return "changelog-producer", (
            f"has changelog-producer {producer!r}: a compaction without its changelog would lose "
            "changes, and writing it is not supported yet; let the engine that writes the "
            "changelog compact it"
        )
    return None
