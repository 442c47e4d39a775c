"""Object storage: a few verbs over bytes.

Knows: keys, bytes, durability, put-if-absent, folders.
Does not know: any table format, what a key means.
"""
