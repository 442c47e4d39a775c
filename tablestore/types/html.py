"""Notebook rendering of result values."""

from __future__ import annotations

import html
from dataclasses import fields
from typing import Any


class HtmlFields:
    """Gives a dataclass a two-column table in notebooks."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        found: Any = fields(self)  # type: ignore[arg-type]
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(item.name)}</th>"
            f"<td>{html.escape(str(getattr(self, item.name)))}</td></tr>"
            for item in found
        )
        return f"<table>{rows}</table>"
