from __future__ import annotations

import pytest

from tablestore.options.spec import all_options, find


def test_every_default_is_a_legal_and_accepted_value() -> None:
    for spec in all_options().values():
        if spec.default is not None:
            spec.check(spec.default)
            assert spec.accepts(spec.default), spec.key


def test_every_row_of_the_table_is_well_formed() -> None:
    types = {"bool", "int", "long", "float", "double", "str", "size", "dur", "map", "stats", "enum"}
    for spec in all_options().values():
        assert spec.type in types, spec
        assert spec.doc, spec
        assert (spec.type == "enum") == bool(spec.allowed), spec
        assert set(spec.flags) <= set("YNCRWKI"), spec
        assert len(set(spec.flags) & set("YN")) + bool(set(spec.flags) & set("CRW")) == 1, spec


def test_the_options_that_java_marks_immutable_are_immutable() -> None:
    # format notes, from the @Immutable annotations of CoreOptions 2.1
    java = {
        "aggregation.remove-record-on-delete",
        "blob-descriptor-field",
        "blob-field",
        "blob-view-field",
        "bucket-function.type",
        "bucket-key",
        "data-evolution.enabled",
        "data-file.path-directory",
        "dynamic-bucket.initial-buckets",
        "force-lookup",
        "index-file-in-data-file-dir",
        "merge-engine",
        "partial-update.remove-record-on-delete",
        "partial-update.remove-record-on-sequence-group",
        "partition",
        "pk-clustering-override",
        "primary-key",
        "primary-key.nullable",
        "row-tracking.enabled",
        "rowkind.field",
        "sequence.snapshot-ordering",
        "type",
    }
    assert {key for key, spec in all_options().items() if spec.immutable} == java


@pytest.mark.parametrize(
    ("key", "pattern", "status"),
    [
        ("fields.a.stats-mode", "fields.*.stats-mode", "honoured"),
        ("fields.g2,g3.sequence-group", "fields.*.sequence-group", "honoured"),
        ("fields.my.column.aggregate-function", "fields.*.aggregate-function", "honoured"),
        ("fields.default-aggregate-function", "fields.default-aggregate-function", "honoured"),
        ("file-index.bloom-filter.columns", "file-index.*.columns", "honoured"),
        ("file-index.bloom-filter.k.items", "file-index.*.*.*", "honoured"),
        ("parquet.page.size", "parquet.*", "no_effect"),
        ("orc.stripe.size", "orc.*", "no_effect"),
        ("write.compaction-skip", "write-only", "honoured"),
        ("merge-engine", "merge-engine", "honoured"),
    ],
)
def test_an_option_is_found_by_name_pattern_or_older_name(
    key: str, pattern: str, status: str
) -> None:
    spec = find(key)
    assert spec is not None
    assert (spec.key, spec.status) == (pattern, status)


def test_sizes_and_durations_name_their_unit() -> None:
    units = {
        key: all_options()[key].unit for key in ("write-buffer-size", "commit.timeout", "type")
    }
    assert units == {"write-buffer-size": "bytes", "commit.timeout": "ms", "type": None}


def test_an_unknown_option_is_not_found() -> None:
    assert find("buckets") is None
    assert find("fields.a.colour") is None
