"""Data files: rows as Parquet.

Knows: Arrow batches, Parquet settings, field ids. Does not know: where files are, which rows win.
"""
