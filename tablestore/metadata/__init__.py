"""Committed state, read: snapshots, schemas, manifests, live files.

Knows: which object holds what, hints, caches of immutable objects.
Does not know: how a commit is made, rows, the user.
"""
