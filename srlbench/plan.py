"""The plan of a suite: every run with its state and cost, and the walk that makes what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from srlbench import backbones, data, records, registry, tracks
from srlbench.backbones import Backbone
from srlbench.errors import SrlbenchError, StoreError
from srlbench.fingerprint import fingerprint, resolved
from srlbench.jobs import AS_USUAL, Event, Job, Look, Outcome
from srlbench.recipe import Registered
from srlbench.records import Key, Record
from srlbench.tracks import Track

DONE, STALE, FAILED, TO_DO = "done", "stale", "failed", "to do"
Engine = Callable[[Sequence[Job]], Iterable[Event]]


@dataclass(frozen=True)
class Run:
    """One cell of the suite: its key, its state in the results folder, what it will cost."""

    key: Key
    state: str
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """What will run, what is done, what is stale."""

    track: Track
    results: Path
    runs: tuple[Run, ...]
    recipe_files: tuple[Path, ...] = ()
    command: str = ""
    keep_encoders: bool = True
    look: Look = AS_USUAL
    sources: Mapping[str, str] = field(default_factory=dict)  # backbone name -> what was asked for, if a folder
    scored: bool = True  # on the tasks, or only on the development set
    failures: list[Record] = field(default_factory=list)

    @property
    def missing(self) -> list[Run]:
        return [run for run in self.runs if run.state != DONE]


def current(recipes: Iterable[Registered], track: Track, chosen: Sequence[str] = ()) -> dict[tuple[str, str], str]:
    """The fingerprint each recipe has now on each backbone: what makes a record current or stale."""
    starts = [backbones.resolve(name) for name in chosen or track.backbones]
    return {(r.name, b.name): fingerprint(r, track, b) for r in recipes for b in starts if applies(r, b)}


def applies(entry: Registered, backbone: Backbone) -> bool:
    """Whether a recipe means anything on this backbone: static embeddings have no layers to choose from or to prune."""
    return backbone.layered or entry.recipe.needs != "layers"


def states(
    fingerprints: dict[tuple[str, str], str],
    track: Track,
    seeds: Sequence[int],
    found: Iterable[Record],
    reference: Iterable[Record] = (),
    reckoned: Mapping[tuple[str, str], float | None] | None = None,
) -> tuple[Run, ...]:
    """Every run of the suite, told from the records there are; costs from records like it."""
    by_key: dict[Key, Record] = {}
    older: set[tuple[str, str, int]] = set()
    costs: dict[tuple[str, str], list[float]] = {}
    for record in [*reference, *found]:
        if record.status == "ok" and "total_s" in record.timings:
            costs.setdefault((record.recipe, record.backbone), []).append(record.timings["total_s"])
    for record in found:
        by_key[record.key] = record
        if record.status == "ok":
            older.add((record.recipe, record.backbone, record.seed))
    runs = []
    for (recipe, backbone), print_ in fingerprints.items():
        spent = costs.get((recipe, backbone))
        for seed in seeds:
            key = Key(track.name, track.version, recipe, backbone, print_, seed)
            there = by_key.get(key)
            if there is not None:
                state = DONE if there.status == "ok" else FAILED
            else:
                state = STALE if (recipe, backbone, seed) in older else TO_DO
            guess = (reckoned or {}).get((recipe, backbone))
            runs.append(Run(key, state, median(spent) if spent else guess))
    return tuple(runs)


def walk(plan: Plan, engine: Engine, fail_fast: bool = False) -> Iterator[Event]:
    """Make the missing runs, recording each as it finishes; failures are collected in the plan."""
    records.ensure_writable(plan.results, plan.track.name, plan.track.version)
    freeze(plan.results, plan.track)
    jobs = jobs_of(plan)
    if jobs:
        data.fetch(plan.track)
    for source in sorted({job.backbone for job in jobs}):
        backbones.fetch(backbones.resolve(source))
    for event in engine(jobs):
        if isinstance(event.news, Outcome):
            _keep(plan, event.job, event.news)
        yield event
        if fail_fast and plan.failures:
            return


def freeze(results: Path, track: Track) -> None:
    """The rules beside the records they governed; a folder made under other rules is refused."""
    rules, protocol = (folder(results, track) / name for name in ("track.toml", "protocol.toml"))
    if rules.is_file() and protocol.is_file():
        there = tracks.read(rules, protocol)
        if (there.protocol_hash, there.data_hashes) != (track.protocol_hash, track.data_hashes):
            raise SrlbenchError(
                f"{rules.parent} freezes other rules than track {track.name} v{track.version} of this srlbench has; "
                "their scores must not share a table. Choose another folder with --results."
            )
    records.write_text(protocol, track.protocol.path.read_text(encoding="utf-8"))
    records.write_text(rules, track.path.read_text(encoding="utf-8"))


def folder(results: Path, track: Track) -> Path:
    return results / track.name / f"v{track.version}"


def jobs_of(plan: Plan) -> list[Job]:
    """What is asked of an engine: the runs that are missing."""
    cells = {(run.key.recipe, run.key.backbone): run.key for run in plan.missing}
    sizes = {cell: _world_size(plan, key) for cell, key in cells.items()}
    return [_job(plan, run.key, sizes[run.key.recipe, run.key.backbone]) for run in plan.missing]


def _job(plan: Plan, key: Key, world_size: int) -> Job:
    return Job(
        key=key,
        protocol=plan.track.protocol.label,
        track=str(plan.track.path.resolve()),
        work=beside(plan.results, "work", key).resolve(),
        backbone=plan.sources.get(key.backbone, key.backbone),
        keep_encoder=plan.keep_encoders,
        recipe_files=plan.recipe_files,
        command=plan.command,
        look=plan.look,
        scored=plan.scored,
        world_size=world_size,
    )


def _world_size(plan: Plan, key: Key) -> int:
    entry, backbone = registry.recipe(key.recipe, plan.recipe_files), plan.sources.get(key.backbone, key.backbone)
    return resolved(entry, plan.track, backbones.resolve(backbone)).world_size or 1


def _keep(plan: Plan, job: Job, outcome: Outcome) -> None:
    """Record an outcome; the encoder goes to its place first, because the record marks the run as complete."""
    if outcome.record.status == "failed":
        plan.failures.append(outcome.record)
    elif (job.work / "encoder").is_dir():
        target = beside(plan.results, "encoders", job.key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(job.work / "encoder", target)
        except OSError as error:
            raise StoreError(f"Cannot write {target}: {error.strerror}.") from error
    records.write(plan.results, outcome.record, outcome.predictions)
    if outcome.record.status == "ok":
        shutil.rmtree(job.work, ignore_errors=True)


def beside(results: Path, kind: str, key: Key) -> Path:
    """A run's folder of another kind (work, encoders), laid out as the records are."""
    path = records.record_path(results, key)
    root = results / key.track / f"v{key.version}"
    return root / kind / path.relative_to(root / "records").with_suffix("")
