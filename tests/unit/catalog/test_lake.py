"""A warehouse folder as a catalog of databases and tables."""

from __future__ import annotations

import threading
import uuid

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from tests.support.builders import rows, stored


@pytest.fixture(params=["local", "memory"])
def lake(request, tmp_path):
    return ts.connect(
        str(tmp_path / "lake") if request.param == "local" else f"memory://{tmp_path}"
    )


def test_an_empty_lake_has_nothing(lake):
    assert lake.databases() == []
    assert lake.tables() == []


def test_databases_come_and_go(lake):
    lake.create_database("b")
    lake.create_database("a")
    assert lake.databases() == ["a", "b"]
    with pytest.raises(AlreadyExistsError, match="a exists"):
        lake.create_database("a")
    lake.create_database("a", if_not_exists=True)
    lake.drop_database("a")
    assert lake.databases() == ["b"]
    with pytest.raises(NotFoundError):
        lake.drop_database("a")
    lake.drop_database("a", if_exists=True)


def test_a_database_with_tables_is_dropped_only_with_them(lake):
    lake.create_table("shop.t", {"id": "INT"})
    with pytest.raises(InvalidInputError, match="cascade"):
        lake.drop_database("shop")
    assert lake.tables() == ["shop.t"]
    lake.drop_database("shop", cascade=True)
    assert lake.databases() == []


def test_tables_come_with_their_database_and_go(lake):
    lake.create_table("shop.b", {"id": "INT"})
    lake.create_table("shop.a", {"id": "INT"})
    lake.create_table("other.c", {"id": "INT"})
    assert lake.tables("shop") == ["shop.a", "shop.b"]
    assert lake.tables() == ["other.c", "shop.a", "shop.b"]
    lake.drop_table("shop.a")
    assert lake.tables("shop") == ["shop.b"]
    lake.drop_table("shop.a", if_exists=True)
    with pytest.raises(NotFoundError):
        lake["shop.a"]


def test_a_renamed_table_keeps_its_rows_and_history(lake):
    table = lake.create_table(
        "shop.old", {"id": "BIGINT NOT NULL", "v": "STRING"}, primary_key="id"
    )
    table.upsert(rows([1]))
    lake.rename_table("shop.old", "archive.new")
    moved = lake["archive.new"]
    assert stored(moved) == {1: "1"}
    assert moved.snapshot_id == 1
    assert lake.tables() == ["archive.new"]
    moved.upsert(rows([2]))
    assert set(stored(moved)) == {1, 2}


def test_a_rename_never_replaces_a_table(lake):
    for name in ("shop.a", "shop.b"):
        lake.create_table(name, {"id": "INT"})
    with pytest.raises(AlreadyExistsError):
        lake.rename_table("shop.a", "shop.b")
    with pytest.raises(NotFoundError):
        lake.rename_table("shop.c", "shop.d")
    assert lake.tables() == ["shop.a", "shop.b"]


def test_a_table_can_be_made_like_data(lake):
    data = pa.table({"id": pa.array([1], pa.int16()), "tags": [["a"]], "f": pa.array([1.5])})
    table = lake.create_table("shop.t", like=data)
    assert table.columns == {"id": "SMALLINT", "tags": "ARRAY<STRING>", "f": "DOUBLE"}
    table.append(data)
    assert table.to_arrow().to_pylist() == data.to_pylist()
    with pytest.raises(InvalidInputError, match="exactly one"):
        lake.create_table("shop.u", {"id": "INT"}, like=data)


def test_what_a_table_was_made_with_is_told_again(lake):
    table = lake.create_table(
        "shop.t",
        {"id": "BIGINT NOT NULL COMMENT 'the key'", "dt": "STRING"},
        primary_key=["id", "dt"],
        partition_by="dt",
        options={"bucket": 4, "write-only": True},
        comment="orders",
    )
    again = ts.open_table(table.path)
    assert again.name == table.name == "shop.t"
    assert again.primary_key == ("id", "dt")
    assert again.partition_by == ("dt",)
    assert again.options["bucket"] == "4"
    assert again.options["write-only"] == "true"
    assert again.comment == "orders"
    assert again.schema.field("id").metadata == {b"comment": b"the key"}
    assert not again.schema.field("dt").nullable


def test_two_that_create_one_table_agree_on_it(lake):
    made, errors = [], []

    def create(kind):
        try:
            made.append(lake.create_table("shop.t", {"id": kind}))
        except AlreadyExistsError as error:
            errors.append(error)

    threads = [threading.Thread(target=create, args=(k,)) for k in ("INT", "BIGINT") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(errors) == 7
    assert lake["shop.t"].columns == made[0].columns


def test_other_files_in_a_warehouse_are_no_tables(tmp_path):
    lake = ts.connect(str(tmp_path))
    lake.create_table("shop.t", {"id": "INT"})
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "shop.db" / "no_table").mkdir()
    assert lake.databases() == ["shop"]
    assert lake.tables() == ["shop.t"]


@pytest.mark.parametrize("word", ["s3.secret-key", "AWS_SECRET_ACCESS_KEY", "fs.s3.accessKeyId"])
def test_a_table_takes_no_secrets_of_its_storage(word):
    lake = ts.connect(f"memory://{uuid.uuid4().hex}")
    with pytest.raises(InvalidInputError, match="option of the storage") as caught:
        lake.create_table("shop.o", {"id": "BIGINT"}, options={word: "zzzz"})
    assert "zzzz" not in str(caught.value) + repr(caught.value.detail)
    assert lake.tables() == []
