"""A progress bar for whoever calls from Python: in a notebook by itself, elsewhere if it is asked for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from srlbench.records import address
from srlbench.runs.job import Event, Outcome, Progress, Report


def wanted(progress: bool | None) -> bool:
    """Whether there is a bar: as the caller says, else in a notebook."""
    return _in_notebook() if progress is None else progress


@contextmanager
def of_runs(progress: bool | None, total: int) -> Iterator[Callable[[Event], None]]:
    """A bar over the runs of a suite, which is given their events."""
    if not wanted(progress):
        yield lambda event: None
        return
    with _kind()(total=total, unit="run", miniters=0, mininterval=0.5) as bar:

        def see(event: Event) -> None:
            if isinstance(event.news, Progress):
                bar.set_postfix_str(f"{address.of(event.job.key)} {event.news.stage}", refresh=False)
                bar.update(0)
            elif isinstance(event.news, Outcome):
                bar.update(1)

        yield see


@contextmanager
def of_stages(progress: bool | None) -> Iterator[Report]:
    """A bar over one stage after the other."""
    if not wanted(progress):
        yield lambda stage, done, of: None
        return
    with _kind()(miniters=0, mininterval=0.5) as bar:

        def report(stage: str, done: int, of: int) -> None:
            bar.total = of
            bar.set_description_str(stage, refresh=False)
            bar.update(done - bar.n)

        yield report


def _in_notebook() -> bool:
    """Whether the caller is a Jupyter kernel; an IPython terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _kind() -> Any:
    """tqdm's bar, as a widget where there are widgets; it starts no thread and fixes no way to start processes."""
    if _in_notebook() and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm
    else:
        from tqdm.std import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0
        _lock = threading.RLock()

    return Bar
