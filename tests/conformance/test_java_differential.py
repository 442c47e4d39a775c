"""Random values through the real Java classes and through our codecs: equal bytes, equal values,
equal answers, both ways.

The seeds are fresh every day (or from TABLESTORE_SEED); a failure names the seed of its batch.
"""

from __future__ import annotations

import pytest

from tests.support import differential_checks as check
from tests.support.differential_pages import PAGES
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop

ROW_BATCHES, SCHEMAS = 10, 20  # of 50 rows each
VECTOR_FILES = 160  # of 7 vectors on average
INDEX_BATCHES, INDEXES = 4, 250
CONTAINERS = 100
MANIFESTS = 300


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    return tmp_path_factory.mktemp("differential")


@pytest.fixture(scope="module")
def table(java, warehouse):
    return check.make_table(java, warehouse)


@pytest.mark.parametrize("batch", range(ROW_BATCHES))
def test_rows_have_the_bytes_and_the_buckets_of_java(batch, java, warehouse, figures):
    seed = SEED * 1000 + batch
    said = check.rows(java, warehouse, seed, SCHEMAS, figures)
    assert not said, f"seed {seed}: {len(said)} differ: {said[:3]}"


def test_deletion_vectors_have_the_bytes_of_java_and_each_reads_the_others(java, table, figures):
    seed = SEED * 1000
    said = check.vectors(java, table, seed, VECTOR_FILES, figures)
    assert not said, f"seed {seed}: {len(said)} differ: {said[:3]}"


@pytest.mark.parametrize("batch", range(INDEX_BATCHES))
def test_file_indexes_have_the_bytes_of_java_and_give_the_same_answers(
    batch, java, warehouse, figures
):
    seed = SEED * 1000 + batch
    said = check.indexes(java, warehouse, seed, INDEXES, figures)
    assert not said, f"seed {seed}: {len(said)} differ: {said[:3]}"


def test_index_containers_are_those_of_java(java, warehouse, figures):
    seed = SEED * 1000
    said = check.containers(java, warehouse, seed, CONTAINERS, figures)
    assert not said, f"seed {seed}: {len(said)} differ: {said[:3]}"


@pytest.mark.parametrize("page", PAGES)
def test_manifests_of_each_side_have_equal_entries_on_the_other(page, java, table, figures):
    seed = SEED * 1000
    said = check.pages(page, java, table, seed, MANIFESTS, figures)
    assert not said, f"seed {seed}: {len(said)} differ: {said[:3]}"


@pytest.mark.parametrize("page", PAGES)
def test_manifests_of_the_next_release_too(page, newer_java, tmp_path, figures):
    if newer_java is None:
        pytest.skip("the unreleased Java is not here")
    seed = SEED * 1000 + 1
    said = check.pages(
        page, newer_java, check.make_table(newer_java, tmp_path), seed, MANIFESTS // 3, figures
    )
    assert not said, f"seed {seed}: {len(said)} differ: {said[:3]}"
