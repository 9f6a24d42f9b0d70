"""One run, start to end, in a process of its own: train, evaluate, diagnose, and hand back a record."""

from __future__ import annotations

import fcntl
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from srlbench import backbones, registry, tracks
from srlbench.diagnostics.run import Diagnosis
from srlbench.errors import SrlbenchError
from srlbench.evaluation import evaluate as evaluation
from srlbench.recipe import Registered
from srlbench.records import environment
from srlbench.runs import carried
from srlbench.runs.fingerprint import fingerprint
from srlbench.runs.job import Job, Outcome
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved
from srlbench.training import course, launch
from srlbench.training.callbacks import DevScore, Hooks
from srlbench.training.ranks import Ranks
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training

Report = Callable[[str, int, int], None]


def execute(job: Job, report: Report) -> Outcome:
    """Run the job; whatever goes wrong comes back as a failed record, never as an exception."""
    start = time.perf_counter()
    try:
        job.work.mkdir(parents=True, exist_ok=True)
        with (job.work / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a run left over from a killed driver ends before this one begins
            return _execute(job, report, start, lock.fileno())
    except BrokenPipeError:
        raise  # nobody is listening any more: the driver is gone
    except Exception as error:
        return job.failed(launch.problem(error), time.perf_counter() - start)


def _execute(job: Job, report: Report, start: float, lock: int) -> Outcome:
    key, (entry, training) = job.key, _training(job)
    track, recipe = training.track, training.recipe
    diagnosis = _diagnosis(job, track)
    size = recipe.world_size or 1
    if size == 1:
        trained = course.train(training, Hooks(_dev_score(track), report, diagnosis))
    else:
        learnt = launch.together(partial(_rank, job), size, job.work / "ranks", report, lock)
        trained = course.trained(training, *learnt)
    if job.keep_encoder and recipe.trained:
        trained.model.save_pretrained(str(job.work / "encoder"))
        if trained.kept:
            save_file(trained.kept, job.work / "encoder" / "masks.safetensors")
    train_s = time.perf_counter() - start
    if diagnosis:
        who = evaluation.meta(key.recipe, key.fingerprint, key.seed)
        scored = evaluation.evaluate(evaluation.encoder(trained.model, who), track.protocol, report=report)
    else:
        scored = evaluation.Evaluation({track.development: evaluation.dev_score(trained.model, track)})
    scored_s = time.perf_counter() - start
    diagnostics = diagnosis.conclude(trained.model) if diagnosis else {}
    record = job.record(
        status="ok",
        asked=entry.recipe.as_dict(),
        resolved=recipe.as_dict(),
        weights_sha256=trained.weights_sha256,
        scores=scored.scores,
        results=scored.results,
        diagnostics={**diagnostics, "dynamics": trained.log.pop("observed", [])},
        training=trained.log,
        data=track.data_hashes,
        environment=environment(),
        timings={
            "train_s": train_s,
            "evaluate_s": scored_s - train_s,
            "diagnose_s": time.perf_counter() - start - scored_s,
            "total_s": time.perf_counter() - start,
        },
        peak_memory_mb=max(map(_largest, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))) / 1024,
    )
    return Outcome(record, scored.predictions)


def _training(job: Job) -> tuple[Registered, Training]:
    """What a job asks for, as it is registered and as the track makes it."""
    key, track, backbone = job.key, tracks.load(job.track), backbones.resolve(job.backbone)
    entry = carried.unpack(job.entry) if job.entry else registry.recipe(key.recipe, job.recipe_files)
    if fingerprint(entry, track, backbone) != key.fingerprint:
        raise SrlbenchError(f"Recipe '{key.recipe}' changed while the suite was running; start it again.")
    recipe = resolved(entry, track, backbone)
    return entry, Training(recipe, backbones.fetch(backbone), track, key.seed, job.work)


def _diagnosis(job: Job, track: Track) -> Diagnosis | None:
    return Diagnosis(track, job.look.every, job.look.explain) if job.scored else None


def _dev_score(track: Track) -> DevScore:
    return partial(evaluation.dev_score, track=track)


def _rank(job: Job, ranks: Ranks, report: Report) -> tuple[dict[str, Tensor], dict[str, Any], Masks]:
    """The training in one of its processes, which knows of the run what its job says; the first is watched."""
    _, training = _training(job)
    watch = _diagnosis(job, training.track) if ranks.first else None
    model, log, kept = course.learn(training, Hooks(_dev_score(training.track), report, watch, ranks))
    return {name: value.cpu() for name, value in model.state_dict().items()}, log, kept


def _largest(whose: int) -> int:
    """Memory of the process itself, or of the largest of those that it started."""
    return resource.getrusage(whose).ru_maxrss
