"""Real Java Paimon, driven through JPype: create, write, compact, read, filter, follow a table.

One JVM and one Paimon version a process: `oracle_worker.py` is that process. Rows cross JPype one
value at
a time, so tables here stay small. Origin: the Java oracle of the project's reference material.
"""

from __future__ import annotations

import json
import tempfile

import jpype

from tests.support.oracle_values import Values
from tests.support.peers_s3 import catalog_options

OPENS = ("java.base/java.nio", "java.base/java.lang", "java.base/java.util", "java.base/sun.nio.ch")
COMPARE = {
    "=": "equal",
    "<>": "notEqual",
    "<": "lessThan",
    "<=": "lessOrEqual",
    ">": "greaterThan",
    ">=": "greaterOrEqual",
}


class Paimon:
    """A filesystem catalog of one warehouse. Table names are 'db.table'; rows are lists of JSON
    values."""

    scratch = None

    def __init__(self, jars: list[str], warehouse: str, memory: str = "1g"):
        if not jpype.isJVMStarted():
            flags = [f"--add-opens={x}=ALL-UNNAMED" for x in OPENS]
            flags += [f"-Xmx{memory}", "-Duser.timezone=UTC", "-XX:+UseSerialGC", "-Xss4m"]
            flags += ["-XX:TieredStopAtLevel=1"]  # short calls: the second compiler costs a core
            jpype.startJVM(*flags, classpath=jars, convertStrings=True)
        self.P = jpype.JPackage("org").apache.paimon
        self.V = Values(self.P, jpype)
        o = self.P.options.Options()
        for word, value in catalog_options(warehouse).items():
            o.set(word, value)
        context = self.P.catalog.CatalogContext.create(o)
        self.catalog = self.P.catalog.CatalogFactory.createCatalog(context)
        self.ids: dict[str, int] = {}

    def io(self):
        """For writers that look keys up in local files: one folder a process; see `clean`."""
        if Paimon.scratch is None:
            folder = tempfile.TemporaryDirectory(prefix="oracle-")
            Paimon.scratch = folder, self.P.disk.IOManager.create(folder.name)
        return Paimon.scratch[1]

    @staticmethod
    def clean():
        """Remove the folder of the process's writers."""
        if Paimon.scratch is not None:
            Paimon.scratch[0].cleanup()

    def ident(self, name):
        return self.P.catalog.Identifier.create(*name.split("."))

    def java_type(self, t):
        jackson = self.P.shade.jackson2.com.fasterxml.jackson.databind.ObjectMapper()
        return self.P.types.DataTypeJsonParser.parseDataType(jackson.readTree(json.dumps(t)))

    def create(self, name, columns, primary_key=(), partition_by=(), options=None, comment=None):
        """`columns`: (name, type JSON) pairs."""
        self.catalog.createDatabase(name.split(".")[0], True)
        b = self.P.schema.Schema.newBuilder()
        as_list = jpype.java.util.Arrays.asList
        for c, t in columns:
            b.column(c, self.java_type(t))
        if primary_key:
            b.primaryKey(as_list(list(primary_key)))
        if partition_by:
            b.partitionKeys(as_list(list(partition_by)))
        for k, v in (options or {}).items():
            b.option(k, str(v))
        if comment:
            b.comment(comment)
        self.catalog.createTable(self.ident(name), b.build(), False)

    def table(self, name, **options):
        t = self.catalog.getTable(self.ident(name))
        plain = jpype.java.util.HashMap({k: str(v) for k, v in options.items()})
        return t.copy(plain) if options else t

    def types(self, table):
        """[[name, type JSON]] of a table's current schema."""
        s = json.loads(str(self.P.utils.JsonSerdeUtil.toJson(table.schema())))
        return [[f["name"], f["type"]] for f in s["fields"]]

    def schema(self, name):
        """The newest schema as Java has it."""
        return json.loads(str(self.P.utils.JsonSerdeUtil.toJson(self.table(name).schema())))

    def write(
        self,
        name,
        rows=(),
        kinds=None,
        compact=None,
        overwrite=None,
        user="java",
        **options,
    ):
        """One commit. `compact`: None, 'minor' or 'full', for every bucket that holds data.

        `overwrite`: a partition spec ({} = all).
        """
        t = self.table(name, **options)
        types = [x for _, x in self.types(t)]
        if overwrite is not None:
            spec = jpype.java.util.HashMap(overwrite)
            builder = t.newBatchWriteBuilder().withOverwrite(spec)
        else:
            builder = t.newStreamWriteBuilder().withCommitUser(user)
        w, c = builder.newWrite(), builder.newCommit()
        try:
            w.withIOManager(self.io())
            for i, r in enumerate(rows):
                w.write(self.V.row(r, types, kinds[i] if kinds else "+I"))
            if compact:
                for p, b in self.buckets(t):
                    w.compact(p, b, compact == "full")
            if overwrite is not None:
                c.commit(w.prepareCommit())
            else:
                i = self.ids[name] = self.ids.get(name, 0) + 1
                c.commit(i, w.prepareCommit(True, i))
        finally:
            w.close()
            c.close()

    def compact_append(self, name, **options):
        """One commit that compacts each partition of an append table without buckets."""
        t = self.table(name, **options)
        parts = {}
        for split in t.newSnapshotReader().read().dataSplits():
            held = parts.setdefault(str(split.partition()), (split.partition(), []))[1]
            held.extend(split.dataFiles())
        task = self.P.append.AppendCompactTask
        tasks = [task(x, jpype.java.util.ArrayList(files)) for x, files in parts.values() if len(files) > 1]  # noqa: E501 # fmt: skip
        writer = t.store().newWrite("java")
        writer.withIOManager(self.io())
        done = jpype.java.util.ArrayList([task.doCompact(t, writer) for task in tasks])
        writer.close()
        if tasks:
            t.newBatchWriteBuilder().newCommit().commit(done)

    def latest(self, name):
        """The id of the newest snapshot, or None."""
        n = self.table(name).snapshotManager().latestSnapshotId()
        return None if n is None else int(n)

    def buckets(self, t):
        latest = t.copy(jpype.java.util.HashMap({"scan.mode": "latest-full"}))
        files = latest.store().newScan().plan().files()
        return list(
            {(str(s.partition()), int(s.bucket())): (s.partition(), s.bucket()) for s in files}
            .values()
        )  # fmt: skip

    def read(self, name, **options):
        """Rows of the merged table; options such as {'scan.snapshot-id': 3}."""
        t = self.table(name, **options)
        rb = t.newReadBuilder()
        return [r for _, r in self.rows(t, rb, rb.newScan().plan())]

    def rows(self, t, rb, plan):
        getters = [self.V.getter(x) for _, x in self.types(t)]
        it = rb.newRead().createReader(plan).toCloseableIterator()
        out = []
        while it.hasNext():
            r = it.next()
            out.append((str(r.getRowKind().shortString()), self.V.row_json(r, getters)))
        it.close()
        return out

    def follow(self, name, start=1, **options):
        """What a streaming reader that starts at snapshot `start` sees: {snapshot id: [(row kind,
        row)]}."""
        t = self.table(name, **options)
        rb = t.newReadBuilder()
        scan = rb.newStreamScan()
        scan.restore(jpype.java.lang.Long(start))
        latest = int(t.snapshotManager().latestSnapshotId())
        out = {}
        while int(scan.checkpoint()) <= latest:
            n = int(scan.checkpoint())
            rows = self.rows(t, rb, scan.plan())
            done = int(scan.checkpoint()) - 1
            out[done] = rows
            if done < n:
                break
        return out

    def snapshots(self, name):
        m = self.table(name).snapshotManager()
        if m.latestSnapshotId() is None:
            return []
        ids = range(int(m.earliestSnapshotId()), int(m.latestSnapshotId()) + 1)
        return [json.loads(str(m.snapshot(i).toJson())) for i in ids]

    def expected(self, name):
        """Every snapshot's rows in that snapshot's own schema."""
        out = []
        for s in self.snapshots(name):
            at = {"scan.snapshot-id": s["id"]}
            out.append(
                {
                    "id": s["id"],
                    "commit_kind": s["commitKind"],
                    "columns": self.types(self.table(name, **at)),
                    "rows": self.read(name, **at),
                    "total_record_count": s["totalRecordCount"],
                }
            )
        return out

    # Column changes

    def alter(self, name, *changes):
        self.catalog.alterTable(
            self.ident(name), jpype.java.util.Arrays.asList(list(changes)), False
        )

    def set_option(self, name, key, value):
        """Change an option of a table."""
        self.alter(name, self.P.schema.SchemaChange.setOption(key, value))

    def evolve(self, name, verb, column, what):
        """`verb`: add or widen (`what`: a type JSON), rename (`what`: the new name), drop, or move
        (`what`: the column before it, or None)."""
        change = self.P.schema.SchemaChange
        if verb in ("add", "widen"):
            make = change.addColumn if verb == "add" else change.updateColumnType
            step = make(column, self.java_type(what))
        elif verb == "rename":
            step = change.renameColumn(column, what)
        elif verb == "drop":
            step = change.dropColumn(column)
        else:
            to = change.Move
            step = change.updateColumnPosition(
                to.first(column) if what is None else to.after(column, what)
            )
        self.alter(name, step)

    # Filters

    def predicate(self, builder, types, index, op, literals):
        values = [self.V.to_java(v, types[index]) for v in literals]
        if op in COMPARE:
            return getattr(builder, COMPARE[op])(index, values[0])
        if op == "is null":
            return builder.isNull(index)
        if op == "is not null":
            return builder.isNotNull(index)
        if op == "between":
            return builder.between(index, values[0], values[1])
        return builder.in_(index, jpype.java.util.Arrays.asList(values))

    def filters(self, name, filters, row_id, **options):
        """For each (column, operation, literals): how Java's filtered read compares with Java's
        own test of every row.

        Java pushes a filter down as a hint: it may return more rows, never fewer. Rows are known by
        the BIGINT column `row_id`. Returns {"lost": [...], "files": n, "failed": [...], "read": n,
        "true": n, ...}.
        """
        t = self.table(name, **options)
        names, types = zip(*self.types(t), strict=True)
        at, builder = names.index(row_id), self.P.predicate.PredicateBuilder(t.rowType())
        every, files = self._every_row(t, at)
        total = {"filters": 0, "lost": [], "failed": [], "read": 0, "true": 0, "skipped_files": 0}
        for column, op, literals in filters:
            p = self.predicate(builder, types, names.index(column), op, literals)
            truth = {i for i, r in every if p.test(r)}
            try:
                got, opened = self._filtered(t, p, at)
            except jpype.JException as problem:
                total["failed"].append([column, op, literals, str(problem).split("\n")[0]])
                continue
            total["filters"] += 1
            total["read"] += len(got)
            total["true"] += len(truth)
            total["skipped_files"] += files - opened
            if truth - got:
                total["lost"].append([column, op, literals, sorted(truth - got)])
        return total

    def _every_row(self, t, at):
        copy = self.P.data.serializer.InternalRowSerializer(t.rowType()).copy
        rb = t.newReadBuilder()
        plan = rb.newScan().plan()
        it = rb.newRead().createReader(plan).toCloseableIterator()
        out = []
        while it.hasNext():
            r = copy(it.next())
            out.append((int(r.getLong(at)), r))
        it.close()
        return out, self._files(plan)

    def _filtered(self, t, predicate, at):
        rb = t.newReadBuilder().withFilter(predicate)
        plan = rb.newScan().plan()
        it = rb.newRead().createReader(plan).toCloseableIterator()
        out = set()
        while it.hasNext():
            out.add(int(it.next().getLong(at)))
        it.close()
        return out, self._files(plan)

    @staticmethod
    def _files(plan):
        return sum(int(s.dataFiles().size()) for s in plan.splits())
