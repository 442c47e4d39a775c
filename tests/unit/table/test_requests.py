"""What a table asks of the storage: counted, and never a listing."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support.builders import append_table, keyed_table, metered, rows, store_of, stored

# the snapshot and a look for its successor, in one round
PROBE = {"get": 2}
FORBIDDEN = {"list", "has_folder", "make_folder", "rename_folder", "delete_folder"}


def spent_by(spent, **more):
    """Asserts the requests of a block: a probe for the latest state, and what is named."""
    verbs = dict(PROBE)
    for verb, count in more.items():
        verbs[verb] = verbs.get(verb, 0) + count
    assert spent[0].verbs == verbs


def opened(table):
    """The table by its path, with caches and counters of its own."""
    return ts.open_table(table.path)


@pytest.fixture(params=["primary key", "append"])
def table(request):
    make = keyed_table if request.param == "primary key" else append_table
    bucket = "1" if request.param == "primary key" else "-1"
    made = make(bucket=bucket, write_only="true")
    for n in range(3):
        with made.batch() as batch:
            batch.write(rows(range(10 * n, 10 * n + 5)))
    return made


def test_opening_asks_for_latest_and_the_first_two_schemas_at_once(table):
    spent = store_of(opened(table)).snapshot()
    assert (spent.verbs, spent.rounds) == ({"get": 3}, 1)


def test_planning_a_read_takes_one_request_a_manifest_and_two_for_the_lists(table):
    fresh = opened(table)
    with metered(fresh) as spent:
        assert len(fresh.files()) == 3
    spent_by(spent, get=2 + 3)
    assert spent[0].rounds == 3


def test_a_read_opens_each_file_once(table):
    fresh = opened(table)
    fresh.files()
    with metered(fresh) as spent:
        assert len(stored(fresh)) == 15
    spent_by(spent, open_read=3)


def test_a_warm_write_creates_a_file_a_manifest_two_lists_the_snapshot_and_the_hint(table):
    with table.batch() as batch:
        batch.write(rows([1]))
    with metered(table) as spent, table.batch() as batch:
        batch.write(rows([2]))
    # no probe: the commit builds on the known tip; then LATEST twice and EARLIEST
    verbs = {"open_write": 1, "put": 3 + 1, "put_if_absent": 1, "get": 2}
    assert spent[0].verbs == verbs
    assert spent[0].total == 8


def test_warm_writes_cost_the_same_however_many_came_before(table):
    def cost():
        with metered(table) as spent, table.batch() as batch:
            batch.write(rows([7]))
        return spent[0].total

    early = [cost() for _ in range(3)]
    late = [cost() for _ in range(9)][-3:]
    assert max(late) <= max(early)


def test_a_first_write_to_an_open_table_lists_nothing(table):
    fresh = opened(table)
    with metered(fresh) as spent, fresh.batch() as batch:
        batch.write(rows([3]))
    assert FORBIDDEN.isdisjoint(spent[0].verbs)


def test_every_verb_on_an_existing_table_works_without_a_listing(table):
    fresh = opened(table)
    with metered(fresh) as spent:
        fresh.at(snapshot=2).to_arrow(limit=1)
        fresh.to_arrow(where="id = 3", columns=["v"])
        fresh.explain("id > 3")
        if fresh.primary_key:
            fresh.delete(keys=[3])
        fresh.overwrite(rows([1]))
        fresh.truncate()
        assert fresh.snapshot_id is not None
    assert FORBIDDEN.isdisjoint(spent[0].verbs)


def test_the_result_of_a_commit_tells_its_requests(table):
    with table.batch() as batch:
        batch.write(rows([3]))
    assert batch.result.requests.total == sum(batch.result.requests.verbs.values()) > 3
    assert batch.result.requests["list"] == 0


def test_a_read_that_needs_no_file_opens_none(table):
    with metered(table) as spent:
        assert table.to_arrow(where="id > 1000").num_rows == 0
        assert table.to_arrow(limit=0).num_rows == 0
    assert spent[0]["open_read"] == 0


def test_a_limit_stops_opening_files():
    table = append_table()
    for n in range(5):
        table.append(rows([n]))
    with metered(table) as spent:
        assert table.to_arrow(limit=2).num_rows == 2
    assert spent[0]["open_read"] == 2


def test_the_first_commit_of_a_process_lists_nothing_however_long_the_history():
    table = keyed_table(bucket=1)
    for n in range(15):  # more than snapshot.num-retained.min: some may have to go
        table.upsert(rows([n]))
    fresh = ts.open_table(table.path)
    store = store_of(fresh)
    before = store.snapshot()
    fresh.upsert(rows([99]))
    assert store.since(before)["list"] == 0
