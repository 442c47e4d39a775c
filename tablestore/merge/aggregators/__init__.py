"""Aggregate functions: what becomes of one column's versions of a key.

Knows: Arrow arrays and row numbers. Does not know: kinds of engines, files, tables.
"""
