"""One of Java Paimon's merge functions over whole rows, called as readers and compactions do."""

from __future__ import annotations

import jpype


def options_of(p, options):
    """Java's options of text by key."""
    made = p.P.options.Options()
    for key, value in options.items():
        made.set(key, value)
    return made


def row_type(p, columns):
    """Java's row type of (name, type JSON) pairs."""
    fields = [p.P.types.DataField(i, n, p.java_type(t)) for i, (n, t) in enumerate(columns)]
    return p.P.types.RowType(jpype.java.util.Arrays.asList(fields))


def merged_groups(p, merge, case):
    """Each group's answer, {"value": [kind, row]} or {"error": …}; rows stand oldest first."""
    wrapped = p.P.mergetree.compact.ReducerMergeFunctionWrapper(merge)
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
