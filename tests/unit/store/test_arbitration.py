"""A storage that cannot keep commits apart is found out before anything is written to it."""

from __future__ import annotations

import threading
import time
import uuid

import pytest

import tablestore as ts
from tablestore.cli.main import run
from tablestore.errors import InvalidInputError, StorageUnavailableError
from tablestore.store.arbitration import broken_race, broken_rule, judge
from tablestore.store.memory import MemoryStore
from tests.support.fake_s3 import KEY, SECRET, FakeS3


class TwoSteps(MemoryStore):
    """Looks first and writes then, as versitygw does; all have looked before one writes."""

    def __init__(self, creators):
        super().__init__(uuid.uuid4().hex)
        self.looked = threading.Barrier(creators)

    def put_if_absent(self, key, data):
        absent = self.head(key) is None
        self.looked.wait()
        if absent:
            self.put(key, data)
        return absent


class Doubtful(MemoryStore):
    """Creates, and does not say so."""

    def put_if_absent(self, key, data):
        if super().put_if_absent(key, data):
            raise StorageUnavailableError("409")
        return False


@pytest.fixture
def store():
    return MemoryStore(uuid.uuid4().hex)


def test_a_store_that_arbitrates_is_left_as_it_was(store):
    assert broken_rule(store) is None
    assert broken_race(store, 8) is None
    assert list(store.list("")) == []


def test_a_look_before_the_write_is_no_arbitration():
    assert "4 of 4 creations" in broken_race(TwoSteps(4), 4)


def test_an_answer_that_leaves_it_open_is_settled_by_the_object():
    assert broken_race(Doubtful(uuid.uuid4().hex), 4) is None


@pytest.mark.parametrize(
    ("won", "found", "sentence"),
    [
        ([True, False], b"0", None),
        ([False, None], b"1", None),
        ([True, None], b"0", None),
        ([True, True], b"0", "2 of 2"),
        ([True, False], b"1", "overwritten"),
        ([True, None], b"1", "overwritten"),
        ([False, False], b"1", "none of 2"),
    ],
)
def test_exactly_one_must_win_and_the_object_must_be_its(won, found, sentence):
    said = judge(won, found)
    assert said is None if sentence is None else sentence in said


def test_a_server_that_ignores_the_condition_is_refused_before_the_first_write():
    with FakeS3(conditional=False) as server:
        lake = ts.connect(f"s3://b{uuid.uuid4().hex}/x", storage_options=server.options)
        with pytest.raises(InvalidInputError, match=r"cannot keep commits apart: .*condition is"):
            lake.create_table("shop.o", {"id": "BIGINT"})
        assert server.objects == {}


def test_a_table_on_such_a_server_can_be_read_and_not_written():
    with FakeS3() as server:
        uri = f"s3://b{uuid.uuid4().hex}/x"
        ts.connect(uri, storage_options=server.options).create_table("db.t", {"id": "BIGINT"})
        server.conditional = False
        # as in another process, and with other keys another look is due
        server.keys.add("AKIDOTHER")
        table = ts.open_table(
            f"{uri}/db.db/t", storage_options={**server.options, "key": "AKIDOTHER"}
        )
        before = dict(server.objects)
        with pytest.raises(InvalidInputError, match="cannot keep commits apart"):
            table.append([{"id": 1}])
        assert table.to_arrow().num_rows == 0
        assert server.objects == before


def test_a_server_is_looked_at_once_in_a_process():
    with FakeS3() as server:
        lake = ts.connect(f"s3://b{uuid.uuid4().hex}/x", storage_options=server.options)
        lake.create_table("db.t", {"id": "BIGINT"}).append([{"id": 1}])
        probes = [seen for seen in server.seen if ".arbitration-" in seen.key]
        assert len(probes) == 8
        assert {seen.key for seen in probes} & set(server.objects) == set()


# -- doctor ----------------------------------------------------------------------------------------


def test_a_good_storage_is_called_good_in_time(tmp_path):
    with FakeS3() as server:
        for uri, options in ((f"s3://b/{uuid.uuid4().hex}", server.options), (str(tmp_path), None)):
            began = time.monotonic()
            found = ts.doctor(uri, storage_options=options)
            assert time.monotonic() - began < 10  # five, and the imports on a busy machine
            if options is None:
                assert (found.verdict, found.ok, found.advice) == ("good", True, "")
            names = [finding.name for finding in found.findings]
            assert names[:3] == ["answers", "writes", "latency"]
        # the fake tells a fixed time in the past
        assert server.objects == {}
    assert "python" in found.versions
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_named_with_the_way_out():
    with FakeS3(conditional=False) as server:
        found = ts.doctor("s3://b/x", storage_options=server.options)
        assert found.verdict == "cannot arbitrate"
        assert "use a store that honours If-None-Match" in found.advice
        server.fault = lambda seen: (403, "AccessDenied") if seen.method == "PUT" else None
        assert ts.doctor("s3://b/x", storage_options=server.options).verdict == "not writable"
        server.keys = {"another"}
        assert ts.doctor("s3://b/x", storage_options=server.options).verdict == "unavailable"
    found = ts.doctor("s3://b/x", storage_options={"sekret": "zzzz"})
    assert (found.verdict, found.ok) == ("wrong options", False)


def test_the_command_prints_the_verdict_and_fails_where_tables_cannot_be_kept(tmp_path, capsys):
    assert run(["doctor", str(tmp_path)]) == 0
    assert f"{tmp_path}: good" in capsys.readouterr().out
    with FakeS3(conditional=False) as server:
        options = [p for n, v in server.options.items() for p in ("--storage-option", f"{n}={v}")]
        assert run([*options, "doctor", "s3://b/x", "--json"]) == 1
    told = capsys.readouterr()
    assert '"verdict":"cannot arbitrate"' in told.out.replace('": "', '":"')
    for secret in (KEY, SECRET):
        assert secret not in told.out + told.err
