"""Recipes that only the driver's process knows, pickled for the processes of their runs."""

from __future__ import annotations

import pickle
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import srlbench
from srlbench import registry
from srlbench.errors import UsageError
from srlbench.recipe import Registered

OURS = Path(srlbench.__file__).parent


def pack(entry: Registered) -> bytes:
    """The pickled recipe and its teachers, with the code of their parts unless that is in an installed module."""
    import cloudpickle

    all_ = [entry, *(each for each in registry.teachers(entry) if not registry.is_installed(each))]
    own = [part.function for each in all_ for part in each.recipe.parts if part.function]
    modules = {name: sys.modules[name] for each in own if (name := each.__module__ or "") in sys.modules}
    try:
        with ExitStack() as stack:
            for module in modules.values():
                stack.enter_context(_with_its_code(module, cloudpickle))
            packed: bytes = cloudpickle.dumps(all_)
            return packed
    except Exception as error:  # whatever the objects that a function names say when they are pickled
        reason = str(error).partition("\n")[0]
        raise UsageError(f"Recipe '{entry.name}' cannot be sent to the processes of its runs: {reason}") from error


def unpack(content: bytes) -> Registered:
    found, *teachers = pickle.loads(content)
    assert isinstance(found, Registered)
    for teacher in teachers:
        registry.enter(teacher)
    return found


@contextmanager
def _with_its_code(module: ModuleType, cloudpickle: ModuleType) -> Iterator[None]:
    """Inside, functions of the module are pickled with their code if it is the user's own, which runs cannot import."""
    own = module.__name__ != "__main__" and not _is_installed(module)
    if own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        if own:
            cloudpickle.unregister_pickle_by_value(module)


def _is_installed(module: ModuleType) -> bool:
    path = Path(getattr(module, "__file__", None) or sys.executable).resolve()
    folders = [OURS, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))]
    return any(path.is_relative_to(folder.resolve()) for folder in folders)
