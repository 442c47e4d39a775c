"""Compaction: runs what ``lsm`` picks, bucket by bucket, and hands the outcome to the committer.

Knows: sorted runs, merge rules, data files. Does not know: who asked, where commits go.
"""
