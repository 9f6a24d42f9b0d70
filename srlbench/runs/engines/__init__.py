"""How runs are executed. An engine is a function of jobs and how many at once: an iterator of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from srlbench.errors import UsageError, unknown
from srlbench.records import cores
from srlbench.runs.job import ANY, Event, Job, Share

NAMES = ("local", "ray")


@dataclass(frozen=True)
class Choice:
    """Where runs are executed: processes of this machine, or a Ray cluster; and how many at once."""

    name: str = NAMES[0]
    jobs: int | None = None  # at once; None: the processors of this machine, or what a cluster takes
    address: str | None = None  # of the cluster
    share: Share = ANY

    @property
    def parallel(self) -> int | None:
        """How many runs there are at once, if that is known before."""
        return self.jobs or (cores() if self.name == "local" else None)


def engine(choice: Choice, threads: int) -> Callable[[Sequence[Job]], Iterable[Event]]:
    """The engine; an error now, before anything else, if it is Ray and Ray is not installed."""
    if choice.name not in NAMES:
        raise unknown("engine", choice.name, NAMES)
    if choice.name == "local":
        if choice.address or choice.share != ANY:
            raise UsageError("--address, --cpus-per-run and --gpus-per-run are for a cluster: add --engine ray.")
        from srlbench.runs.engines import local

        return partial(local.run, parallel=choice.parallel or 1, threads=threads)
    if find_spec("ray") is None:
        raise UsageError("The engine 'ray' needs Ray: pip install 'srlbench[ray]'")
    from srlbench.runs.engines import ray

    return partial(ray.run, parallel=choice.jobs, threads=threads, address=choice.address, share=choice.share)
