"""Data files: rows as Parquet, ORC and Avro.

Knows: Arrow batches, the settings of each format, field ids. Does not know: where files
are, which rows win.
"""
