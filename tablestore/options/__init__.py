"""Settings as values: units, every Paimon option by name, table options parsed once.

Knows: option names, values and what tablestore honours. Does not know: columns' types, files.
"""
