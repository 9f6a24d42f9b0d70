"""The plan of a suite: every run with its state and cost; and `walk`, which makes the missing runs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from srlbench import backbones, data, records, registry, tracks
from srlbench.backbones import Backbone
from srlbench.data import mirror
from srlbench.errors import SrlbenchError, StoreError
from srlbench.recipe import Recipe, Registered
from srlbench.records import Key, Record, address
from srlbench.runs import carried
from srlbench.runs import cost as costs
from srlbench.runs.fingerprint import current
from srlbench.runs.job import AS_USUAL, Event, Job, Observation, Outcome
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
    observation: Observation = AS_USUAL
    data: Path | None = None  # where the real text lies; None: as everywhere else


@dataclass(frozen=True)
class Run:
    """One run of a suite: its key, its recipe and backbone, its state in the results folder, what it will cost."""

    key: Key
    entry: Registered
    backbone: str  # a name, folder or pinned revision that resolves to the key's backbone
    state: str
    seconds: float | None
    memory: float | None = None  # bytes, where both are reckoned and not measured


@dataclass(frozen=True)
class Plan:
    """The runs of a suite, and how they are made."""

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

    def ensure_fits(self) -> None:
        """Refuse runs of which one alone takes more memory than this machine has."""
        for run in self.missing:
            if run.memory is not None:
                costs.ensure_fits(run.memory, str(address.of(run.key)))


def plan(suite: Suite, options: Options) -> Plan:
    """The runs of a suite, each with its state in the results folder."""
    suite.check()
    track = suite.track
    found = records.scan(options.results, track.name, track.version).records
    published = options.results.resolve() == records.published_results().resolve()
    reference = () if published else records.published(track.name, track.version) or ()
    statuses = {record.key: record.status for record in found}
    older = {key._replace(fingerprint="") for key, status in statuses.items() if status == "ok"}
    seconds = _seconds([*reference, *found])
    entries = {entry.name: entry for entry in suite.recipes}
    sources = {backbones.resolve(name).name: name for name in suite.backbones}
    runs = []
    for (recipe, backbone), fingerprint in current(suite.recipes, track, suite.backbones).items():
        entry, source = entries[recipe], sources[backbone]
        took, start = seconds.get((recipe, backbone)), backbones.resolve(source)
        wanted = resolved(entry, track, start) if took is None else None
        for seed in suite.seeds:
            key = Key(track.name, track.version, recipe, backbone, fingerprint, seed)
            cost = _reckoned(wanted, track, start, track.tasks(recipe, backbone, seed)) if wanted else (took, None)
            runs.append(Run(key, entry, source, _state(key, statuses, older), *cost))
    return Plan(track, tuple(runs), options, suite.scored)


def _reckoned(recipe: Recipe, track: Track, start: Backbone, tasks: Sequence[str]) -> tuple[float | None, float | None]:
    """The seconds and bytes of a run that nobody timed, as far as they can be reckoned."""
    if (seconds := track.cost(recipe)) is not None:
        return seconds, None
    reckoned = costs.of(recipe, track, start, tasks)
    return (reckoned.seconds, reckoned.memory) if reckoned else (None, None)


def _state(key: Key, statuses: Mapping[Key, str], older: Collection[Key]) -> str:
    """The state of a run; older: the runs with a good record, without the fingerprints."""
    if key in statuses:
        return DONE if statuses[key] == "ok" else FAILED
    return STALE if key._replace(fingerprint="") in older else TO_DO


def _seconds(found: Iterable[Record]) -> dict[Cell, float]:
    """The median of the seconds that runs took."""
    seconds: dict[Cell, list[float]] = {}
    for record in found:
        if record.status == "ok" and "total_s" in record.timings:
            seconds.setdefault((record.recipe, record.backbone), []).append(record.timings["total_s"])
    return {cell: median(values) for cell, values in seconds.items()}


def tidy(plan: Plan) -> None:
    """Remove the work on recorded runs that a kill between record and clean-up left, unless a run still holds it."""
    done = (run for run in plan.runs if run.state == DONE)
    for work in (records.run_folder(plan.results, "work", run.key) for run in done):
        with suppress(OSError), (work / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(work, ignore_errors=True)


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
    """Write the rules beside their records; raise an error if the folder has records of other rules."""
    folder = records.track_folder(results, track.name, track.version)
    rules, protocol = folder / "track.toml", folder / "protocol.toml"
    if rules.is_file() and protocol.is_file():
        frozen = tracks.read(rules, protocol)
        if (frozen.protocol_hash, frozen.data_hashes) != (track.protocol_hash, track.data_hashes):
            raise SrlbenchError(
                f"{rules.parent} freezes other rules than track {track.name} v{track.version} of this srlbench has; "
                "their scores must not share a table. Choose another folder with --results."
            )
    records.write_text(protocol, track.protocol.path.read_text(encoding="utf-8"))
    records.write_text(rules, track.path.read_text(encoding="utf-8"))


def jobs_of(plan: Plan) -> list[Job]:
    """The jobs for an engine: one for each missing run. All recipes come under the first seed, then under the next."""
    seeds = list(dict.fromkeys(run.key.seed for run in plan.runs))
    return [_job(plan, run) for run in sorted(plan.missing, key=lambda run: seeds.index(run.key.seed))]


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
        observation=options.observation,
        scored=plan.scored,
        world_size=recipe.world_size or 1,
        entry=None if registry.is_installed(run.entry, options.files) else carried.pack(run.entry),
        data=folder.absolute() if (folder := mirror.given(options.data)) else None,
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
