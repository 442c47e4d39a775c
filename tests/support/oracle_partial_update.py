"""Java Paimon's partial-update merge of whole rows, called directly.

A case: {"columns", "key", "options", "groups": [[[kind, row], …], …]}, oldest row first, as every
reader and compaction merges them. Each group's answer: {"value": [kind, row]} or {"error": …};
{"refused": …} where Java refuses the options.
"""

from __future__ import annotations

import jpype

from tests.support.oracle_merge import merged_groups, options_of, row_type


def run(p, name: str, cases: list):
    return [globals()[name](p, case) for case in cases]


def rows(p, case):
    key = jpype.java.util.Arrays.asList(case["key"])
    function = p.P.mergetree.compact.PartialUpdateMergeFunction
    options, kinds = options_of(p, case["options"]), row_type(p, case["columns"])
    try:
        merge = function.factory(options, kinds, key).create()
    except jpype.JException as problem:
        return {"refused": str(problem).split("\n")[0]}
    return merged_groups(p, merge, case)
