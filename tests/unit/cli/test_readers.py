"""Claims about files and standard input as a stream of batches in a table's types."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.cli import read_csv, read_jsonl
from tablestore.cli.reader import open_source
from tablestore.cli.source import Source, guess_format
from tablestore.errors import InvalidInputError, NotFoundError

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("name", pa.string()),
        ("amount", pa.decimal128(10, 2)),
    ]
)


def read(path: Path | str, **options) -> pa.Table:
    form = options.pop("format", None)
    schema = options.pop("schema", SCHEMA)
    source = Source(str(path), guess_format(str(path), form), schema=schema, **options)
    with open_source(source) as reader:
        table = reader.read_all()
    assert source.rows == table.num_rows
    return table


def refusal(path: Path | str, **options) -> str:
    with pytest.raises(InvalidInputError) as caught:
        read(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


# -- CSV ---------------------------------------------------------------------------------


def test_csv_is_read_with_the_types_of_the_table(tmp_path: Path):
    path = written(tmp_path, "a.csv", 'amount,id,name\n1.5,7,007\n,8,\n2,9,""\n')
    found = read(path)
    assert found.schema.field("amount").type == pa.decimal128(10, 2)
    assert found["name"].to_pylist() == ["007", None, ""]
    assert [str(value) for value in found["amount"].to_pylist()] == ["1.50", "None", "2.00"]


def test_text_that_often_means_null_stays_text_unless_it_is_named(tmp_path: Path):
    path = written(tmp_path, "a.csv", "id,name\n1,NA\n2,null\n")
    assert read(path)["name"].to_pylist() == ["NA", "null"]
    assert read(path, nulls=["NA"])["name"].to_pylist() == [None, "null"]


def test_a_csv_cell_that_does_not_fit_is_named_by_column_and_row(tmp_path: Path):
    path = written(tmp_path, "a.csv", "id,name\n1,x\nseven,y\n")
    text = refusal(path)
    assert text == f"{path}: column 'id', row 3: expected int64, found 'seven'"


def test_a_bad_cell_far_into_a_csv_stream_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(read_csv, "BLOCK_BYTES", 64)
    path = written(tmp_path, "a.csv", "id,name\n" + "1,x\n" * 500 + "oops,y\n")
    assert "column 'id', row 502" in refusal(path)


def test_a_csv_column_that_the_table_lacks_is_refused_with_the_nearest_name(tmp_path: Path):
    path = written(tmp_path, "a.csv", "id,nmae\n1,x\n")
    assert "column 'nmae' is not in the table (did you mean 'name'?)" in refusal(path)


def test_csv_cannot_hold_lists(tmp_path: Path):
    schema = pa.schema([("id", pa.int64()), ("tags", pa.list_(pa.string()))])
    path = written(tmp_path, "a.csv", "id,tags\n1,x\n")
    assert "which CSV cannot hold" in refusal(path, schema=schema)


def test_an_empty_csv_file_is_one_sentence(tmp_path: Path):
    assert "Empty CSV file" in refusal(written(tmp_path, "a.csv", ""))


def test_compressed_text_is_read_by_its_inner_extension(tmp_path: Path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id,name\n1,x\n"))
    assert read(path)["id"].to_pylist() == [1]


# -- JSON lines --------------------------------------------------------------------------


def test_jsonl_takes_its_columns_from_the_first_line(tmp_path: Path):
    path = written(tmp_path, "a.jsonl", '{"id": 1, "name": "x"}\n\n{"id": 2}\n')
    found = read(path)
    assert found.column_names == ["id", "name"]
    assert found["name"].to_pylist() == ["x", None]


def test_sparse_jsonl_has_every_column_of_the_table(tmp_path: Path):
    path = written(tmp_path, "a.jsonl", '{"id": 1}\n{"id": 2, "amount": "1.25"}\n')
    found = read(path, sparse=True)
    assert found.column_names == ["id", "name", "amount"]
    assert found["amount"].null_count == 1


def test_a_jsonl_value_that_does_not_fit_is_named_by_column_and_row(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(read_jsonl, "BLOCK_BYTES", 64)
    lines = [f'{{"id": {n}, "name": "x"}}\n' for n in range(100)]
    lines[70] = '{"id": 70, "name": 5}\n'
    path = written(tmp_path, "a.jsonl", "".join(lines))
    assert refusal(path) == f"{path}: column 'name', row 71: expected string, found 5"


def test_a_jsonl_column_that_appears_late_is_named(tmp_path: Path):
    path = written(tmp_path, "a.jsonl", '{"id": 1}\n{"id": 2, "name": "x"}\n')
    assert "row 2: column 'name' is new" in refusal(path)


@pytest.mark.parametrize("text", ["", "\n", "[1]\n", "{\n", '{"id": 1}\n{"id"\n', '{"id": 1}\n3\n'])
def test_text_that_is_no_json_object_a_line_is_one_sentence(tmp_path: Path, text: str):
    refusal(written(tmp_path, "a.jsonl", text))


def test_jsonl_lines_longer_than_a_block_are_whole(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(read_jsonl, "BLOCK_BYTES", 16)
    path = written(
        tmp_path, "a.jsonl", f'{{"id": 1, "name": "{"x" * 99}"}}\n{{"id": 2, "name": "y"}}'
    )
    assert read(path)["name"].to_pylist() == ["x" * 99, "y"]


# -- Parquet and Arrow, files and pipes ----------------------------------------------------


ROWS = pa.table({"id": [1, 2, 3], "name": ["a", None, "c"]})


def arrow_bytes(writer) -> bytes:
    sink = io.BytesIO()
    with writer(sink, ROWS.schema) as out:
        out.write_table(ROWS)
    return sink.getvalue()


def parquet_bytes() -> bytes:
    sink = io.BytesIO()
    pq.write_table(ROWS, sink)
    return sink.getvalue()


BINARY = {
    "parquet": ("parquet", parquet_bytes),
    "arrow file": ("arrow", lambda: arrow_bytes(pa.ipc.new_file)),
    "arrow stream": ("arrow", lambda: arrow_bytes(pa.ipc.new_stream)),
}


@pytest.mark.parametrize("kind", BINARY)
def test_binary_files_are_read_as_they_are(tmp_path: Path, kind: str):
    form, make = BINARY[kind]
    path = tmp_path / f"a.{form}"
    path.write_bytes(make())
    assert read(path).equals(ROWS)


@pytest.mark.parametrize("kind", BINARY)
def test_binary_input_is_read_from_a_pipe(kind: str, monkeypatch):
    form, make = BINARY[kind]
    pipe = io.BufferedReader(io.BytesIO(make()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
    assert read("-", format=form).equals(ROWS)


def test_csv_is_read_from_a_pipe(monkeypatch):
    pipe = io.BufferedReader(io.BytesIO(b"id,name\n1,x\n"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
    assert read("-", format="csv")["name"].to_pylist() == ["x"]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_garbage_names_the_file_and_the_format(tmp_path: Path, form: str):
    path = tmp_path / f"a.{form}"
    path.write_bytes(b"garbage" * 10)
    assert refusal(path).startswith(f"{path} is no readable {form}: ")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path):
    with pytest.raises(NotFoundError, match="no such file"):
        read(tmp_path / "b.csv")
    (tmp_path / "c.csv").mkdir()
    assert "is a folder" in refusal(tmp_path / "c.csv")


def test_an_unknown_format_is_refused_with_the_choices():
    with pytest.raises(InvalidInputError, match="csv, jsonl, parquet, arrow"):
        guess_format("-", None)
    with pytest.raises(InvalidInputError, match="did you mean 'parquet'"):
        guess_format("a.csv", "parqet")
    assert guess_format("A.JSON.GZ", None) == "jsonl"


def test_the_input_error_survives_arrows_c_stream(tmp_path: Path):
    path = written(tmp_path, "a.csv", "id,name\nx,y\n")
    source = Source(str(path), "csv", schema=SCHEMA)
    with (
        pytest.raises(InvalidInputError, match="column 'id', row 2"),
        open_source(source) as reader,
    ):
        pa.RecordBatchReader.from_stream(reader).read_all()
