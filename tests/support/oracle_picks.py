"""What Java Paimon's pickers decide, many cases a call.

A file is [name, size, level, low, high, first sequence, last sequence, creation ms, delete rows or
None, rows, expired]; keys are integers. Java's classes are called directly, those that are not
public by reflection; a rewriter that only writes down what it is asked for stands in for the one
that moves bytes.
"""

from __future__ import annotations

import time
from typing import Any

import jpype
from jpype import JImplements, JOverride

Json = Any


def method(owner: Any, name: str, *kinds: Any) -> Any:
    """A method of a Java class that is not public."""
    found = owner.class_.getDeclaredMethod(name, *[k.class_ for k in kinds])
    found.setAccessible(True)
    return found


def field(owner: Any, name: str) -> Any:
    found = owner.class_.getDeclaredField(name)
    found.setAccessible(True)
    return found


def constructor(owner: Any, *kinds: Any) -> Any:
    found = owner.class_.getDeclaredConstructor(*[k.class_ for k in kinds])
    found.setAccessible(True)
    return found


def names(files: Any) -> list[str]:
    return [str(file.fileName()) for file in files]


class Files:
    """Java's file metas from lists."""

    def __init__(self, p: Any):
        self.P = p.P
        self.java = jpype.java
        self.rows: dict[int, Any] = {}
        self.none = self.java.util.Collections.emptyList()
        kinds = self.java.util.Arrays.asList([self.P.types.DataTypes.INT()])
        self.comparator = self.P.codegen.CodeGenUtils.newRecordComparator(kinds)
        self.empty = self.P.stats.SimpleStats.EMPTY_STATS
        self.stats = {True: self._stats(1), False: self._stats(2_000_000_000)}
        meta = self.P.io.DataFileMeta
        made = [m for m in meta.class_.getDeclaredMethods() if str(m.getName()) == "create"]
        # releases differ in how many fields follow the delete rows
        self.tail = [None] * (max(len(m.getParameterTypes()) for m in made) - 14)

    def row(self, key: int) -> Any:
        if key not in self.rows:
            integer = self.java.lang.Integer(key)
            self.rows[key] = self.P.data.BinaryRow.singleColumn(integer)
        return self.rows[key]

    def _stats(self, seconds: int) -> Any:
        bounds = self.row(seconds)
        return self.P.stats.SimpleStats(bounds, bounds, self.empty.nullCounts())

    def meta(self, file: Json) -> Any:
        name, size, level, low, high, first, last, made, deletes, rows, expired = file
        gone = None if deletes is None else self.java.lang.Long(deletes)
        keys = (self.row(low), self.row(high))
        stats = (self.empty, self.stats[expired])
        at = self.P.data.Timestamp.fromEpochMillis(made)
        tail = (level, self.none, at, gone, *self.tail)
        create = self.P.io.DataFileMeta.create
        return create(name, size, rows, *keys, *stats, first, last, 0, *tail)

    def metas(self, files: Json) -> Any:
        return self.java.util.ArrayList([self.meta(file) for file in files])

    def vectors(self, deleted: Json) -> Any:
        """The maintainer of a bucket's deletion vectors; it may not write."""
        d = self.P.deletionvectors
        index = d.DeletionVectorsIndexFile(None, None, self.P.options.MemorySize(1), False)
        held = self.java.util.HashMap({name: d.BitmapDeletionVector() for name in deleted})
        make = constructor(d.BucketedDvMaintainer, d.DeletionVectorsIndexFile, self.java.util.Map)
        return make.newInstance(index, held)


class Pickers:
    """Levels, and the universal, early full, off-peak and forced picks over their runs."""

    def __init__(self, p: Any):
        self.files = Files(p)
        self.P = p.P
        compact = self.compact = p.P.mergetree.compact
        self.last_full = field(compact.EarlyFullCompaction, "lastFullCompaction")
        self.waited = field(compact.ForceUpLevel0Compaction, "compactTriggerCount")

    def levels(self, case: Json) -> Any:
        metas = self.files.metas(case["files"])
        return self.P.mergetree.Levels(self.files.comparator, metas, case["options"]["num_levels"])

    def strategy(self, case: Json) -> tuple[Any, Any]:
        """The strategy of a table with these options, and its early full compaction."""
        options, long = case["options"], jpype.java.lang.Long
        limits = [options[k] for k in ("interval", "below", "above")]
        early = None
        if limits != [None, None, None]:
            boxed = [None if limit is None else long(limit) for limit in limits]
            early = self.compact.EarlyFullCompaction(*boxed)
            if case["age_ms"] is not None:
                self.last_full.set(early, long(int(time.time() * 1000) - case["age_ms"]))
        hours = self.compact.OffPeakHours.create(*options["off_peak"])
        numbers = [options[k] for k in ("amplification", "ratio", "trigger")]
        universal = self.compact.UniversalCompaction(*numbers, early, hours)
        if not options["force"]:
            return universal, early
        interval = options["force_interval"]
        every = None if interval is None else jpype.java.lang.Integer(interval)
        forced = self.compact.ForceUpLevel0Compaction(universal, every)
        if interval is not None:
            self.waited.get(forced).set(case["waited"])
        return forced, early

    def pick(self, case: Json) -> Json:
        """A bucket's runs, the pick, and what the strategy remembers."""
        levels = self.levels(case)
        runs = levels.levelSortedRuns()
        started = int(time.time() * 1000)
        strategy, early = self.strategy(case)
        picked = strategy.pick(levels.numberOfLevels(), runs)
        answer = {
            "runs": [[int(r.level()), names(r.run().files())] for r in runs],
            "counts": [
                int(levels.numberOfSortedRuns()),
                int(levels.maxLevel()),
                int(levels.nonEmptyHighestLevel()),
                int(levels.totalFileSize()),
            ],
            "pick": self.unit(picked),
        }
        if early is not None:
            last = self.last_full.get(early)
            answer["full_now"] = last is not None and int(last.longValue()) >= started
        if case["options"]["force"] and case["options"]["force_interval"] is not None:
            answer["waited"] = int(self.waited.get(strategy).get())
        return answer

    @staticmethod
    def unit(picked: Any) -> Json:
        """A pick; one without files is none."""
        if not picked.isPresent() or picked.get().files().isEmpty():
            return None
        found = picked.get()
        return [int(found.outputLevel()), names(found.files())]

    def off_peak(self, case: Json) -> Json:
        """The ratio at each hour of the day."""
        hours = self.compact.OffPeakHours.create(*case)
        return [0 if hours is None else int(hours.currentRatio(hour)) for hour in range(24)]

    def sections(self, case: Json) -> Json:
        found = self.compact.IntervalPartition(
            self.files.metas(case), self.files.comparator
        ).partition()
        return [[names(run.files()) for run in section] for section in found]


class Tasks:
    """Whole triggers of `MergeTreeCompactManager`: the pick, and all that follows from it."""

    def __init__(self, p: Any):
        self.pickers = Pickers(p)
        self.files = self.pickers.files
        self.P = p.P
        self.pool = jpype.java.util.concurrent.Executors.newSingleThreadExecutor()
        self.expire = self._expire()

    def _expire(self) -> Any:
        """Java's own test of expired files, for a table of one INT column of seconds."""
        java = jpype.java.util
        column = self.P.types.DataField(0, "t", self.P.types.DataTypes.INT())
        settings = java.HashMap({"record-level.expire-time": "1 d", "record-level.time-field": "t"})
        nothing = java.ArrayList()
        columns = java.ArrayList([column])
        schema = self.P.schema.TableSchema(0, columns, 0, nothing, nothing, settings, "")
        return self.P.io.RecordLevelExpire.create(self.P.CoreOptions(settings), schema, None)

    def task(self, case: Json) -> Json:
        options = case["options"]
        levels = self.pickers.levels(case)
        vectors = self.files.vectors(case["deleted"]) if options["vectors"] else None
        rewriter, steps = self._recorder(self._lookup(options, vectors))
        manager = self.P.mergetree.compact.MergeTreeCompactManager(
            self.pool,
            levels,
            self.pickers.strategy(case)[0],
            self.files.comparator,
            options["small"],
            options["stop"],
            rewriter,
            None,
            vectors,
            True,
            options["lookup"],
            self.expire,
            options["rewrite_all"],
            False,
            "",
        )
        waits = [
            bool(manager.shouldWaitForLatestCompaction()),
            bool(manager.shouldWaitForPreparingCheckpoint()),
            bool(manager.compactNotCompleted()),
        ]
        manager.triggerCompaction(case["full"])
        manager.getCompactionResult(True)
        return {"steps": steps, "waits": waits}

    def _lookup(self, options: Json, vectors: Any) -> Any:
        """The rewriter of tables with lookup, asked only what it would do."""
        if not options["lookup"]:
            return None
        compact, core = self.P.mergetree.compact, self.P.CoreOptions
        engine = "DEDUPLICATE" if options["newest_wins"] else "PARTIAL_UPDATE"
        settings = {"file.format": "parquet"}
        if options["formats"]:
            settings["file.format.per.level"] = options["formats"]
        top = options["num_levels"] - 1
        engines = getattr(core, "MergeEngine")  # noqa: B009 (a Java class)
        return compact.LookupMergeTreeCompactRewriter(
            top,
            engines.valueOf(engine),
            *[None] * 8,
            False,
            vectors,
            core(jpype.java.util.HashMap(settings)),
            None,
        )

    def _recorder(self, lookup: Any) -> tuple[Any, list[Json]]:
        compact, meta = self.P.mergetree.compact, self.P.io.DataFileMeta
        result, lang = self.P.compact.CompactResult, jpype.java.lang
        steps: list[Json] = []
        if lookup is not None:
            owner = compact.LookupMergeTreeCompactRewriter
            flags = (jpype.JInt, jpype.JBoolean, jpype.java.util.List)
            looks = method(owner, "rewriteChangelog", *flags)
            moves = method(owner, "upgradeStrategy", jpype.JInt, meta)

        @JImplements("org.apache.paimon.mergetree.compact.CompactRewriter")
        class Recorder:
            @JOverride
            def rewrite(self, level: Any, drop: Any, sections: Any) -> Any:
                parts = [[names(run.files()) for run in section] for section in sections]
                asked = lookup is not None and bool(
                    looks.invoke(lookup, lang.Integer(level), lang.Boolean(drop), sections)
                )
                steps.append(["rewrite", int(level), parts, bool(drop), asked])
                return result()

            @JOverride
            def upgrade(self, level: Any, file: Any) -> Any:
                how = "NO_CHANGELOG_NO_REWRITE"
                if lookup is not None:
                    how = str(moves.invoke(lookup, lang.Integer(level), file))
                steps.append(["upgrade", int(level), str(file.fileName()), how])
                return result()

            @JOverride
            def close(self) -> None:
                pass

        return Recorder(), steps


class AppendPickers:
    """Picks on append tables, with buckets and without."""

    def __init__(self, p: Any):
        self.files = Files(p)
        self.P = p.P
        self.pool = jpype.java.util.concurrent.Executors.newSingleThreadExecutor()
        self.tables = {}
        for vectors in (False, True):
            name = f"picks.append_{vectors}"
            settings = {"bucket": "-1", "deletion-vectors.enabled": str(vectors).lower()}
            p.create(name, [("x", "INT")], options=settings)
            self.tables[vectors] = p.table(name)

    def bucketed(self, case: Json) -> Json:
        """Auto picks until there is none, and what a full compaction takes."""
        append, options = self.P.append, case["options"]
        manager = append.BucketedAppendCompactManager
        pick = method(manager, "pickCompactBefore")
        queue = method(manager, "getToCompact")
        made, _ = self._manager(case)
        picks = []
        while (found := pick.invoke(made)).isPresent():
            picks.append(names(found.get()))
        left = sorted(names(queue.invoke(made)))
        full, taken = self._manager(case)
        if options["vectors"] or case["files"]:
            full.triggerCompaction(True)
            full.getCompactionResult(True)
        return {"picks": picks, "left": left, "full": taken}

    def _manager(self, case: Json) -> tuple[Any, list[str]]:
        options = case["options"]
        vectors = self.files.vectors(case["deleted"]) if options["vectors"] else None
        taken: list[str] = []

        @JImplements("org.apache.paimon.append.BucketedAppendCompactManager$CompactRewriter")
        class Recorder:
            @JOverride
            def rewrite(self, files: Any) -> Any:
                taken.extend(names(files))
                if vectors is not None:
                    vectors.deletionVectors().clear()  # so that none is written
                return jpype.java.util.ArrayList()

        return self.P.append.BucketedAppendCompactManager(
            self.pool,
            self.files.metas(case["files"]),
            vectors,
            options["min_files"],
            options["target"],
            options["small"],
            options["rewrite_all"],
            Recorder(),
            None,
        ), taken

    def unaware(self, case: Json) -> Json:
        """The groups of each round of new files, and what waits on after it."""
        options, java = case["options"], jpype.java.util
        settings = {
            "target-file-size": f"{options['target']} b",
            "source.split.open-file-cost": f"{options['open_cost']} b",
            "compaction.min.file-num": str(options["min_files"]),
            "compaction.small-file-ratio": str(options["small_ratio"]),
            "compaction.delete-ratio-threshold": str(options["delete_ratio"]),
        }
        owner = self.P.append.AppendCompactCoordinator
        table = self.tables[options["vectors"]].copy(java.HashMap(settings))
        made = owner(table, True)
        if options["vectors"]:
            self._give_vectors(made, case["deleted"])
        row = self.P.data.BinaryRow
        tell = method(owner, "notifyNewFiles", row, java.List)
        plan, left = method(owner, "compactPlan"), method(owner, "listRestoredFiles")
        answer = []
        for files in case["rounds"]:
            if files:
                tell.invoke(made, row.EMPTY_ROW, self.files.metas(files))
            groups = [sorted(names(task.compactBefore())) for task in plan.invoke(made)]
            answer.append([groups, sorted(names(left.invoke(made)))])
        return answer

    def _give_vectors(self, coordinator: Any, deleted: Json) -> None:
        java, lang = jpype.java.util, jpype.java.lang
        d, row = self.P.deletionvectors, self.P.data.BinaryRow
        kept = d.append.AppendDeleteFileMaintainer
        held = java.HashMap()
        for name, (index, count) in deleted.items():
            many = None if count is None else lang.Long(count)
            held.put(name, self.P.table.source.DeletionFile(f"index/{index}", 0, 1, many))
        make = constructor(kept, d.DeletionVectorsIndexFile, row, java.List, java.Map)
        maintainer = make.newInstance(None, row.EMPTY_ROW, java.ArrayList(), held)
        cache = field(self.P.append.AppendCompactCoordinator, "dvMaintainerCache").get(coordinator)
        by_partition = cache.getClass().getDeclaredField("cache")
        by_partition.setAccessible(True)
        by_partition.get(cache).put(row.EMPTY_ROW, maintainer)


OWNERS = {
    "pick": Pickers,
    "off_peak": Pickers,
    "sections": Pickers,
    "task": Tasks,
    "bucketed": AppendPickers,
    "unaware": AppendPickers,
}
_made: dict[type, Any] = {}


def run(p: Any, kind: str, cases: Json) -> Json:
    """The answers to cases of one kind."""
    owner = OWNERS[kind]
    if owner not in _made:
        _made[owner] = owner(p)
    return [getattr(_made[owner], kind)(case) for case in cases]
