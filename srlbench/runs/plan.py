"""The plan of a suite: every run with its state and cost, and the walk that makes what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from srlbench import backbones, data, records, registry, tracks
from srlbench.data import mirror
from srlbench.errors import SrlbenchError, StoreError
from srlbench.recipe import Registered
from srlbench.records import Key, Record
from srlbench.runs import carried
from srlbench.runs.fingerprint import current
from srlbench.runs.job import AS_USUAL, Event, Job, Look, Outcome
from srlbench.runs.suite import Suite
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved

DONE, STALE, FAILED, TO_DO = "done", "stale", "failed", "to do"
Engine = Callable[[Sequence[Job]], Iterable[Event]]
Cell = tuple[str, str]  # recipe, backbone


@dataclass(frozen=True)
class Options:
    """How runs are made and where they go; no score depends on it."""

    results: Path
    files: tuple[Path, ...] = ()  # with more recipes
    command: str = ""
    keep_encoders: bool = True
    look: Look = AS_USUAL
    data: Path | None = None  # where the real text lies; None: as everywhere else


@dataclass(frozen=True)
class Run:
    """One run of a suite: its key, its recipe and backbone, its state in the results folder, what it will cost."""

    key: Key
    entry: Registered
    backbone: str  # a name, folder or pinned revision that resolves to the key's backbone
    state: str
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """What will run, what is done, what is stale."""

    track: Track
    runs: tuple[Run, ...]
    options: Options
    scored: bool = True  # on the tasks, or only on the development set

    @property
    def results(self) -> Path:
        return self.options.results

    @property
    def missing(self) -> list[Run]:
        return [run for run in self.runs if run.state != DONE]


def plan(suite: Suite, options: Options) -> Plan:
    """The runs of a suite, each with its state in the results folder."""
    suite.check()
    track = suite.track
    found = records.scan(options.results, track.name, track.version).records
    reference = () if _is_published(options.results) else records.published(track.name, track.version) or ()
    states, costs = _State(found), _Costs([*reference, *found])
    runs = []
    for (recipe, backbone), print_ in current(suite.recipes, track, suite.backbones).items():
        entry, source = suite.recipe(recipe), suite.source(backbone)
        cost = costs.of((recipe, backbone))
        if cost is None and track.estimate:
            cost = track.cost(resolved(entry, track, backbones.resolve(source)))
        for seed in suite.seeds:
            key = Key(track.name, track.version, recipe, backbone, print_, seed)
            runs.append(Run(key, entry, source, states.of(key), cost))
    return Plan(track, tuple(runs), options, suite.scored)


class _State:
    """What a results folder says of a run."""

    def __init__(self, found: Iterable[Record]) -> None:
        self.status: Mapping[Key, str] = {record.key: record.status for record in found}
        self.older = {(k.recipe, k.backbone, k.seed) for k, status in self.status.items() if status == "ok"}

    def of(self, key: Key) -> str:
        if key in self.status:
            return DONE if self.status[key] == "ok" else FAILED
        return STALE if (key.recipe, key.backbone, key.seed) in self.older else TO_DO


class _Costs:
    """The seconds that runs took."""

    def __init__(self, found: Iterable[Record]) -> None:
        self.seconds: dict[Cell, list[float]] = {}
        for record in found:
            if record.status == "ok" and "total_s" in record.timings:
                self.seconds.setdefault((record.recipe, record.backbone), []).append(record.timings["total_s"])

    def of(self, cell: Cell) -> float | None:
        return median(self.seconds[cell]) if cell in self.seconds else None


def _is_published(results: Path) -> bool:
    return results.resolve() == records.published_results().resolve()


def walk(plan: Plan, engine: Engine, fail_fast: bool = False) -> Generator[Event]:
    """Make the missing runs, recording each as it finishes."""
    records.ensure_writable(plan.results, plan.track.name, plan.track.version)
    freeze(plan.results, plan.track)
    jobs = jobs_of(plan)
    if jobs:
        with mirror.using(plan.options.data):
            data.fetch(plan.track)
    for source in sorted({job.backbone for job in jobs}):
        backbones.fetch(backbones.resolve(source))
    events = iter(engine(jobs))
    try:
        for event in events:
            if isinstance(event.news, Outcome):
                _keep(plan, event.job, event.news)
            yield event
            if fail_fast and event.failed:
                return
    finally:  # also of a walk that is left early: what is running ends now, not when it is collected
        if isinstance(events, Generator):
            events.close()


def freeze(results: Path, track: Track) -> None:
    """The rules beside the records they governed; a folder made under other rules is refused."""
    folder = records.track_folder(results, track.name, track.version)
    rules, protocol = folder / "track.toml", folder / "protocol.toml"
    if rules.is_file() and protocol.is_file():
        there = tracks.read(rules, protocol)
        if (there.protocol_hash, there.data_hashes) != (track.protocol_hash, track.data_hashes):
            raise SrlbenchError(
                f"{rules.parent} freezes other rules than track {track.name} v{track.version} of this srlbench has; "
                "their scores must not share a table. Choose another folder with --results."
            )
    records.write_text(protocol, track.protocol.path.read_text(encoding="utf-8"))
    records.write_text(rules, track.path.read_text(encoding="utf-8"))


def jobs_of(plan: Plan) -> list[Job]:
    """What is asked of an engine: the runs that are missing."""
    return [_job(plan, run) for run in plan.missing]


def _job(plan: Plan, run: Run) -> Job:
    options = plan.options
    recipe = resolved(run.entry, plan.track, backbones.resolve(run.backbone))
    return Job(
        key=run.key,
        protocol=plan.track.protocol.label,
        track=str(plan.track.path.resolve()),
        work=records.run_folder(plan.results, "work", run.key).resolve(),
        backbone=run.backbone,
        keep_encoder=options.keep_encoders,
        recipe_files=options.files,
        command=options.command,
        look=options.look,
        scored=plan.scored,
        world_size=recipe.world_size or 1,
        entry=None if registry.is_installed(run.entry, options.files) else carried.pack(run.entry),
        data=place.absolute() if (place := mirror.given(options.data)) else None,
    )


def _keep(plan: Plan, job: Job, outcome: Outcome) -> None:
    """Record an outcome; the encoder goes to its place first, because the record marks the run as complete."""
    if outcome.record.status == "ok" and (job.work / "encoder").is_dir():
        target = records.run_folder(plan.results, "encoders", job.key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(job.work / "encoder", target)
        except OSError as error:
            raise StoreError(f"Cannot write {target}: {error.strerror}.") from error
    records.write(plan.results, outcome.record, outcome.predictions)
    if outcome.record.status == "ok":
        shutil.rmtree(job.work, ignore_errors=True)
