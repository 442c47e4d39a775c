"""Sorted runs on storage: read one data file, merge several, write rolling files.

Knows: data files of a bucket, their schemas and key order. Does not know: snapshots, commits.
"""
