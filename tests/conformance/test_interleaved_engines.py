"""Java and tablestore write and compact one table in turn; after each operation both read it equal.

Tables of every merge engine, drawn from a seed: sequence fields, deletions, late rows, nulls,
partitions, 1 to 8 buckets, all file formats, deletion vectors, columns that change on the way. The
seeds are fresh every day (or from TABLESTORE_SEED); TABLESTORE_INTERLEAVED says how many (100).
Java is the only judge here: the other engines misread some of such tables whoever wrote them (they
read what we write in `test_shapes.py`).
"""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.support.oracle_engines import ENGINES, engine_of
from tests.support.oracle_histories import design
from tests.support.oracle_interleaved import Interleaved
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop
COUNT = int(os.environ.get("TABLESTORE_INTERLEAVED", "100"))
FIRST = SEED * 1000


@pytest.mark.parametrize("step", range(COUNT))
def test_both_read_a_table_equal_after_each_of_their_operations(step, java, figures, in_memory):
    table = Interleaved(java, in_memory, FIRST + step)
    table.create()
    for _ in range(table.r.randrange(6, 13)):
        said = table.step()
        assert not said, f"seed {FIRST + step}: {table.options} {table.done}"
    figures[f"interleaved tables, {table.engine}"] += 1
    figures["interleaved operations"] += len(table.done)
    figures["interleaved tables with deletion vectors"] += table.vectors


def test_the_tables_are_of_every_merge_engine_and_layout():
    drawn = [design(Random(f"interleaved {FIRST + step}"), "engines") for step in range(100)]
    options = [options for _, _, _, options, _ in drawn]
    assert {engine_of(given) for given in options} == set(ENGINES)
    assert {given["bucket"] for given in options} == {"1", "2", "3", "5", "8"}
    assert {given["file.format"] for given in options} == {"parquet", "orc", "avro"}
    assert sum(bool(partitions) for _, _, partitions, _, _ in drawn) > 20
    assert sum("-D" in kinds for *_, kinds in drawn) > 40
    assert sum("sequence.field" in given for given in options) > 10  # rows come late
    assert sum("deletion-vectors.enabled" in given for given in options) > 5
