"""Random histories with tags, branches, consumers and expiry: what stays reads as before."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

import tablestore as ts
from tests.support.builders import append_table, keyed_table, rows
from tests.support.lines import (
    drop_tag,
    expire_now,
    make_branch,
    make_tag,
    on_disk,
    open_branch,
    referenced,
    set_consumer,
    snapshot_ids,
    store_of,
)

EXAMPLES = int(os.environ.get("TABLESTORE_EXPIRE_EXAMPLES", "40"))

KINDS = {
    "keyed": lambda: keyed_table(bucket="2", num_sorted_run__compaction_trigger="2"),
    "vectors": lambda: keyed_table(bucket="1", deletion_vectors__enabled="true"),
    "parts": lambda: keyed_table(
        None,
        {"id": "BIGINT NOT NULL", "v": "STRING NOT NULL"},
        key=("v", "id"),
        by=("v",),
        bucket="1",
        num_sorted_run__compaction_trigger="2",
    ),
    "append": lambda: append_table(bucket="-1", file_index__bloom_filter__columns="v"),
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write"] * 8
            + ["delete", "compact", "compact", "full", "overwrite"]
            + ["tag", "tag", "branch", "branch", "branch write", "branch expire", "consumer"]
            + ["drop tag", "drop branch tags"]
            + ["expire"] * 4
        ),
        st.integers(0, 5),
    ),
    min_size=6,
    max_size=22,
)


class History:
    """A table and what each of its snapshots, tags and branches held when it was made."""

    def __init__(self, kind: str):
        self.table = KINDS[kind]()
        self.held: dict[int, list] = {}
        self.tags: dict[str, list] = {}
        self.branches: dict[str, dict[int, list]] = {}
        self.consumers: dict[str, int] = {}
        self.earliest = 1
        self.leaves_orphans = False

    @property
    def latest(self) -> int:
        return max(self.held, default=0)

    def step(self, what: str, number: int) -> None:
        data = rows(range(number, number + 4), v=["a", "b", "a", "b"])
        before = self.latest
        if what in ("write", "delete") and (what == "write" or not self.table.primary_key):
            write = self.table.upsert if self.table.primary_key else self.table.append
            write(data)
        elif what == "delete":
            keys = [(v, i) if len(self.table.primary_key) > 1 else i for v, i in [("a", number)]]
            self.table.delete(keys=keys)
        elif what in ("compact", "full"):
            self.table.compact(full=what == "full", workers=1)
        elif what == "overwrite":
            self.table.overwrite(data)
        elif self.held:
            getattr(self, f"_{what.replace(' ', '_')}")(number)
        for snapshot_id in range(before + 1, (self.table.snapshot_id or 0) + 1):
            self.held[snapshot_id] = content(self.table.at(snapshot=snapshot_id))

    def _tag(self, number: int) -> None:
        chosen = sorted(self.held)[number % len(self.held)]
        make_tag(self.table, f"t{chosen}", chosen)
        self.tags[f"t{chosen}"] = self.held[chosen]

    def _branch(self, number: int) -> None:
        tags = sorted(self.tags)
        name = f"b{len(self.branches)}"
        if tags:
            tag = tags[number % len(tags)]
            make_branch(self.table, name, tag)
            self.branches[name] = {int(tag[1:]): self.tags[tag]}

    def _drop_tag(self, number: int) -> None:
        names = sorted(self.tags)
        if names:
            name = names[number % len(names)]
            drop_tag(self.table, name)
            del self.tags[name]
            self.leaves_orphans = True

    def _drop_branch_tags(self, number: int) -> None:
        store = store_of(self.table)
        for name in self.branches:
            for info in list(store.list(f"branch/branch-{name}/tag")):
                store.delete(info.key)

    def _branch_write(self, number: int) -> None:
        for name, held in self.branches.items():
            branch = open_branch(self.table, name)
            data = rows([number + 50], v="a")
            (branch.upsert if branch.primary_key else branch.append)(data)
            branch.compact(full=True, workers=1)
            for snapshot_id in range(max(held) + 1, branch.snapshot_id + 1):
                held[snapshot_id] = content(branch.at(snapshot=snapshot_id))

    def _branch_expire(self, number: int) -> None:
        for name, held in self.branches.items():
            keep = number + 1
            expire_now(open_branch(self.table, name), keep=(keep, keep))
            for snapshot_id in sorted(held)[:-keep]:
                del held[snapshot_id]

    def _consumer(self, number: int) -> None:
        following = max(self.latest - number, 1)
        set_consumer(self.table, "bi", following)
        self.consumers["bi"] = following

    def _expire(self, number: int) -> None:
        keep = number + 1
        expire_now(self.table, keep=(keep, keep + 2))
        first = min([self.latest - keep + 1, *self.consumers.values()])
        self.earliest = max(self.earliest, first)
        self.held = {k: v for k, v in self.held.items() if k >= self.earliest}

    def check(self) -> None:
        """What is kept is as it was; and nothing else is on the disk."""
        fresh = ts.open_table(self.table.path)
        assert snapshot_ids(fresh) == sorted(self.held)
        for snapshot_id, held in self.held.items():
            assert content(fresh.at(snapshot=snapshot_id)) == held
        for name, held in self.tags.items():
            assert content(fresh.at(tag=name)) == held
        for name, kept in self.branches.items():
            branch = open_branch(fresh, name)
            assert snapshot_ids(fresh, f"branch/branch-{name}/") == sorted(kept)
            for snapshot_id, held in kept.items():
                assert content(branch.at(snapshot=snapshot_id)) == held


def content(table: ts.Table) -> list:
    return sorted(zip(*table.to_arrow().to_pydict().values(), strict=True))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(sorted(KINDS)), STEPS)
def test_what_is_kept_reads_as_before_and_what_is_left_is_referred_to(kind, steps):
    history = History(kind)
    for what, number in steps:
        history.step(what, number)
        if "expire" in what:
            history.check()
    history.check()
    left = on_disk(history.table)
    assert referenced(history.table) <= left
    # files that only went with a tag, or with the last of two lines that had them, are orphans
    if not history.branches and not history.leaves_orphans:
        assert referenced(history.table) == left
    found = history.table.remove_orphans(older_than="0s", force=True)
    assert found.young + len(found.files) == len(left - referenced(history.table))
    history.check()
