"""The only writer of committed state: messages become snapshots, exactly once.

Knows: conflicts, manifests to write, the protocol that creates snapshot N+1.
Does not know: rows, how data files are written, the user's verbs.
"""
