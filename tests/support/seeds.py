"""The seed of tests that draw their cases at random: fresh every day, or ``TABLESTORE_SEED``.

The conformance run prints it at its end; a red case names it, too.
"""

from __future__ import annotations

import datetime as dt
import os

SEED = int(os.environ.get("TABLESTORE_SEED", dt.datetime.now(dt.UTC).strftime("%Y%m%d")))
