"""What an operation asks of an S3 server, counted by the meter and on the wire alike."""

from __future__ import annotations

import uuid

import pytest

import tablestore as ts
from tests.support.builders import metered
from tests.support.fake_s3 import FakeS3


@pytest.fixture
def server():
    with FakeS3() as fake:
        yield fake


@pytest.fixture
def table(server):
    lake = ts.connect(f"s3://b{uuid.uuid4().hex}/x", storage_options=server.options)
    columns = {"id": "BIGINT NOT NULL", "v": "STRING"}
    options = {"bucket": "1", "write-only": "true"}
    made = lake.create_table("shop.o", columns, primary_key="id", options=options)
    made.upsert([{"id": 1, "v": "a"}])
    return made


def test_a_warm_upsert_of_one_bucket_takes_eight_requests(server, table):
    server.seen.clear()
    with metered(table) as spent:
        table.upsert([{"id": 2, "v": "b"}])
    assert spent[0].total == len(server.seen) == 8
    # the file, its manifest, two lists, the snapshot; LATEST read and written; EARLIEST
    assert server.methods() == ["PUT"] * 5 + ["GET", "PUT", "GET"]


def test_opening_and_planning_lists_nothing_and_grows_by_the_manifests_only(server, table):
    for commits in (1, 3):
        server.seen.clear()
        opened = ts.open_table(table.path, storage_options=server.options)
        with metered(opened) as spent:
            assert len(opened.files()) == commits
        # opening: LATEST and two schemas; planning: the snapshot and a look for its successor,
        # two lists, the manifests, each in one round
        assert (spent[0].total, spent[0].rounds) == (4 + commits, 3)
        assert len(server.seen) == 3 + 4 + commits
        assert not [seen for seen in server.seen if "list-type" in seen.query]
        if commits == 1:
            for n in (2, 3):
                table.upsert([{"id": n, "v": "b"}])


def test_a_warm_read_takes_a_look_for_news_and_the_files(server, table):
    assert table.to_arrow().num_rows == 1
    server.seen.clear()
    assert table.to_arrow().num_rows == 1
    # the snapshot, a look for its successor, and the file, which is small: in one piece
    assert server.methods() == ["GET"] * 3
