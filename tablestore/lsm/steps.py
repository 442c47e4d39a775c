"""What is done with the files of a pick: merged and rewritten, moved up as they are, or left.

Files stay in key order: a section of several runs is merged; small files are rewritten with their
neighbours; a large file that no other overlaps is only entered at another level, unless something
in it must go.

Source: ``org.apache.paimon.mergetree.compact.MergeTreeCompactTask``, ``FileRewriteCompactTask``,
``MergeTreeCompactManager``, ``ChangelogMergeTreeRewriter``, ``LookupMergeTreeCompactRewriter``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from tablestore.lsm.levels import F, Keys, Levels, RunFile
from tablestore.lsm.picks import CompactionPick
from tablestore.lsm.sections import sections
from tablestore.lsm.strategy import Worn
from tablestore.options.compaction import TreeOptions

Run = tuple[F, ...]
"""Files with ascending, disjoint key ranges."""


@dataclass(frozen=True, slots=True)
class Rewrite(Generic[F]):
    """Merge files and write new ones at the output level.

    Attributes:
        sections: in key order, disjoint in keys; each a group of runs that overlap.
        drop_deletes: leave rows out whose result is a retraction.
        lookup: look the keys of level-0 rows up in the levels above the output level: older
            versions there join the merge, or are marked as deleted.
    """

    sections: tuple[tuple[Run[F], ...], ...]
    drop_deletes: bool
    lookup: bool = False

    @property
    def files(self) -> tuple[F, ...]:
        """All files that are read, section by section."""
        runs = itertools.chain.from_iterable(self.sections)
        return tuple(itertools.chain.from_iterable(runs))

    @property
    def size(self) -> int:
        """Bytes that are read."""
        return sum(file.file_size for file in self.files)


@dataclass(frozen=True, slots=True)
class Upgrade(Generic[F]):
    """Enter a file at the output level and leave its bytes alone; its deletion vector stays.

    Attributes:
        file: as it is now, at its old level.
        lookup: look its keys up in the levels above the output level, as for ``Rewrite``.
    """

    file: F
    lookup: bool = False


Step = Rewrite[F] | Upgrade[F]


@dataclass(frozen=True, slots=True)
class CompactionSteps(Generic[F]):
    """All that a pick asks for.

    Attributes:
        output_level: of every file that comes out.
        steps: in key order.
        kept: files of the pick that stay as they are, at the output level already.
        target_file_size: bytes at which an output file is closed; no row limit holds.
    """

    output_level: int
    steps: tuple[Step[F], ...]
    kept: tuple[F, ...]
    target_file_size: int

    @property
    def rewrites(self) -> tuple[Rewrite[F], ...]:
        """The steps that write."""
        return tuple(step for step in self.steps if isinstance(step, Rewrite))

    @property
    def upgrades(self) -> tuple[Upgrade[F], ...]:
        """The steps that do not."""
        return tuple(step for step in self.steps if isinstance(step, Upgrade))

    @property
    def size(self) -> int:
        """Bytes that are read and written again."""
        return sum(rewrite.size for rewrite in self.rewrites)


def drops_deletes(output_level: int, levels: Levels[F], options: TreeOptions) -> bool:
    """True where no older version of a key can be outside of a pick with this output level.

    With deletion vectors older versions are marked, so that nothing must hide them.
    """
    return output_level != 0 and (output_level >= levels.highest or options.deletion_vectors)


def plan_steps(
    pick: CompactionPick[F], levels: Levels[F], options: TreeOptions, worn: Worn, keys: Keys[F]
) -> CompactionSteps[F]:
    """What to do for a pick.

    Args:
        pick: from ``next_pick`` or ``full_pick``.
        levels: those that it was picked from.
        options: of the table.
        worn: files of the bucket that hold what should go.
        keys: the key range of a file.
    """
    tree = _Tree(
        pick.output_level,
        levels.max_level,
        drops_deletes(pick.output_level, levels, options),
        options,
        worn,
    )
    if pick.each_alone:
        steps = [tree.rewrite([[[file]]]) for file in pick.files]
    else:
        steps = _walk(sections(pick.files, keys.low, keys.high), tree)
    touched = {file.file_name for step in steps for file in _files(step)}
    kept = tuple(file for file in pick.files if file.file_name not in touched)
    return CompactionSteps(pick.output_level, tuple(steps), kept, options.target_file_size)


def _files(step: Step[F]) -> tuple[F, ...]:
    return step.files if isinstance(step, Rewrite) else (step.file,)


@dataclass(frozen=True, slots=True)
class _Tree:
    """The rules of one pick."""

    output_level: int
    max_level: int
    drop_deletes: bool
    options: TreeOptions
    worn: Worn

    def rewrite(self, parts: Sequence[Sequence[Sequence[F]]]) -> Step[F]:
        fixed = tuple(tuple(tuple(run) for run in section) for section in parts)
        fresh = any(file.level == 0 for section in fixed for run in section for file in run)
        lookup = self.options.lookup and self.output_level != 0 and fresh
        return Rewrite(fixed, self.drop_deletes, lookup)

    def upgrade(self, file: F) -> list[Step[F]]:
        """Move a file up, at the cost that this needs; nothing where it is there already."""
        if self._must_rewrite(file):
            return [self.rewrite([[[file]]])]
        if file.level == self.output_level:
            return []
        if not self.options.lookup or file.level != 0:
            return [Upgrade(file)]
        if self._merges_on_the_way(file):
            return [Rewrite((((file,),),), self.options.deletion_vectors, lookup=True)]
        return [Upgrade(file, lookup=True)]

    def _must_rewrite(self, file: RunFile) -> bool:
        return (
            (self.output_level == self.max_level and _may_delete(file))
            or self.options.force_rewrite_all
            or file.file_name in self.worn.expired
        )

    def _merges_on_the_way(self, file: RunFile) -> bool:
        """True where a file of level 0 changes by the lookup, or must change its format."""
        options = self.options
        if options.format_of(0) != options.format_of(self.output_level):
            return True
        if options.deletion_vectors and _may_delete(file):
            return True
        # by the options' levels, not by the bucket's: as Java has it
        return self.output_level != options.num_levels - 1 and not options.newest_wins


def _may_delete(file: RunFile) -> bool:
    """True where a file has delete rows, or an old writer did not say."""
    return file.delete_row_count is None or file.delete_row_count > 0


def _walk(parts: Sequence[Sequence[Sequence[F]]], tree: _Tree) -> list[Step[F]]:
    steps: list[Step[F]] = []
    waiting: list[Sequence[Sequence[F]]] = []
    for section in parts:
        if len(section) > 1:
            waiting.append(section)
            continue
        for file in section[0]:
            if file.file_size < tree.options.small_file_size:
                waiting.append([[file]])
            else:
                # what waits has smaller keys: it cannot be written together with what comes after
                steps += _flush(waiting, tree)
                steps += tree.upgrade(file)
                waiting = []
    return steps + _flush(waiting, tree)


def _flush(waiting: Sequence[Sequence[Sequence[F]]], tree: _Tree) -> list[Step[F]]:
    if not waiting:
        return []
    if len(waiting) == 1 and len(waiting[0]) == 1:
        # a small file without a small neighbour gains nothing by a rewrite
        return tree.upgrade(waiting[0][0][0])
    return [tree.rewrite(waiting)]
