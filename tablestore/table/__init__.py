"""The user's verbs on one table; the composition root that builds the parts below.

Knows: every room below. Does not know: catalogs, the command line.
"""
