"""Java Paimon's aggregate functions and its whole aggregating merge, called directly.

A case of kind "functions": {"type", "function", "options", "groups": [[[step, value], …], …]} where
a step is "+" (an add), "-" (a retract) or "~" (an add that belongs before what was added already).
A case of kind "merges": {"columns", "key", "options", "groups": [[[kind, row], …], …]}, oldest row
first. Each group's answer: {"value": …} or {"error": …}.
"""

from __future__ import annotations

import jpype

from tests.support.oracle_merge import merged_groups, options_of, row_type

COLUMN = "c"


def run(p, name: str, cases: list):
    return [globals()[name](p, case) for case in cases]


def functions(p, case):
    """One function of one column, group by group."""
    kind = p.java_type(case["type"])
    options = p.P.CoreOptions(options_of(p, case["options"]))
    factory = p.P.mergetree.compact.aggregate.factory.FieldAggregatorFactory
    try:
        function = factory.create(kind, COLUMN, case["function"], options)
    except jpype.JException as problem:
        return {"refused": str(problem)}
    getter = None if case["type"] == "BYTES" else p.V.getter(case["type"])
    return [
        _result(lambda group=group: _fold(p, function, case, group), p, getter)
        for group in case["groups"]
    ]


def _fold(p, function, case, group):
    function.reset()
    held = None
    for step, value in group:
        given = _java(p, case, value)
        if step == "+":
            held = function.agg(held, given)
        elif step == "-":
            held = function.retract(held, given)
        else:
            held = function.aggReversed(held, given)
    return held


def _java(p, case, value):
    """The Java value; those of payloads are kept, for they are long and come again."""
    if case["type"] != "BYTES" or value is None:
        return p.V.to_java(value, case["type"])
    known = case.setdefault("known", {})
    if value not in known:
        signed = memoryview(bytes.fromhex(value)).cast("b")
        known[value] = jpype.JArray(jpype.JByte)(signed)
    return known[value]


def _result(fold, p, getter):
    try:
        row = p.P.data.GenericRow(1)
        row.setField(0, fold())
    except jpype.JException as problem:
        return {"error": str(problem).split("\n")[0]}
    if getter is None:
        return {"value": None if row.isNullAt(0) else _hex(row.getBinary(0))}
    return {"value": getter(row, 0)}


def merges(p, case):
    """The merge of whole rows as every reader and compaction does it."""
    key = jpype.java.util.Arrays.asList(case["key"])
    function = p.P.mergetree.compact.aggregate.AggregateMergeFunction
    options, rows = options_of(p, case["options"]), row_type(p, case["columns"])
    return merged_groups(p, function.factory(options, rows, key).create(), case)


def payloads(p, case):
    """The bytes, in hex, that Java makes of sets of numbers: bitmaps and sketches."""
    utils = p.P.utils
    kind = case["function"]
    if kind in ("hll_sketch", "theta_sketch"):
        make = (utils.HllSketchUtil if kind == "hll_sketch" else utils.ThetaSketch).sketchOf
        ints = jpype.JArray(jpype.JInt)
        return [_hex(make(ints(values))) for values in case["sets"]]
    made = []
    for values in case["sets"]:
        bitmap = (utils.RoaringBitmap32 if kind == "rbm32" else utils.RoaringBitmap64)()
        for value in values:
            bitmap.add(value)
        made.append(_hex(bitmap.serialize()))
    return made


def same_bitmaps(p, case):
    """Whether pairs of payloads hold the same numbers, by Java's own equals."""
    return [
        _bitmap(p, case["function"], a).equals(_bitmap(p, case["function"], b))
        for a, b in case["pairs"]
    ]


def _bitmap(p, kind, data):
    data = p.V.to_java(data, "BYTES")
    if kind == "rbm64":
        bitmap = p.P.utils.RoaringBitmap64()
        bitmap.deserialize(data)
        return bitmap
    bitmap = p.P.utils.RoaringBitmap32()
    bitmap.deserialize(jpype.java.nio.ByteBuffer.wrap(data))
    return bitmap


def _hex(data) -> str:
    return memoryview(data).tobytes().hex()
