"""What the store makes of an S3 server's answers, and of answers that do not come."""

from __future__ import annotations

import datetime as dt
import itertools

import pyarrow as pa
import pytest

from tablestore.errors import NotFoundError, StorageUnavailableError
from tablestore.store.metered import Metered
from tablestore.store.s3 import S3Store
from tablestore.store.s3_client import Patience, S3Client
from tablestore.store.s3_options import S3Options
from tablestore.store.s3_write import PART_BYTES
from tests.support.fake_s3 import DROPPED, KEY, LOST, SECRET, FakeS3

QUICK = Patience(tries=3, wait_seconds=0.001)
SNAPSHOT = "t/snapshot/snapshot-1"


@pytest.fixture
def server():
    with FakeS3() as fake:
        yield fake


def store_at(server, **more):
    options = S3Options.parse({**server.options, **more})
    return Metered(S3Store("bucket/t", options, S3Client(options, QUICK)))


@pytest.fixture
def store(server):
    made = store_at(server)
    made.head("warm")  # the first contact has rules of its own
    server.seen.clear()
    return made


def once(fault, *, method=None):
    """Gives a fault to the first request (of a method), and none to those that follow."""
    turns = itertools.count()

    def script(seen):
        return fault if method in (None, seen.method) and next(turns) == 0 else None

    return script


def always(fault):
    return lambda seen: fault


# -- the conditional PUT ---------------------------------------------------------------------------


def test_a_create_is_one_conditional_put_in_one_part(server, store):
    assert store.put_if_absent("snapshot/snapshot-1", bytes(3 * PART_BYTES)) is True
    assert store.put_if_absent("snapshot/snapshot-1", b"other") is False
    assert [(s.method, s.key, s.headers["if-none-match"]) for s in server.seen] == [
        ("PUT", SNAPSHOT, "*"),
        ("PUT", SNAPSHOT, "*"),
    ]
    assert len(server.objects[SNAPSHOT]) == 3 * PART_BYTES


@pytest.mark.parametrize(
    "fault",
    [
        *((409, "ConditionalRequestConflict"), (500, "InternalError"), (503, "SlowDown")),
        *((429, "TooManyRequests"), (400, "RequestTimeout"), LOST, DROPPED),
    ],
)
def test_a_create_is_never_repeated_and_its_outcome_stays_open(server, store, fault):
    server.fault = always(fault)
    with pytest.raises(StorageUnavailableError, match="cannot create s3://bucket/t") as caught:
        store.put_if_absent("snapshot/snapshot-1", b"mine")
    assert server.methods() == ["PUT"]
    assert "landed" not in caught.value.detail
    assert (SNAPSHOT in server.objects) == (fault == LOST)


@pytest.mark.parametrize("fault", [(403, "AccessDenied"), (404, "NoSuchBucket"), (405, "No")])
def test_a_refused_create_did_certainly_not_land(server, store, fault):
    server.fault = always(fault)
    with pytest.raises(StorageUnavailableError) as caught:
        store.put_if_absent("snapshot/snapshot-1", b"mine")
    assert caught.value.detail["landed"] is False


def test_a_server_without_conditional_puts_is_refused_by_name(server, store):
    server.fault = always((501, "NotImplemented"))
    with pytest.raises(ValueError, match="does not know conditional writes"):
        store.put_if_absent("snapshot/snapshot-1", b"mine")


# -- what may be done twice ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [(500, "InternalError"), (503, "SlowDown"), LOST, DROPPED])
def test_what_may_be_done_twice_is_repeated_and_counted(server, store, fault):
    calls = {
        "put": lambda: store.put("x", b"12345"),
        "get": lambda: store.get("x"),
        "get_range": lambda: store.get_range("x", 1, 2),
        "head": lambda: store.head("x"),
        "list": lambda: list(store.list()),
        "delete": lambda: store.delete("x"),
    }
    for verb, call in calls.items():
        server.fault, mark = once(fault), store.snapshot()
        call()
        assert dict(store.since(mark).verbs) == {verb: 2}
    assert len(server.seen) == 2 * len(calls)
    assert not server.objects


def test_what_fails_on_and_on_ends_after_a_few_tries(server, store):
    server.fault = always((503, "SlowDown"))
    with pytest.raises(StorageUnavailableError, match=r"cannot read s3://bucket/t/x: .*503"):
        store.get("x")
    assert len(server.seen) == 3


def test_a_refusal_is_not_repeated(server, store):
    server.keys = {"another"}
    with pytest.raises(StorageUnavailableError, match="wrong credentials") as caught:
        store.get("x")
    assert len(server.seen) == 1
    assert KEY not in str(caught.value) + str(caught.value.detail)


def test_a_missing_object_costs_one_request_and_no_listing(server, store):
    assert store.head("nothing") is None
    with pytest.raises(NotFoundError, match="s3://bucket/t/nothing does not exist"):
        store.get("nothing")
    assert server.methods() == ["HEAD", "GET"]


def test_a_missing_bucket_is_not_taken_for_a_missing_object(server, store):
    server.fault = always((404, "NoSuchBucket"))
    with pytest.raises(StorageUnavailableError, match="there is no bucket bucket"):
        store.get("x")


def test_a_range_beyond_the_end_is_empty(server, store):
    store.put("x", b"123")
    assert store.get_range("x", 3, 5) == b""
    assert store.get_range("x", 0, 0) == b""


# -- the meter and the wire ------------------------------------------------------------------------


def test_every_request_on_the_wire_is_counted(server, store):
    server.page = 2
    mark = store.snapshot()
    for n in range(5):
        store.put(f"a/{n}", b"x")
    assert len(list(store.list("a"))) == 5
    store.get_many(["a/1", "a/9"])
    store.rename_folder("a", "b")
    assert store.has_folder("b")
    store.delete_folder("b")
    stream = store.open_write("big")
    stream.write(bytes(2 * PART_BYTES + 5))
    stream.close()
    spent = store.since(mark)
    # the two verbs on a folder are counted beside the requests that they make
    folders = spent["rename_folder"] + spent["delete_folder"]
    lists = server.methods().count("GET") - 2 - 1  # less the two objects and has_folder
    assert spent.total - folders + (lists - spent["list"]) == len(server.seen)


def test_a_small_file_is_one_put_and_a_large_one_comes_in_equal_parts(server, store):
    small, large = store.open_write("small"), store.open_write("large")
    small.write(b"1")
    small.write(memoryview(pa.array([1, 2], pa.int64()).buffers()[1]))
    small.close()
    assert server.methods() == ["PUT"]
    assert len(server.objects["t/small"]) == 17
    data = bytes(range(256)) * (PART_BYTES // 256 * 5 // 2)
    for at in range(0, len(data), 1 << 20):
        large.write(data[at : at + (1 << 20)])
    assert "t/large" not in server.objects
    large.close()
    assert server.objects["t/large"] == data
    assert server.methods()[1:] == ["POST", "PUT", "PUT", "PUT", "POST"]


def test_a_part_that_fails_is_sent_again_and_a_lost_last_answer_is_settled(server, store):
    data = bytes(PART_BYTES + 1)
    for fault in (once(DROPPED, method="PUT"), lambda seen: last_post(seen)):
        asked = itertools.count()

        def last_post(seen, asked=asked):
            ends = seen.method == "POST" and "uploadId" in seen.query
            return LOST if ends and next(asked) == 0 else None

        server.objects.clear()
        server.fault = fault
        stream = store.open_write("x")
        stream.write(data)
        stream.close()
        assert server.objects["t/x"] == data


def test_an_upload_that_fails_is_taken_back(server, store):
    server.fault = lambda seen: (403, "AccessDenied") if "partNumber" in seen.query else None
    stream = store.open_write("x")
    with pytest.raises(StorageUnavailableError, match="cannot write s3://bucket/t/x"):
        stream.write(bytes(5 * PART_BYTES))
    stream.abort()
    assert not server.uploads
    assert not server.objects


# -- folders ---------------------------------------------------------------------------------------


def test_a_table_gets_its_schema_last_and_loses_it_first(server, store):
    for key in ("a/t/schema/schema-0", "a/t/bucket-0/x", "a/t/snapshot/snapshot-1"):
        store.put(key, b"1")
    server.seen.clear()
    store.rename_folder("a/t", "a/u")
    moved = [(s.method, s.key) for s in server.seen if s.method != "GET"]
    assert moved.index(("PUT", "t/a/u/schema/schema-0")) == 2
    assert moved[3] == ("DELETE", "t/a/t/schema/schema-0")
    assert len(server.objects) == 3


def test_folders_that_a_server_keeps_are_removed_from_the_bottom_up(server, store):
    for key in ("db/t/a/b/x", "db/t/a/y", "db/other/z"):
        store.put(key, b"1")
    for folder in ("db", "db/t", "db/t/a", "db/t/a/b"):
        server.objects[f"t/{folder}/"] = b""
    server.seen.clear()
    store.delete_folder("db/t")
    deleted = [seen.key for seen in server.seen if seen.method == "DELETE"]
    assert deleted[2:] == ["t/db/t/a/b/", "t/db/t/a/", "t/db/t/"]
    assert set(server.objects) == {"t/db/other/z", "t/db/"}


# -- credentials that change -----------------------------------------------------------------------


def renewing(server, fresh):
    options = S3Options.parse({"endpoint_url": server.endpoint, "credentials": fresh})
    return S3Store("bucket/t", options, S3Client(options, QUICK))


def test_credentials_are_asked_for_anew_when_the_server_says_they_ended(server):
    asked = []

    def fresh():
        asked.append(1)
        later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        token = f"token-{len(asked)}"
        return {"key": KEY, "secret": SECRET, "token": token, "expires_at": later}

    server.tokens, server.objects["t/x"] = {"token-2"}, b"1"
    store = renewing(server, fresh)
    assert store.get("x") == b"1"
    assert [seen.headers["x-amz-security-token"] for seen in server.seen] == ["token-1", "token-2"]
    assert store.head("x").size == 1
    assert len(asked) == 2
    server.tokens = set()
    with pytest.raises(StorageUnavailableError, match="ExpiredToken"):
        store.get("x")
    assert len(asked) == 2 + QUICK.tries - 1


def test_credentials_that_are_about_to_end_are_renewed_before_a_request(server):
    asked = []

    def fresh():
        asked.append(1)
        return {"key": KEY, "secret": SECRET, "expires_at": 1_000_000 + len(asked)}

    store = renewing(server, fresh)
    store.head("x")
    before = len(asked)
    store.head("x")
    assert len(asked) > before


@pytest.mark.parametrize("given", [None, {"key": "zzzz"}, {"secret": "zzzz"}, "zzzz", 7])
def test_a_function_that_gives_no_credentials_is_named(server, given):
    store = renewing(server, lambda: given)
    with pytest.raises(ValueError, match="must return a mapping") as caught:
        store.head("x")
    assert "zzzz" not in str(caught.value)


def test_a_function_that_fails_is_an_error_of_the_storage(server):
    def broken():
        raise RuntimeError("zzzz")

    store = renewing(server, broken)
    with pytest.raises(StorageUnavailableError, match="gives credentials failed: RuntimeError"):
        store.put_if_absent("x", b"")
