"""Kernels that numba compiles: declared beside their code, compiled or loaded once a process.

::

    @part                                       a function that kernels of its file call
    def _step(word: int) -> int: ...

    @kernel("void(uint64[::1], int64[::1])")    one signature, so one compiled form
    def merge(words, out) -> None: ...

    if merge.ready(seconds_spared):             compiled by now, or compiling it pays
        merge(words, out)
    else:
        ...                                     numpy, with the same result

A file that declares kernels costs nothing to import: numba is loaded by the first kernel that
pays. ``merge.plain`` is the function itself, run by Python; tests hold all three to equal results.

Compiled kernels are kept in a folder that only this user may write (what lies there is executed),
never beside the code, so a read-only installation keeps them too. The folder's name tells the
processor, the compiler and the kernels' code apart; processes may fill it at the same time. Where
no folder can be written, a kernel is compiled in each process that spares much more by it, and
numpy does the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

LOAD_PAYS_SECONDS: Final = 1.0
"""Loading numba and a kept kernel takes about 0.4 s, compiling it for the first time some more."""
COMPILE_PAYS_SECONDS: Final = 20.0
"""Where nothing can be kept, each process compiles again."""
MORE_PAYS_SECONDS: Final = 0.3
"""Once numba is there, a kept kernel takes some milliseconds, and compiling it a few tenths."""

_OPTIONS: Final = {"nogil": True, "error_model": "numpy"}
_BAD_CACHE: Final = (
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
_lock = threading.RLock()
_parts: dict[str, list[Callable[..., Any]]] = {}
_loaded: list[str] = []
"""Kernels that are compiled."""


class Kernel(Generic[P, R]):
    """A function of arrays and numbers that is compiled when that pays.

    Attributes:
        plain: the function as it is written.
        signature: numba's text for the types of its arguments and result.
    """

    def __init__(self, function: Callable[P, R], signature: str) -> None:
        self.plain = function
        self.signature = signature
        self._compiled: Callable[P, R] | None = None
        self._missed = 0.0
        self._absent = False

    def ready(self, spared: float) -> bool:
        """Whether to call it; compiles it first where that pays.

        What it could have spared before in this process counts too: many small pieces of work
        are as good a reason as a large one, and who never has either never pays.

        Args:
            spared: seconds of work that the compiled form takes off the caller.
        """
        if self._compiled is not None:
            return True
        self._missed += spared
        if self._absent or self._missed < (MORE_PAYS_SECONDS if _loaded else LOAD_PAYS_SECONDS):
            return False
        if self._missed < COMPILE_PAYS_SECONDS and cache_folder() is None:
            return False
        return self.warm_up()

    def warm_up(self) -> bool:
        """Compiles or loads it now; False where numba does not work here."""
        with _lock:
            if self._compiled is None and not self._absent:
                self._compiled = _compiled(self.plain, self.signature)
                self._absent = self._compiled is None
                if not self._absent:
                    _loaded.append(self.plain.__name__)
        return self._compiled is not None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the compiled form.

        Raises:
            RuntimeError: numba does not work here; ``ready`` says so beforehand.
        """
        if self._compiled is None and not self.warm_up():
            raise RuntimeError(f"{self.plain.__name__} cannot be compiled here")
        assert self._compiled is not None
        return self._compiled(*args, **kwargs)


def kernel(signature: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Declares a kernel.

    Args:
        signature: as numba writes it; arrays that are only read are
            ``Array(uint8, 1, 'C', readonly=True)``.
    """

    def declare(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, signature)

    return declare


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Declares a function that the kernels of its file call, in an order that calls go upwards."""
    _parts.setdefault(function.__module__, []).append(function)
    return function


@cache
def cache_folder() -> Path | None:
    """Where compiled kernels are kept; None where there is no place that is ours alone."""
    try:
        folder = _root() / f"kernels-{_digest()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if os.name == "posix" and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
            return None
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):  # no home folder is a RuntimeError
        return None


def _root() -> Path:
    environment = os.environ
    for name, below in (
        ("TABLESTORE_CACHE", ""),
        ("XDG_CACHE_HOME", "tablestore"),
        ("LOCALAPPDATA", "tablestore/cache"),
    ):
        if environment.get(name):
            return Path(environment[name]).expanduser() / below
    return Path.home() / ".cache" / "tablestore"


def _digest() -> str:
    """Changes with whatever the machine code depends on, as numba looks at less than that."""
    from importlib import metadata

    found = hashlib.blake2b(digest_size=8)
    versions = [metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    checked = os.environ.get("NUMBA_BOUNDSCHECK", "")
    for word in (sys.version, *versions, checked, *_processor()):
        found.update(word.encode() + b"\0")
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def _processor() -> tuple[str, str]:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return binding.get_host_cpu_name(), features.flatten()


def _compiled(function: Callable[P, R], signature: str) -> Callable[P, R] | None:
    try:
        import numba
    except ImportError:  # it refuses a Python or numpy that is newer than itself
        return None
    config: Any = numba.config
    if config.DISABLE_JIT:
        return None
    folder = cache_folder()
    kept = config.CACHE_DIR
    try:
        if folder is not None:
            # numba asks for the place where a function is declared; the setting is the user's
            config.CACHE_DIR = str(folder)
            try:
                return _declared(numba, function, signature, keep=True)
            except _BAD_CACHE:  # damaged, or the disk is full
                _clear(folder)
        return _declared(numba, function, signature, keep=False)
    finally:
        config.CACHE_DIR = kept


def _clear(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for file in folder.rglob("*.nb[ic]"):
            file.unlink(missing_ok=True)


def _declared(
    numba: types.ModuleType, function: Callable[P, R], signature: str, *, keep: bool
) -> Callable[P, R]:
    scope = dict(function.__globals__)
    for inner in _parts.get(function.__module__, ()):
        scope[inner.__name__] = numba.njit(**_OPTIONS)(_within(scope, inner))
    compiled: Callable[P, R] = numba.njit(signature, cache=keep, **_OPTIONS)(
        _within(scope, function)
    )
    return compiled


def _within(scope: dict[str, Any], function: Callable[..., Any]) -> types.FunctionType:
    """The function with other global names, so that it calls compiled parts."""
    copy = types.FunctionType(function.__code__, scope, function.__name__)
    copy.__qualname__ = function.__qualname__
    return copy
