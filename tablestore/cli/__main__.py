"""``python -m tablestore.cli``: the command without its installed script."""

from __future__ import annotations

from tablestore.cli.main import main

if __name__ == "__main__":
    main()
