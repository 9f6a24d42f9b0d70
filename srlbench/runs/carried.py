"""A recipe that only the driver's process knows, made to travel to the processes of its runs."""

from __future__ import annotations

import pickle
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import srlbench
from srlbench.errors import UsageError
from srlbench.recipe import Registered

OURS = Path(srlbench.__file__).parent


def pack(entry: Registered) -> bytes:
    """The recipe with the code of its loss, unless that is installed on every machine."""
    import cloudpickle

    function = entry.recipe.loss.function if entry.recipe.loss else None
    module = sys.modules.get(function.__module__ or "") if function else None
    try:
        with _with_its_code(module, cloudpickle):
            packed: bytes = cloudpickle.dumps(entry)
            return packed
    except Exception as error:  # whatever the objects that a function names say when they are pickled
        said = str(error).partition("\n")[0]
        raise UsageError(f"Recipe '{entry.name}' cannot be sent to the processes of its runs: {said}") from error


def unpack(content: bytes) -> Registered:
    found = pickle.loads(content)
    assert isinstance(found, Registered)
    return found


@contextmanager
def _with_its_code(module: ModuleType | None, cloudpickle: ModuleType) -> Iterator[None]:
    """A module of the user's own is not imported by a run: what is needed of it travels."""
    own = module is not None and module.__name__ != "__main__" and not _is_installed(module)
    if own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        if own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_installed(module: ModuleType) -> bool:
    path = Path(getattr(module, "__file__", None) or sys.executable).resolve()
    places = [OURS, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))]
    return any(path.is_relative_to(place.resolve()) for place in places)
