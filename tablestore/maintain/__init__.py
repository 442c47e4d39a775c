"""Maintenance: takes away snapshots that are no longer kept, and files that nothing refers to.

Knows: what snapshots, tags, branches and consumers refer to. Does not know: rows, who asked.
"""
