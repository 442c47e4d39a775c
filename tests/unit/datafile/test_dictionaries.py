"""Text columns of few values pass from file to file as dictionaries."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.dictionaries import (
    dictionary_type,
    fitted,
    joined,
    plain,
    small_dictionaries,
    text_columns,
)
from tablestore.datafile.layout import file_schema
from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.datafile.parquet_writer import ParquetWriter
from tablestore.format.stats import column_stats
from tablestore.types.model import AtomicType, DataField

TEXT = AtomicType("VARCHAR", 2_147_483_647)
FIELDS = (DataField(0, "id", AtomicType("BIGINT")), DataField(1, "mode", TEXT))
MODES = ["air", None, "rail", "ship", "air"] * 200


def stored(modes, **options):
    sink = pa.BufferOutputStream()
    rows = pa.table({"id": pa.array(range(len(modes)), pa.int64()), "mode": modes})
    pq.write_table(rows, sink, **options)
    return pa.BufferReader(sink.getvalue())


def read(source, **given):
    reader = ParquetReader(source, "a")
    return pa.Table.from_batches(reader.batches(FIELDS, dictionaries={"mode"}, **given))


def test_a_small_dictionary_is_passed_on():
    found = read(stored(pa.array(MODES), row_group_size=300), batch_rows=128)
    assert found.schema.field("mode").type == dictionary_type(pa.string())
    assert found["mode"].to_pylist() == MODES


@pytest.mark.parametrize("options", [{"use_dictionary": False}, {"use_dictionary": ["id"]}])
def test_plain_pages_stay_plain(options):
    found = read(stored(pa.array(MODES), **options))
    assert found.schema.field("mode").type == pa.string()
    assert found["mode"].to_pylist() == MODES


def test_a_large_dictionary_stays_plain():
    texts = pa.array([f"{number * 7919:x}-{number}" for number in range(40_000)])
    found = read(stored(texts, dictionary_pagesize_limit=1 << 24))
    assert found.schema.field("mode").type == pa.string()
    assert found["mode"].to_pylist() == texts.to_pylist()


def test_what_is_no_text_or_not_there_has_no_dictionary():
    metadata = pq.read_metadata(stored(pa.array(MODES)))
    assert small_dictionaries(metadata, ["id", "mode", "gone"], [0]) == ["mode"]
    assert text_columns(FIELDS) == {"mode"}


def test_dictionaries_are_joined_and_others_made_plain():
    one, two = pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()
    both = joined([one, two])
    assert both.type == one.type
    assert plain(both).to_pylist() == ["a", "b", "c", "a"]
    assert joined([one, pa.array(["z"])]).equals(pa.array(["a", "b", "z"]))
    assert fitted(pa.array(["a", "a"]), one.type).to_pylist() == ["a", "a"]


def test_statistics_are_of_the_values_that_occur():
    array = pa.DictionaryArray.from_arrays(
        pa.array([1, None, 2], pa.int32()), pa.array(["0", "b", "c", "d"])
    )
    assert column_stats(array, TEXT) == ("b", "c", 1)


@pytest.mark.parametrize("first", ["dictionary", "plain"])
def test_a_file_takes_both_forms_whatever_its_first_rows_are(first):
    schema = file_schema(FIELDS)
    ids = pa.array(range(len(MODES)), pa.int64())
    forms = {"plain": pa.array(MODES), "dictionary": pa.array(MODES).dictionary_encode()}
    batches = {
        name: pa.RecordBatch.from_arrays([ids, column], names=["id", "mode"])
        for name, column in forms.items()
    }
    sink = io.BytesIO()
    writer = ParquetWriter(sink, schema, sample=batches[first])
    writer.write(batches[first])
    for batch in batches.values():
        writer.write(batch)
    writer.close()
    file = pq.ParquetFile(pa.BufferReader(sink.getvalue()))
    assert file.schema_arrow.field("mode").type == pa.string()
    assert file.read()["mode"].to_pylist() == MODES * 3
    for group in range(3):
        statistics = file.metadata.row_group(group).column(1).statistics
        assert (statistics.min, statistics.max, statistics.null_count) == ("air", "ship", 200)
