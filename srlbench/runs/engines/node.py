"""A run on a machine of a cluster, by the local engine, so that the digits are the same."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from srlbench.errors import SrlbenchError
from srlbench.records import software
from srlbench.runs.engines import local, parcel
from srlbench.runs.engines.host import DEVICES
from srlbench.runs.engines.parcel import Get, Parcel, Pieces, Put
from srlbench.runs.job import Event, Job, Outcome, Progress

# What Ray sets anew for each task, and no run reads where it was when the process began.
OF_TASK = (DEVICES, "RAY_JOB_ID")


@dataclass(frozen=True)
class Store:
    """The store of pieces that every machine of the cluster sees."""

    get: Get
    put: Put


@dataclass(frozen=True)
class Made:
    """The result of a run: its outcome, and the pieces of its encoder if that is kept."""

    outcome: Outcome
    encoder: Pieces


def make(
    job: Job, sent: Parcel, threads: int, expected: Mapping[str, str], store: Store, tell: Callable[[Progress], None]
) -> Made:
    """Run a job with the files that the driver sent; if it dies, its working folder stays for the next attempt."""
    check_software(expected)
    folder = parcel.unpack(sent, store.get)
    settings = {name: value.replace(parcel.HERE, str(folder)) for name, value in sent.environment.items()}
    here = parcel.rewritten(job, folder)
    environment = local.environment(threads, settings)
    host = local.host_of({name: value for name, value in environment.items() if name not in OF_TASK})
    (outcome,) = _outcomes(host.make([here], 1), tell)
    if outcome.record.status == "failed":
        return Made(outcome, {})
    encoder = parcel.upload(parcel.list_files(here.work / "encoder"), store.put)
    parcel.sweep(here)
    return Made(outcome, encoder)


def _outcomes(events: Iterator[Event], tell: Callable[[Progress], None]) -> Iterator[Outcome]:
    for event in events:
        if isinstance(event.news, Progress):
            tell(event.news)
        elif isinstance(event.news, Outcome):
            yield event.news


def check_software(expected: Mapping[str, str]) -> None:
    """Raise an error if the software of this machine is not the driver's: one suite, one software."""
    here = software()
    if differ := sorted(name for name, version in expected.items() if here.get(name) != version):
        differences = ", ".join(f"{name} {here.get(name) or 'missing'} instead of {expected[name]}" for name in differ)
        raise SrlbenchError(
            f"The machine {platform.node()} has other software than the one that runs the suite: {differences}. "
            "Install the same versions on all of them: other versions give other digits."
        )
