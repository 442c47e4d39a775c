"""What only Java's engines on top of it do with append tables, done through its classes.

``images``: the bytes by which rows are ordered along a curve. ``compact``: the compaction of a
table without buckets, planned and run as a batch job does. ``delete``: rows marked in deletion
vectors, as a row-level delete leaves them.
"""

from __future__ import annotations

import tempfile

import jpype


def images(p, columns, rows, how, text_bytes=8):
    """The image of each row, as hex text."""
    as_list = jpype.java.util.Arrays.asList
    fields = [p.P.types.DataField(i, n, p.java_type(t)) for i, (n, t) in enumerate(columns)]
    row_type = p.P.types.RowType(as_list(fields))
    names = as_list([n for n, _ in columns])
    if how == "zorder":
        indexer = p.P.sort.zorder.ZIndexer(row_type, names, text_bytes)
    else:
        indexer = p.P.sort.hilbert.HilbertIndexer(row_type, names)
    indexer.open()
    types = [t for _, t in columns]
    return [bytes(b & 255 for b in indexer.index(p.V.row(row, types))).hex() for row in rows]


def _committed(p, name, table, messages):
    builder = table.newStreamWriteBuilder().withCommitUser("java")
    commit = builder.newCommit()
    try:
        number = p.ids[name] = p.ids.get(name, 0) + 1
        commit.commit(number, jpype.java.util.ArrayList(messages))
    finally:
        commit.close()


def compact(p, name):
    """One round of the coordinator; how many files each task took."""
    table = p.table(name)
    coordinator = p.P.append.AppendCompactCoordinator(table, False)
    write = table.store().newWrite("java")
    write.withIOManager(p.P.disk.IOManager.create(tempfile.gettempdir()))
    tasks = list(coordinator.run())
    try:
        messages = [task.doCompact(table, write) for task in tasks]
    finally:
        write.close()
    if messages:
        _committed(p, name, table, messages)
    return [len(task.compactBefore()) for task in tasks]


def delete(p, name, every):
    """Delete rows ``n`` with ``n % every == 0`` of all data files; how many vectors that makes."""
    table = p.table(name)
    d = p.P.deletionvectors
    handler = table.store().newIndexFileHandler()
    snapshot = table.snapshotManager().latestSnapshot()
    bucketed = int(table.coreOptions().bucket()) > 0
    maintainers = {}
    count = 0
    for entry in table.store().newScan().plan().files():
        place = (str(entry.partition()), int(entry.bucket()))
        if place not in maintainers:
            base = d.append.BaseAppendDeleteFileMaintainer
            if bucketed:
                made = base.forBucketedAppend(handler, snapshot, entry.partition(), entry.bucket())
            else:
                made = base.forUnawareAppend(handler, snapshot, entry.partition())
            maintainers[place] = made, entry
        vector = d.BitmapDeletionVector()
        for row in range(0, int(entry.file().rowCount()), every):
            vector.delete(row)
        maintainers[place][0].notifyNewDeletionVector(entry.file().fileName(), vector)
        count += 1
    messages = [_index_message(p, table, *made) for made in maintainers.values()]
    _committed(p, name, table, messages)
    return count


def _index_message(p, table, maintainer, entry):
    empty = jpype.java.util.Collections.emptyList()
    new, gone = jpype.java.util.ArrayList(), jpype.java.util.ArrayList()
    for change in maintainer.persist():
        added = str(change.kind()) == "ADD"
        (new if added else gone).add(change.indexFile())
    increment = p.P.io.DataIncrement(empty, empty, empty, new, gone)
    nothing = p.P.io.CompactIncrement.emptyIncrement()
    message = p.P.table.sink.CommitMessageImpl
    total = table.coreOptions().bucket()
    return message(entry.partition(), entry.bucket(), total, increment, nothing)


OPERATIONS = {"images": images, "compact": compact, "delete": delete}


def run(p, name, what, **arguments):
    """One of the operations; `name` is the table where it needs one."""
    if what == "images":
        return images(p, **arguments)
    return OPERATIONS[what](p, name, **arguments)
