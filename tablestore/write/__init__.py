"""Rows in: input of any Arrow kind, routed, sorted and written as level-0 files.

Knows: memtables, buckets, sequence numbers. Does not know: how a commit becomes visible.
"""
