"""Filters as values: a predicate is built or parsed, bound to a schema, then applied or pruned on.

Knows: SQL's three-valued logic, Arrow types, ranges of column values.
Does not know: files, manifests, partitions, buckets, storage.

============  ====================================================================
nodes         the values a predicate is made of, and ``col("a") > 3``
literal       constants, from Python and from text (``temporal``: dates and times)
tokens, parse SQL-like text to a predicate; ``text`` prints one back
coerce        whatever a user passes as ``where``; ``arrow_expression`` reads pyarrow's
bind          a predicate against the columns of a schema; ``snap`` moves constants onto a
              column's grid, ``bind_shape`` does it for pyarrow expressions
evaluate      the exact rows (``compare``, ``like``: single tests); ``acero``: pyarrow's own
prune         whether a file may hold such rows, from ranges
traverse      the columns named, renaming, splitting
============  ====================================================================
"""
