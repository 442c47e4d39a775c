"""Versions of a key that bring some columns each become one record."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.format.schema import TableSchema
from tablestore.merge.groups import Groups, gathered
from tablestore.options.table import TableOptions
from tablestore.table.merging import merge_rules
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

P, B, A, D = range(4)  # +I -U +U -D
REMOVE = {"partial-update.remove-record-on-delete": "true"}
IGNORE = {"ignore-delete": "true"}
GUARDED = {"fields.g.sequence-group": "a"}
SUMMED = GUARDED | {"fields.a.aggregate-function": "sum"}
REMOVED = {"partial-update.remove-record-on-sequence-group": "g"}


def engine(options, **columns):
    """The engine of a table of the given columns; without any: k, and three INT columns."""
    names = columns or dict.fromkeys("gab", "INT")
    fields = [DataField(0, "k", parse_type("INT NOT NULL"))]
    fields += [DataField(i, n, parse_type(t)) for i, (n, t) in enumerate(names.items(), 1)]
    options = {"merge-engine": "partial-update"} | options
    schema = TableSchema(0, tuple(fields), len(fields), (), ("k",), options)
    return merge_rules(schema, TableOptions.parse(options, has_primary_key=True))


def merge(rules, *groups, kinds=True):
    """(kind, values) of each key; a version is (kind, value, …), its columns are g, a and b."""
    versions = [version for group in groups for version in group]
    starts = np.zeros(len(versions), dtype=np.bool_)
    starts[np.cumsum([0, *map(len, groups[:-1])])] = True
    given = np.array([v[0] for v in versions], dtype=np.int8) if kinds else None
    table = {n: pa.array([v[i] for v in versions], pa.int32()) for i, n in enumerate("gab", 1)}
    found = Groups(np.arange(len(versions)), starts, given)
    merged = rules.merge(found, table.__getitem__, list("gab"))
    columns = [
        gathered(table.__getitem__, n, merged.columns.get(n, merged.rows)).to_pylist()
        for n in "gab"
    ]
    if not kinds:
        return list(zip(*columns, strict=True))
    result = given[merged.rows] if merged.kind is None else merged.kind
    return list(zip(result.tolist(), *columns, strict=True))


@pytest.mark.parametrize(
    ("options", "versions", "result"),
    [
        ({}, [(P, 1, None, None), (P, None, 2, None)], (P, 1, 2, None)),
        (REMOVE, [(P, 1, 2, 0), (D, 1, 2, 0), (P, 9, None, None)], (P, 9, 2, 0)),
        (GUARDED, [(P, 2, 7, 1), (P, 1, 8, 2), (P, None, 9, 3), (P, 2, None, 4)], (P, 2, None, 4)),
        (SUMMED, [(P, 2, 10, 0), (P, 1, 5, 0), (P, None, 7, 0), (P, 2, 1, 0)], (P, 2, 16, 0)),
        (SUMMED, [(P, 2, 16, 0), (B, 1, 5, 0)], (P, 2, 11, 0)),
        (SUMMED | REMOVED, [(P, 2, 16, 0), (D, 3, 1, None)], (D, 3, 1, None)),
    ],
)
def test_worked_groups(options, versions, result):
    assert merge(engine(options), versions) == [result]


@pytest.mark.parametrize(
    ("options", "versions", "result"),
    [
        # a -U after the -D makes a record of the removed values
        (REMOVE, [(P, 1, 2, 3), (D, 7, 8, None), (B, 5, 5, 5)], (P, 7, 8, None)),
        # the values of a first retract stay, whatever becomes of the retract
        (REMOVE, [(B, 1, 2, 3), (P, 9, None, None)], (P, 9, 2, 3)),
        (REMOVE, [(B, 1, 2, 3), (B, 4, 4, 4)], (D, 1, 2, 3)),
        (IGNORE, [(D, 1, 2, 3), (P, 9, None, None)], (P, 9, 2, 3)),
        (IGNORE, [(P, 1, 2, 3), (D, 9, 9, 9)], (P, 1, 2, 3)),
        (IGNORE, [(D, 1, 2, 3), (B, 4, 4, 4)], (D, 1, 2, 3)),
        # of a group that the retract skips, too
        (GUARDED, [(D, None, 2, 3), (P, None, 5, None)], (P, None, 2, 3)),
        (GUARDED, [(D, 1, 2, 3), (P, None, 5, None)], (P, 1, None, 3)),
        (SUMMED, [(D, 1, 2, 3), (P, 1, 5, None)], (P, 1, 5, 3)),
        # an old retract takes nothing away, an old removal removes nothing
        (GUARDED | REMOVED, [(P, 2, 7, 1), (D, 1, 9, 9)], (P, 2, 7, 1)),
        (GUARDED | REMOVED, [(P, 2, 7, 1), (B, 2, 9, 9)], (P, 2, None, 1)),
        (GUARDED | REMOVED, [(P, 2, 7, 1), (D, None, 9, 9)], (P, 2, 7, 1)),
        # what is added after a removal goes on from its values
        (GUARDED | REMOVED, [(P, 2, 7, 1), (D, 3, 8, None), (P, 1, 5, 4)], (P, 3, 8, 4)),
    ],
)
def test_retracts(options, versions, result):
    assert merge(engine(options), versions) == [result]


def test_a_single_version_stays_as_it_is_whatever_it_holds():
    keys = [[(D, 1, 2, 3)], [(P, None, 5, None), (P, None, 6, None)], [(A, None, 4, None)]]
    assert merge(engine(GUARDED), *keys) == [
        (D, 1, 2, 3),
        (P, None, None, None),
        (A, None, 4, None),
    ]


def test_versions_that_are_all_adds_need_no_kinds():
    keys = [[(P, 1, 2, 3)], [(P, 4, None, 5), (P, None, 6, None)]]
    assert merge(engine({}), *keys, kinds=False) == [(1, 2, 3), (4, 6, 5)]


def test_a_retract_is_refused_and_the_ways_out_are_told():
    with pytest.raises(InvalidInputError, match=r"remove-record-on-delete.*sequence-group"):
        merge(engine({}), [(P, 1, 2, 3), (B, 1, 2, 3)])
    with pytest.raises(InvalidInputError, match=r"fields\.a\.ignore-retract"):
        merge(
            engine(GUARDED | {"fields.a.aggregate-function": "max"}), [(P, 1, 2, 3), (D, 1, 2, 3)]
        )


def test_a_null_is_refused_in_a_column_that_has_none():
    rules = engine({}, g="INT", a="INT NOT NULL", b="INT")
    with pytest.raises(InvalidInputError, match="column 'a' is NOT NULL"):
        merge(rules, [(P, 1, 2, 3), (P, 1, None, 3)])


def test_several_ordering_columns_are_compared_and_set_together():
    rules = engine({"fields.g,a.sequence-group": "b"})
    versions = [(P, 1, 5, 10), (P, 1, None, 20), (P, 2, None, 30), (P, 1, 9, 40)]
    assert merge(rules, versions) == [(P, 2, None, 30)]


def test_a_removal_begins_the_other_groups_anew():
    options = {"fields.g.sequence-group": "k2", "fields.a.sequence-group": "b"}
    rules = engine(
        options | {"partial-update.remove-record-on-sequence-group": "g,a"},
        **dict.fromkeys(["g", "a", "b", "k2"], "INT"),
    )
    # the first -D removes by g alone and takes a back to 1, so that the second removes by a
    versions = [(P, 1, 9, 1), (D, 2, 1, 2), (P, None, 3, 3), (D, None, 3, 4)]
    assert merge(rules, versions) == [(D, None, 3, 4)]
    assert merge(rules, [*versions, (P, 1, 2, 5)]) == [(P, 1, 3, 4)]


def test_a_column_is_read_with_what_orders_it_and_what_removes():
    options = GUARDED | {"fields.s.sequence-group": "t"}
    columns = dict.fromkeys("gabst", "INT")
    assert set(engine(options, **columns).needs(["a"])) == {"a", "g"}
    assert set(engine(options, **columns).needs(["b"])) == {"b"}
    assert set(engine(options | REMOVED, **columns).needs(["b"])) == {"b", "g"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (IGNORE | REMOVE, "'ignore-delete' and 'partial-update.remove-record-on-delete'"),
        ({"partial-update.ignore-delete": "true"} | REMOVE, "contradict each other"),
        (GUARDED | IGNORE | REMOVED, "'ignore-delete' and 'partial-update.remove-record-on-seq"),
        (GUARDED | REMOVE, "sequence-group' and 'partial-update.remove-record-on-delete'"),
        (REMOVED, "column 'g', which orders no sequence group"),
        ({"fields.g.sequence-group": "k"}, "'k' of the primary key"),
        ({"fields.k.sequence-group": "a"}, "'k' of the primary key"),
        ({"fields.g.sequence-group": "a, b"}, "without spaces"),
        ({"fields.g.sequence-group": "c"}, "column 'c', which the table does not have"),
        ({"fields.g.sequence-group": ""}, "column '', which the table does not have"),
        (GUARDED | {"fields.b.sequence-group": "a"}, "'a' is in more than one sequence group"),
        ({"fields.g.sequence-group": "a,a"}, "'a' is in more than one sequence group, or twice"),
        ({"fields.a.aggregate-function": "sum"}, "column 'a': the aggregate function sum needs a"),
        (GUARDED | {"fields.default-aggregate-function": "sum"}, "column 'b': .* needs a sequence"),
        (GUARDED | {"fields.a.aggregate-function": "summ"}, "no aggregate function 'summ'"),
        ({"sequence.field": "a", "fields.a.aggregate-function": "max"}, "never aggregated"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        engine(options)


def test_a_column_without_order_cannot_order_a_group():
    with pytest.raises(InvalidInputError, match=r"ARRAY<INT>.* cannot order"):
        engine({"fields.g.sequence-group": "a"}, g="ARRAY<INT>", a="INT")


def test_the_default_function_is_allowed_without_a_group():
    options = {"fields.default-aggregate-function": "last_non_null_value"}
    assert merge(engine(options), [(P, 1, 2, None), (P, None, 3, 4)]) == [(P, 1, 3, 4)]
