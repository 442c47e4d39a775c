"""Data types as values: SQL text, schema JSON and Arrow, field ids, row kinds.

Knows: Paimon's type system. Does not know: tables, options, files, rows.
"""
