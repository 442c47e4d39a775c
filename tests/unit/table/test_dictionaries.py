"""Reads that give text as dictionaries, and compactions that pass them on."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("mode", pa.string()),
        ("note", pa.string()),
    ]
)
MODES = ["air", "rail", None, "ship"]


def rows(numbers, modes=MODES):
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "mode": [modes[number % len(modes)] for number in numbers],
            "note": [f"note {number * 31}" for number in numbers],
        },
        schema=SCHEMA,
    )


def overlapping(place, **options):
    table = ts.connect(str(place)).create_table(
        "a.t", SCHEMA, primary_key=["id"], options={"bucket": "1", "write-only": "true", **options}
    )
    for start, modes in ((0, MODES), (500, ["tram", "air"]), (250, MODES)):
        table.upsert(rows(range(start, start + 1000), modes))
    table.upsert(rows([5, 6, 7], ["unlike the others " + "x" * 90]))
    return table


def by_id(batches):
    return sorted(
        (row for batch in batches for row in zip(*batch.to_pydict().values(), strict=True)),
        key=lambda row: row[0],
    )


@pytest.mark.parametrize("where", [None, "id < 700", "mode = 'air'", "note > 'note 5'"])
def test_dictionaries_hold_the_same_values(tmp_path, where):
    table = overlapping(tmp_path)
    expected = by_id(table.to_batches(where=where))
    found = list(table.to_batches(where=where, dictionaries=["mode"]))
    assert {batch.schema.field("mode").type for batch in found} == {
        pa.dictionary(pa.int32(), pa.string())
    }
    assert {batch.schema.field("note").type for batch in found} == {pa.string()}
    assert by_id(found) == expected
    assert len(expected) > 0


@pytest.mark.parametrize("name", ["id", "gone"])
def test_what_is_no_text_is_no_dictionary(tmp_path, name):
    with pytest.raises(InvalidInputError, match=f"text columns .*mode, note.* found '{name}'"):
        overlapping(tmp_path).to_batches(dictionaries=[name])


@pytest.mark.parametrize("options", [{}, {"merge-engine": "partial-update"}])
def test_a_compaction_writes_what_the_rows_are(tmp_path, options):
    table = overlapping(tmp_path, **options)
    before = by_id(table.to_batches())
    table.compact(full=True)
    assert by_id(table.to_batches()) == before
    assert table.verify(deep=True).ok
    (info,) = table.files()
    file = pq.ParquetFile(f"{table.path}/{info.path}")
    assert file.schema_arrow.field("mode").type == pa.string()
    modes = [mode for _, mode, _ in before if mode is not None]
    statistics = file.metadata.row_group(0).column(file.schema_arrow.names.index("mode")).statistics
    assert (statistics.min, statistics.max) == (min(modes), max(modes))
    assert statistics.null_count == len(before) - len(modes)
