"""Filters as values: a predicate is built or parsed, bound to a schema, then applied or pruned on.

Knows: SQL's three-valued logic, Arrow types, ranges of column values.
Does not know: files, manifests, partitions, buckets, storage.

================  ================================================================
nodes             the values a predicate is made of, and ``col("a") > 3``
literal           constants; ``from_python`` makes them, ``temporal`` reads dates and times
tokens, parse     SQL-like text to a predicate; ``text``, ``sql`` print one back
coerce            whatever a user passes as ``where``
arrow_expression  a pyarrow expression taken apart (``flatbuffer``), ``acero`` applies one
bind              a predicate against the columns of a schema; ``fit`` and ``snap`` move
                  constants onto a column's grid
evaluate          the exact rows; ``compare`` and ``like`` are its single tests
prune             whether a file may hold such rows, from ranges
arrow_scalar      bound constants to Arrow; ``arrow_literal`` is the way back
traverse          the columns named, renaming, splitting
================  ================================================================
"""
