"""On-disk codecs: bytes to values and back, one file a page of the format.

Knows: Paimon's byte layouts. Does not know: storage, paths of a machine, clocks, options' effects.
"""
