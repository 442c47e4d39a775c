"""merge-engine partial-update gives what Java's gives: random tables, sequence groups, retracts.

Java's own class is called, batch by batch. The seed is fresh every day (or from TABLESTORE_SEED).
"""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.format.schema import TableSchema
from tablestore.merge.groups import Groups, gathered
from tablestore.options.table import TableOptions
from tablestore.table.merging import merge_rules
from tablestore.types.json import type_from_json
from tablestore.types.model import DataField
from tablestore.types.row_kind import SHORT_STRINGS
from tests.support.oracle_arrow import arrow_table, canonical_rows
from tests.support.oracle_histories import value
from tests.support.oracle_judge import difference
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop
TABLES = 130
GROUPS = 40

ORDERS = ["INT", "BIGINT", "STRING", "TIMESTAMP(3)", "DOUBLE", "DECIMAL(20, 2)", "DATE", "BOOLEAN"]
ROW = {"type": "ROW", "fields": [{"id": 0, "name": "a", "type": "INT"}]}
LIST = {"type": "ARRAY", "element": "INT"}
MAP = {"type": "MAP", "key": "INT NOT NULL", "value": "STRING"}
PLAIN = ["INT", "STRING", "DECIMAL(9, 2)", "TIMESTAMP(9)", "DOUBLE", "BYTES", LIST, MAP, ROW]
FUNCTIONS = [
    *[("sum", t) for t in ("BIGINT", "INT", "DOUBLE", "DECIMAL(20, 2)")],
    ("product", "DOUBLE"),
    *[(f, t) for f in ("max", "min") for t in ("INT", "STRING", "DOUBLE")],
    *[
        (f, t)
        for f in ("last_value", "last_non_null_value", "first_value", "first_non_null_value")
        for t in ("INT", "STRING", LIST)
    ],
    ("listagg", "STRING"),
    ("bool_and", "BOOLEAN"),
    ("bool_or", "BOOLEAN"),
    ("collect", LIST),
    ("merge_map", MAP),
]


def make_table(r, functions):
    """Columns in a random order, and options of partial-update that Java takes."""
    options, columns = {"merge-engine": "partial-update"}, []
    for number in range(r.choice([0, 1, 1, 2, 2, 3])):
        orders = [(f"s{number}{i}", r.choice(ORDERS)) for i in range(r.choice([1, 1, 2]))]
        guarded = []
        for i in range(r.randrange(1, 4)):
            name = f"v{number}{i}"
            kind = r.choice(PLAIN)
            if r.random() < 0.6:
                function, kind = r.choice(functions)
                options[f"fields.{name}.aggregate-function"] = function
                if r.random() < (0.6 if function in ("max", "min", "first_value") else 0.3):
                    options[f"fields.{name}.ignore-retract"] = "true"
            guarded.append((name, kind))
        options[f"fields.{','.join(n for n, _ in orders)}.sequence-group"] = ",".join(
            n for n, _ in guarded
        )
        columns += orders + guarded
    ordering = [n for n, _ in columns if n[0] == "s"]
    columns += [(f"p{i}", r.choice(PLAIN)) for i in range(r.randrange(1, 4))]
    if r.random() < 0.2:
        columns.append(("must", "INT NOT NULL"))
    r.shuffle(columns)
    options |= extras(r, ordering)
    return [("k", "INT NOT NULL"), *columns], options


def extras(r, ordering):
    if not ordering:
        return r.choice(
            [{}, {"ignore-delete": "true"}, {"partial-update.remove-record-on-delete": "true"}]
        )
    if r.random() < 0.15:
        return {"ignore-delete": "true"}
    if r.random() < 0.7:
        chosen = r.sample(ordering, r.randrange(1, len(ordering) + 1))
        return {"partial-update.remove-record-on-sequence-group": ",".join(chosen)}
    return {}


def make_row(r, columns, pools):
    row = []
    for name, kind in columns:
        if name == "k":
            row.append(0)
        elif name[0] == "s":
            row.append(None if r.random() < 0.25 else r.choice(pools[name]))
        elif name == "must":
            row.append(None if r.random() < 0.01 else r.randrange(9))
        else:
            row.append(None if r.random() < 0.25 else value(r, kind, nullable=False, key=True))
    return row


def make_case(r):
    retracts = r.choice([0, 0.1, 0.3, 0.6])
    columns, options = make_table(r, FUNCTIONS)
    pools = {
        n: [value(r, t, nullable=False, key=True) for _ in range(r.choice([2, 3, 5]))]
        for n, t in columns
        if n[0] == "s"
    }
    groups = []
    for _ in range(GROUPS):
        size = r.choice([1, 2, 2, 3, 3, 4, 5, 7, 9])
        kinds = [
            r.choice(["-D", "-D", "-U"]) if r.random() < retracts else r.choice(["+I", "+U"])
            for _ in range(size)
        ]
        groups.append([[kind, make_row(r, columns, pools)] for kind in kinds])
    return {"columns": columns, "key": ["k"], "options": options, "groups": groups}


def rules(case):
    fields = tuple(
        DataField(i, name, type_from_json(kind)) for i, (name, kind) in enumerate(case["columns"])
    )
    schema = TableSchema(0, fields, len(fields), (), tuple(case["key"]), case["options"])
    return merge_rules(schema, TableOptions.parse(case["options"], has_primary_key=True))


class Merge:
    """Our merge of any of a case's groups; their rows are made into Arrow once."""

    def __init__(self, case):
        self.types = dict(case["columns"])
        self.engine = rules(case)
        versions = [version for group in case["groups"] for version in group]
        table = arrow_table([row for _, row in versions], case["columns"]).combine_chunks()
        self.arrays = {name: table.column(name).combine_chunks() for name in table.column_names}
        self.kinds = np.array([SHORT_STRINGS.index(kind) for kind, _ in versions], dtype=np.int8)
        self.ends = np.cumsum([0, *map(len, case["groups"])])

    def run(self, groups, names=None):
        """Merge the groups of these numbers; all columns, or some."""
        wanted = list(names or self.types)
        needed = set(self.engine.needs(wanted))

        def column(name):
            assert name in needed, f"{name} is looked into without being asked for"
            return self.arrays[name]

        spans = [np.arange(self.ends[group], self.ends[group + 1]) for group in groups]
        order = np.concatenate(spans)
        found = Groups(order, np.isin(order, [span[0] for span in spans]), self.kinds)
        return column, wanted, self.engine.merge(found, column, wanted)

    def rows(self, groups, names=None):
        """[kind, row] of each group."""
        column, wanted, result = self.run(groups, names)
        columns = [(name, self.types[name]) for name in wanted]
        made = [
            gathered(column, n, result.columns.get(n, result.rows)).cast(self.arrays[n].type)
            for n in wanted
        ]
        rows = canonical_rows(pa.table(made, wanted), columns)
        kinds = self.kinds[result.rows] if result.kind is None else result.kind
        return [[SHORT_STRINGS[k], row] for k, row in zip(kinds.tolist(), rows, strict=True)]


def check(case, answers, figures):
    """Nothing where we agree with Java on every group, else the first difference."""
    merge = Merge(case)
    for group, said in enumerate(answers):
        if "error" in said:
            try:
                merge.run([group])
            except InvalidInputError:
                figures["partial-update groups refused as by Java"] += 1
                continue
            return f"{case['groups'][group]}: we give {merge.rows([group])}, Java {said}"
    fine = [group for group, said in enumerate(answers) if "error" not in said]
    for some in (fine, *([group] for group in fine[:2])):
        for group, ours in zip(some, merge.rows(some) if some else [], strict=True):
            if json.dumps(ours) != json.dumps(answers[group]["value"]):
                return f"{case['groups'][group]}: we give {ours}, Java {answers[group]}"
    figures["partial-update groups equal to Java's"] += len(fine)
    return narrow(merge, fine, [answers[group]["value"] for group in fine]) if fine else None


def narrow(merge, groups, wanted):
    """Nothing where a column alone reads as it does among all."""
    for index in (1, len(merge.types) - 1):
        name = list(merge.types)[index]
        if merge.rows(groups, [name]) != [[kind, [row[index]]] for kind, row in wanted]:
            return f"{name} alone differs"
    return None


def test_each_record_is_what_java_puts_together(java, tmp_path, figures):
    r = Random(f"{SEED} partial-update")
    cases = [make_case(r) for _ in range(TABLES)]
    answers = java.partial_updates(tmp_path, name="rows", cases=cases)
    wrong = []
    for case, said in zip(cases, answers, strict=True):
        assert isinstance(said, list), f"{case['options']}: {said}"
        difference = check(case, said, figures)
        if difference:
            wrong.append(f"{case['options']} {case['columns']}: {difference}")
    assert not wrong, f"seed {SEED}: {len(wrong)} of {len(cases)}: " + "\n".join(wrong[:5])


TAKE_RETRACTS = {"sum", "last_value", "last_non_null_value", "collect", "merge_map"}


def make_history(r):
    """A table and writes into it that both engines take: [kinds, rows] each."""
    functions = [f for f in FUNCTIONS if f[0] in TAKE_RETRACTS]
    columns, options = make_table(r, functions)
    columns = [(n, t) for n, t in columns if n != "must"]
    pools = {n: [value(r, t, False, True) for _ in range(4)] for n, t in columns if n[0] == "s"}
    takes = pools or {"ignore-delete", "partial-update.remove-record-on-delete"} & set(options)
    writes = []
    for _ in range(r.randrange(4, 8)):
        size = r.randrange(3, 12)
        kinds = [r.choice(["+I", "+U", "+I", "-D", "-U"] if takes else ["+I"]) for _ in range(size)]
        rows = [make_row(r, columns, pools) for _ in kinds]
        for row in rows:
            row[0] = r.randrange(6)
        writes.append([kinds, rows])
    return columns, options | {"bucket": "1", "num-sorted-run.compaction-trigger": "3"}, writes


def write_ours(table, columns, kinds, rows):
    data = arrow_table(rows, columns)
    table.upsert(data.append_column("op", pa.array(kinds)), row_kind="op")


@pytest.mark.parametrize("step", range(4))
def test_both_engines_write_compact_and_read_one_table(java, ours, tmp_path, figures, step):
    r = Random(f"{SEED} partial-update {step}")
    columns, options, writes = make_history(r)
    table = ours.create(tmp_path, name="db.t", columns=columns, primary_key=["k"], options=options)
    said = []
    for kinds, rows in writes:
        if r.random() < 0.5:
            write_ours(table, columns, kinds, rows)
        else:
            compact = r.choice([None, None, "minor", "full"])
            java.write(tmp_path, name="db.t", rows=rows, kinds=kinds, compact=compact)
        said += compare_reads(java, ours, tmp_path, columns)
        if r.random() < 0.3:
            before = ours.read(tmp_path, name="db.t", columns=columns)
            table.compact(full=r.random() < 0.7)
            said += difference(
                "compacted", ours.read(tmp_path, name="db.t", columns=columns), before
            )
            said += compare_reads(java, ours, tmp_path, columns)
    figures["partial-update tables that both engines wrote"] += 1
    assert not said, f"seed {SEED}: {options} {columns}"


def compare_reads(java, ours, warehouse, columns):
    rows = ours.read(warehouse, name="db.t", columns=columns)
    return difference("java", java.read(warehouse, name="db.t"), rows)
