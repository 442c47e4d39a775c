"""Java's own expiry, tags and branches on a table."""

from __future__ import annotations

import jpype


def run(p, name: str, what: str, **arguments):
    """One of the verbs below."""
    return VERBS[what](p, p.table(name), **arguments)


def _expire(p, table, *, keep, time_ms, limit, now_ms, changes=None):
    """How many snapshots Java expires at a moment, and then changes where they have limits."""
    span = jpype.java.time.Duration.ofMillis
    config = p.P.options.ExpireConfig.builder()
    config.snapshotRetainMin(keep[0]).snapshotRetainMax(keep[1]).snapshotMaxDeletes(limit)
    config.snapshotTimeRetain(span(time_ms))
    if changes:
        number = jpype.java.lang.Integer
        config.changelogRetainMin(number(changes[0])).changelogRetainMax(number(changes[1]))
        config.changelogTimeRetain(span(time_ms)).changelogMaxDeletes(number(limit))
    expire = table.newExpireSnapshots()
    clock = {"get": lambda: jpype.java.lang.Long(now_ms)}
    expire.setCurrentTimeMillis(jpype.JProxy("java.util.function.Supplier", dict=clock))
    chosen = config.build()
    gone = int(expire.config(chosen).expire())
    if chosen.isChangelogDecoupled():
        table.newExpireChangelog().config(chosen).expire()  # by the time of this machine
    return gone


def _tag(p, table, *, tag, snapshot):
    table.createTag(tag, snapshot)


def _untag(p, table, *, tag):
    table.deleteTag(tag)


def _branch(p, table, *, branch, tag):
    table.createBranch(branch, tag)


def _orphans(p, table, *, before_ms):
    """Names of the files that Java's clean-up takes."""
    clean = p.P.operation.LocalOrphanFilesClean(table, before_ms)
    return sorted(str(path.getName()) for path in clean.clean().getDeletedFilesPath())


VERBS = {
    "expire": _expire,
    "tag": _tag,
    "untag": _untag,
    "branch": _branch,
    "orphans": _orphans,
}
