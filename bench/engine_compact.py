"""A process that compacts tables with Java Paimon, and says what CPU each compaction took.

Run by ``bench.peers`` in the environment that holds JPype; see ``tests/support/peers_line.py``. The
JVM runs with its own defaults (both compilers), unlike that of the tests.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

import jpype

from tests.support import oracle_java
from tests.support.oracle_worker import java_error
from tests.support.peers_line import serve

MEMORY = "4g"


class Compactor:
    """One JVM with one Java Paimon."""

    def __init__(self, jars: list[str]) -> None:
        self._jars = jars
        opens = [f"--add-opens={x}=ALL-UNNAMED" for x in oracle_java.OPENS]
        flags = [*opens, f"-Xmx{MEMORY}", "-Duser.timezone=UTC"]
        jpype.startJVM(*flags, classpath=jars, convertStrings=True)

    def __call__(self, op: str, warehouse: str, name: str) -> Any:
        """CPU seconds of a full compaction; those of all threads, compilers and collectors too.

        Raises:
            ValueError: asked for anything else.
        """
        if op != "full":
            raise ValueError(f"no operation {op}")
        paimon = oracle_java.Paimon(self._jars, warehouse)
        began = _cpu()
        paimon.write(name, compact="full", **{"write-only": "false"})
        return _cpu() - began


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    serve(Compactor(sys.argv[1].split(":")), java_error, oracle_java.Paimon.clean)
