"""Where the large, short-lived buffers of reads and merges are allocated."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

BUFFERS: Final = pa.system_memory_pool()
"""Arrow's own pool hands pages back to the system as soon as a buffer is freed and faults them in
again for the next one, which costs a tenth of a compaction; the C library keeps them."""


def give_back() -> None:
    """Hand unused pages of both pools to the system: where memory is limited, they count."""
    BUFFERS.release_unused()
    pa.default_memory_pool().release_unused()
