"""Java Paimon's partial-update merge of whole rows, called directly.

A case: {"columns", "key", "options", "groups": [[[kind, row], …], …]}, oldest row first, as every
reader and compaction merges them. Each group's answer: {"value": [kind, row]} or {"error": …};
{"refused": …} where Java refuses the options.
"""

from __future__ import annotations

import jpype


def run(p, name: str, cases: list):
    return [globals()[name](p, case) for case in cases]


def rows(p, case):
    as_list = jpype.java.util.Arrays.asList
    fields = [p.P.types.DataField(i, n, p.java_type(t)) for i, (n, t) in enumerate(case["columns"])]
    options = p.P.options.Options()
    for key, value in case["options"].items():
        options.set(key, value)
    compact = p.P.mergetree.compact
    try:
        merge = compact.PartialUpdateMergeFunction.factory(
            options, p.P.types.RowType(as_list(fields)), as_list(case["key"])
        ).create()
    except jpype.JException as problem:
        return {"refused": str(problem).split("\n")[0]}
    wrapped = compact.ReducerMergeFunctionWrapper(merge)
    types = [t for _, t in case["columns"]]
    getters = [p.V.getter(t) for t in types]
    return [_merged(p, wrapped, types, getters, group) for group in case["groups"]]


def _merged(p, merge, types, getters, group):
    key = p.V.row([0], ["INT"])
    merge.reset()
    try:
        for number, (kind, row) in enumerate(group):
            value = p.V.row(row, types)
            merge.add(p.P.KeyValue().replace(key, number, p.V.kinds[kind], value))
        result = merge.getResult()
    except jpype.JException as problem:
        return {"error": str(problem).split("\n")[0]}
    kind = str(result.valueKind().shortString())
    return {"value": [kind, p.V.row_json(result.value(), getters)]}
