"""The shape of a bucket's LSM tree: sorted runs and sections.

Knows: key ranges, levels, sizes. Does not know: rows, Arrow, files on storage.
"""
