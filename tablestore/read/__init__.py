"""Rows out: plan which files to read at a snapshot, read and merge them, filter exactly.

Knows: snapshots, pruning, projections. Does not know: how tables are named or written.
"""
