"""Every aggregate function gives what Java's gives: random groups, adds, retracts, late versions.

Java's own classes are called, batch by batch. The seed is fresh every day (or from
TABLESTORE_SEED).
"""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.format.schema import TableSchema
from tablestore.merge.aggregators.protocol import Versions
from tablestore.merge.aggregators.registry import FUNCTIONS, aggregator
from tablestore.merge.groups import Groups, gathered
from tablestore.options.aggregation import ColumnAggregation
from tablestore.options.table import TableOptions
from tablestore.table.merging import merge_rules
from tablestore.types.json import type_from_json
from tablestore.types.model import DataField
from tests.support.oracle_arrow import arrow_table, canonical_rows
from tests.support.oracle_histories import value
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop
GROUPS = 36

INTEGERS = ["TINYINT", "SMALLINT", "INT", "BIGINT"]
DECIMALS = ["DECIMAL(9, 2)", "DECIMAL(18, 4)", "DECIMAL(20, 2)", "DECIMAL(38, 10)"]
NUMBERS = [*INTEGERS, "FLOAT", "DOUBLE", *DECIMALS]
TEXTS = ["STRING", "VARCHAR(5)", "BYTES"]
TIMES = ["DATE", "TIME(3)", "TIMESTAMP(3)", "TIMESTAMP(9)", "TIMESTAMP(6) WITH LOCAL TIME ZONE"]
ORDERED = ["BOOLEAN", *NUMBERS, *TEXTS, *TIMES]


def row(*fields):
    return {
        "type": "ROW",
        "fields": [{"id": i, "name": n, "type": t} for i, (n, t) in enumerate(fields)],
    }


def array(element):
    return {"type": "ARRAY", "element": element}


def mapping(key, item):
    return {"type": "MAP", "key": key, "value": item}


TABLE = array(row(("a", "INT"), ("b", "STRING"), ("s", "BIGINT"), ("t", "DOUBLE")))
TIMED = mapping("INT NOT NULL", row(("v", "INT"), ("at", "STRING")))
TIMED_FIRST = mapping("STRING NOT NULL", row(("at", "STRING"), ("v", "INT")))
MAPS = [mapping("INT NOT NULL", "STRING"), mapping("STRING NOT NULL", "DECIMAL(9, 2)")]
ARRAYS = [array("INT"), array("STRING"), array("DOUBLE"), array(row(("x", "INT"), ("y", "STRING")))]
ANY = [*ORDERED, *ARRAYS, *MAPS, row(("x", "INT"), ("y", "STRING"))]

LIMIT = {"count-limit": "2"}

CASES = [
    *[("sum", t, {}) for t in NUMBERS],
    *[("product", t, {}) for t in NUMBERS],
    *[(f, t, {}) for f in ("max", "min") for t in ORDERED[1:]],  # Java 2.0 takes no BOOLEAN yet
    *[(f, "BOOLEAN", {}) for f in ("bool_and", "bool_or")],
    *[
        (f, t, {})
        for f in ("last_value", "last_non_null_value", "first_value", "first_non_null_value")
        for t in ANY
    ],
    ("first_not_null_value", "INT", {}),
    ("listagg", "STRING", {}),
    ("listagg", "STRING", {"list-agg-delimiter": "; "}),
    ("listagg", "STRING", {"distinct": "true"}),
    ("listagg", "STRING", {"distinct": "true", "list-agg-delimiter": ""}),
    *[("collect", t, {}) for t in ARRAYS],
    *[("collect", t, {"distinct": "true"}) for t in ARRAYS],
    *[("merge_map", t, {}) for t in MAPS],
    ("merge_map_with_keytime", TIMED, {}),
    ("merge_map_with_keytime", TIMED_FIRST, {"ts-field": "at"}),
    ("nested_update", TABLE, {}),
    ("nested_update", TABLE, {"count-limit": "3"}),
    ("nested_update", TABLE, {"nested-key": "a"}),
    ("nested_update", TABLE, {"nested-key": "a, b", "nested-sequence-field": "s"}),
    ("nested_update", TABLE, {"nested-key": "a", "nested-sequence-field": "s,b"} | LIMIT),
    ("nested_update", TABLE, {"nested-key": "a", "nested-key-null-strategy": "ignore"}),
    ("nested_update", TABLE, {"nested-key": "a", "nested-key-null-strategy": "error"}),
    ("nested_partial_update", TABLE, {"nested-key": "a"}),
    ("nested_partial_update", TABLE, {"nested-key": "a,b", "nested-key-null-strategy": "ignore"}),
]  # fmt: skip


def small(r, kind):
    """A value from a small range where the type has one, so that values meet again."""
    if r.random() < 0.15:
        return None
    if isinstance(kind, dict):
        if kind["type"] == "ARRAY":
            found = [small(r, kind["element"]) for _ in range(r.randrange(4))]
            # Java's distinct collect breaks on null rows
            return [
                v
                for v in found
                if v is not None or isinstance(kind["element"], str) or kind == TABLE
            ]
        if kind["type"] == "MAP":
            keys = {json.dumps(value(r, kind["key"], False, True)) for _ in range(r.randrange(4))}
            return sorted(([json.loads(k), small(r, kind["value"])] for k in keys), key=json.dumps)
        return [small(r, field["type"]) for field in kind["fields"]]
    if kind == "STRING" and r.random() < 0.4:
        return r.choice(["a", "b", "a,b", "b; a", " ", "", "a b", "\u2003", ",a,,", "c a"])
    return value(r, kind, nullable=False, key=r.random() < 0.7)


def steps(r, kind, signs, longest=8):
    found = []
    for place in range(r.choice([1, 2, 2, 3, 3, 4, 5, longest])):
        found.append([r.choice(signs if place else signs.replace("~", "")), small(r, kind)])
    return found


def make_case(function, kind, options, signs):
    r = Random(f"{SEED} {function} {kind} {options} {signs}")
    groups = [steps(r, kind, signs) for _ in range(GROUPS)]
    if kind in ("FLOAT", "DOUBLE"):
        groups += [[["+", r.uniform(-9, 9)] for _ in range(150)] for _ in range(2)]
        if kind == "FLOAT":
            groups = [[[s, as_float32(v)] for s, v in group] for group in groups]
    given = {f"fields.c.{key}": text for key, text in options.items()}
    return {"type": kind, "function": function, "options": given, "groups": groups}


def as_float32(given):
    return float(np.float32(given)) if isinstance(given, float) else given


def our_function(case):
    settings = ColumnAggregation.parse(
        case["options"] | {"fields.c.aggregate-function": case["function"]}, "c"
    )
    return aggregator(type_from_json(case["type"]), settings)


def reduced(function, kind, groups):
    """Our results of groups, as canonical values."""
    values = [[v] for group in groups for _, v in group]
    marks = np.array([step for group in groups for step, _ in group])
    column = arrow_table(values, [("c", kind)]).column("c").combine_chunks()
    offsets = np.cumsum([0, *map(len, groups)])
    late = marks == "~"
    versions = Versions(np.arange(len(values)), offsets, marks == "-", late if late.any() else None)
    result = function.reduce(column, versions)
    result = gathered(lambda _: column, "c", result)
    # a short decimal may have more digits than its type says, in Java too
    result.validate(full=not str(kind).startswith("DECIMAL"))
    table = pa.table({"c": result.cast(column.type)})
    return [row[0] for row in canonical_rows(table, [("c", kind)])]


def check(case, answers):
    """Nothing where we agree with Java on every group; else the first difference."""
    function = our_function(case)
    fine, wanted = [], []
    for group, said in zip(case["groups"], answers, strict=True):
        try:
            ours = reduced(function, case["type"], [group])[0]
        except InvalidInputError as problem:
            if "error" not in said:
                return f"{group}: Java {said}, we refuse: {problem}"
            continue
        if "error" in said:
            return f"{group}: we give {ours}, Java refuses: {said['error']}"
        want = said["value"]
        if json.dumps(ours) != json.dumps(want):
            return f"{group}: we give {ours}, Java {want}"
        fine.append(group)
        wanted.append(want)
    together = reduced(function, case["type"], fine) if fine else []
    return None if json.dumps(together) == json.dumps(wanted) else "together they differ"


def compare(engine, tmp_path, figures, cases):
    answers = engine.aggregates(tmp_path, name="functions", cases=cases)
    wrong = []
    for case, said in zip(cases, answers, strict=True):
        assert isinstance(said, list), f"{case['function']} of {case['type']}: {said}"
        figures["aggregated groups equal to Java's"] += len(said)
        difference = check(case, said)
        if difference:
            wrong.append(f"{case['function']} {case['type']} {case['options']}: {difference}")
    assert not wrong, f"seed {SEED}: {len(wrong)} of {len(cases)}: " + "\n".join(wrong[:8])


@pytest.mark.parametrize("signs", ["+", "+++-"], ids=["adds", "retracts"])
def test_each_function_gives_what_java_gives(java, tmp_path, figures, signs):
    compare(java, tmp_path, figures, [make_case(*case, signs) for case in CASES])


def test_ignored_retracts_are_ignored_as_in_java(java, tmp_path, figures):
    cases = [make_case(f, t, o | {"ignore-retract": "true"}, "++-") for f, t, o in CASES]
    compare(java, tmp_path, figures, cases)


def test_late_versions_are_aggregated_the_other_way_round_as_in_java(java, tmp_path, figures):
    cases = [make_case(f, t, o, signs) for f, t, o in CASES for signs in ("++~", "++~-")]
    compare(java, tmp_path, figures, cases)


SETS = {
    "theta_sketch": (0, 1, 2, 20, 60, 500, 5000, 20_000),
    "hll_sketch": (0, 1, 2, 20, 60, 500, 5000, 20_000),
    "rbm32": (0, 1, 2, 20, 300, 4000),
    "rbm64": (0, 1, 2, 20, 300, 4000),
}


def numbers(r, function, size):
    """A set of numbers: dense, sparse, or in long runs."""
    most = 1 << (62 if function == "rbm64" else 31)
    spread = min(r.choice([size + 1, 40 * size + 1, 1 << 20, 1 << 40, most]), most)
    start = r.randrange(most - spread + 1)
    found = {start + r.randrange(spread) for _ in range(size)}
    if function in ("rbm32", "rbm64") and size > 20:
        found |= set(range(start, min(start + 3 * size, most)))
    return sorted(found)


def payload_groups(java, tmp_path, function):
    r = Random(f"{SEED} {function}")
    sets = [numbers(r, function, size) for size in SETS[function] for _ in range(2)][:-1]
    case = {"function": function, "sets": sets}
    payloads = java.aggregates(tmp_path, name="payloads", cases=[case])[0]
    groups = [[["+", a], ["+", r.choice(payloads)]] for a in payloads for _ in range(4)]
    for _ in range(40):
        group = [[r.choice("++++~"), r.choice([None, *payloads])] for _ in range(r.randrange(2, 6))]
        groups.append([["+", group[0][1]], *group[1:]])
    return {"type": "BYTES", "function": function, "options": {}, "groups": groups}


@pytest.mark.parametrize("function", list(SETS))
def test_bitmaps_and_sketches_are_those_of_java(java, tmp_path, figures, function):
    """Bitmaps hold the same numbers, by Java's own equals; sketches are the same bytes."""
    case = payload_groups(java, tmp_path, function)
    said = java.aggregates(tmp_path, name="functions", cases=[case])[0]
    ours = reduced(our_function(case), "BYTES", case["groups"])
    theirs = [answer["value"] for answer in said]
    assert [value is None for value in ours] == [value is None for value in theirs]
    if function == "hll_sketch":
        ours, theirs = ([*map(without_history, texts)] for texts in (ours, theirs))
    differ = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    figures[f"{function} groups equal to Java's"] += len(ours)
    figures[f"{function} groups with other bytes than Java's"] += len(differ)
    if function.startswith("rbm"):
        equal = {"function": function, "pairs": differ}
        assert all(java.aggregates(tmp_path, name="same_bitmaps", cases=[equal])[0])
        # other slots, or runs of one and two, where Java's history chose otherwise
        assert len(differ) < len(ours) // 2
    else:
        assert not differ


def without_history(text):
    """An HLL sketch without what depends on how it came to be: the order of its coupons, and the
    running estimate of one that was merged out of order, which no reader looks at."""
    if text is None:
        return None
    data = bytes.fromhex(text)
    coupons, out_of_order = data[7] & 3 < 2, data[5] & 0x10
    if coupons:
        words = [data[at : at + 4] for at in range(4 * data[0], len(data), 4)]
        return data[: 4 * data[0]] + b"".join(sorted(words))
    return data[:8] + bytes(8) + data[16:] if out_of_order else data


def test_java_and_we_take_the_same_types(java, tmp_path, figures):
    """Java 2.0 takes any type for max and min and breaks at the first merge; newer ones do not."""
    types = [*ANY, TABLE, TIMED, "CHAR(3)", "BINARY(4)", "VARBINARY(9)", "STRING NOT NULL"]
    cases = [
        {"type": t, "function": f, "options": {"fields.c.nested-key": key}, "groups": []}
        for f in FUNCTIONS
        for t, key in [*((t, "a") for t in types if t != ARRAYS[-1]), (ARRAYS[-1], "x")]
        if f not in ("max", "min") or t in ORDERED
    ]
    cases.append({"type": "INT", "function": "count", "options": {}, "groups": []})
    said = java.aggregates(tmp_path, name="functions", cases=cases)
    for case, answer in zip(cases, said, strict=True):
        try:
            our_function(case)
            ours = True
        except InvalidInputError:
            ours = False
        assert ours == isinstance(answer, list), f"{case['function']} of {case['type']}: {answer}"
        figures["functions and types taken or refused as by Java"] += 1


ROWS = [
    ("k", "INT NOT NULL"),
    ("total", "BIGINT"),
    ("top", "DECIMAL(12, 2)"),
    ("name", "STRING"),
    ("seen", "TIMESTAMP(6)"),
    ("tags", array("STRING")),
]
TABLES = {
    "defaults": {},
    "removing": {
        "fields.total.aggregate-function": "sum",
        "fields.name.aggregate-function": "first_value",
        "fields.seen.aggregate-function": "first_non_null_value",
        "fields.tags.aggregate-function": "collect",
        "aggregation.remove-record-on-delete": "true",
    },
    "retracting": {
        "fields.default-aggregate-function": "last_value",
        "fields.total.aggregate-function": "sum",
        "fields.top.aggregate-function": "product",
        "fields.name.aggregate-function": "listagg",
        "fields.name.ignore-retract": "true",
        "fields.tags.aggregate-function": "collect",
    },
    "refusing": {
        "fields.total.aggregate-function": "max",
        "fields.seen.aggregate-function": "min",
    },
    "sequenced": {
        "fields.default-aggregate-function": "first_non_null_value",
        "sequence.field": "seen",
    },
}


def row_groups(r):
    kinds = [["+I"], ["+I", "+U"], ["+I", "-D", "+U", "-U"], ["-D"], ["+I", "-D"]]
    for _ in range(80):
        own = r.choice(kinds)
        yield [
            [r.choice(own), [1, *(small(r, t) for _, t in ROWS[1:])]]
            for _ in range(r.choice([1, 1, 2, 2, 3, 4, 6]))
        ]


def our_merge(options, groups):
    """[kind, row] of each group: the table's own rules over rows that stand oldest first."""
    fields = tuple(DataField(i, n, type_from_json(t)) for i, (n, t) in enumerate(ROWS))
    schema = TableSchema(0, fields, len(fields) - 1, (), ("k",), options, None, 0)
    rules = merge_rules(schema, TableOptions.parse(options, has_primary_key=True))
    rows = [row for group in groups for _, row in group]
    names = ["+I", "-U", "+U", "-D"]
    kinds = np.array([names.index(kind) for group in groups for kind, _ in group], dtype=np.int8)
    table = arrow_table(rows, ROWS).combine_chunks()
    starts = np.zeros(len(rows), dtype=np.bool_)
    starts[np.cumsum([0, *map(len, groups)])[:-1]] = True

    def column(name):
        return table.column(name).combine_chunks()

    wanted = [name for name, _ in ROWS]
    merged = rules.merge(Groups(np.arange(len(rows)), starts, kinds), column, wanted)
    columns = [gathered(column, n, merged.columns.get(n, merged.rows)) for n in wanted]
    found = canonical_rows(pa.table(columns, names=wanted), ROWS)
    return [[names[k], row] for k, row in zip(merged.kind.tolist(), found, strict=True)]


def without_edges(row):
    """The row with a total whose sums overflow nowhere."""
    key, total, *rest = row
    return [key, None if total is None else total % 1000, *rest]


@pytest.mark.parametrize("name", list(TABLES))
def test_whole_rows_merge_as_in_java(java, tmp_path, figures, name):
    options = {"merge-engine": "aggregation"} | TABLES[name]
    groups = list(row_groups(Random(f"{SEED} {name}")))
    if name == "removing":  # we do not add up what is removed; Java does, and refuses overflows
        groups = [[[kind, without_edges(row)] for kind, row in group] for group in groups]
    case = {"columns": ROWS, "key": ["k"], "options": options, "groups": groups}
    answers = java.aggregates(tmp_path, name="merges", cases=[case])[0]
    fine, wanted = [], []
    for group, said in zip(groups, answers, strict=True):
        if "error" in said:
            figures["merges refused as by Java"] += 1
            with pytest.raises(InvalidInputError):
                our_merge(options, [group])
        else:
            fine.append(group)
            wanted.append(said["value"])
    ours = our_merge(options, fine)
    for group, got, want in zip(fine, ours, wanted, strict=True):
        assert json.dumps(got) == json.dumps(want), f"seed {SEED}: {group}"
    figures["merges of whole rows equal to Java's"] += len(fine)
