"""Names to tables.

Knows: warehouses, databases, table names. Does not know: the command line, integrations.
"""
