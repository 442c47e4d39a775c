"""Row semantics: the order of keys, groups of equal keys, which row of a group wins.

Knows: Arrow arrays and row numbers. Does not know: files, commits, tables.
"""
