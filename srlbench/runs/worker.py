"""One run, start to end, in a process of its own: train, evaluate, diagnose, and hand back a record."""

from __future__ import annotations

import resource
import time
from functools import partial
from resource import RUSAGE_CHILDREN, RUSAGE_SELF
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from srlbench import backbones, records, registry, tracks
from srlbench.diagnostics.run import Diagnosis
from srlbench.errors import SrlbenchError
from srlbench.evaluation import evaluate as evaluation
from srlbench.recipe import Registered
from srlbench.records import environment
from srlbench.records.files import locked
from srlbench.runs import carried
from srlbench.runs.fingerprint import fingerprint
from srlbench.runs.job import Job, Outcome, Report
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved
from srlbench.training import course, launch
from srlbench.training.callbacks import Hooks
from srlbench.training.ranks import Ranks
from srlbench.training.sparsify import Masks
from srlbench.training.value import Training


def execute(job: Job, report: Report) -> Outcome:
    """Run the job; whatever goes wrong comes back as a failed record, never as an exception."""
    start = time.perf_counter()
    try:
        with locked(job.work / "lock") as lock:  # a run left over from a killed driver ends before this one begins
            return _execute(job, report, start, lock)
    except BrokenPipeError:
        raise  # nobody is listening any more: the driver is gone
    except Exception as error:
        return job.failed(launch.problem(error), time.perf_counter() - start)


def _execute(job: Job, report: Report, start: float, lock: int) -> Outcome:
    key, (entry, training) = job.key, _training(job)
    track, recipe = training.track, training.recipe
    size = recipe.world_size or 1
    # The encoder that is evaluated is the one of the last step, and this process saw that step.
    diagnosis = _diagnosis(job, track, size == 1 and recipe.ends_at_last_step)
    if size == 1:
        trained = course.train(training, Hooks(partial(evaluation.dev_score, track=track), report, diagnosis))
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
        encoder = evaluation.encoder(trained.model, who)
        protocol = track.protocol.only(track.tasks(key.recipe, key.backbone, key.seed))
        scored = evaluation.evaluate(encoder, protocol, report=report)
    else:
        scored = evaluation.Evaluation({track.development: evaluation.dev_score(trained.model, track)})
    scored_s = time.perf_counter() - start
    dynamics = trained.log.pop("observed", [])
    diagnostics = diagnosis.conclude(trained.model, encoder.vectors, dynamics) if diagnosis else {}
    record = job.record(
        status="ok",
        asked=entry.recipe.as_dict(),
        resolved=recipe.as_dict(),
        weights_sha256=trained.weights_sha256,
        predictions_sha256=records.sha256_of(scored.predictions) if scored.predictions else None,
        scores=scored.scores,
        results=scored.results,
        diagnostics={**diagnostics, "dynamics": dynamics},
        training=trained.log,
        data=track.data_of(key.recipe, key.backbone, key.seed),
        environment=environment(),
        timings={
            "train_s": train_s,
            "evaluate_s": scored_s - train_s,
            "diagnose_s": time.perf_counter() - start - scored_s,
            "total_s": time.perf_counter() - start,
        },
        # Of this process, or of the largest of those that it started.
        peak_memory_mb=max(resource.getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)) / 1024,
    )
    return Outcome(record, scored.predictions)


def _training(job: Job) -> tuple[Registered, Training]:
    """The registered recipe of a job, and the training that the track makes of it."""
    key, track, backbone = job.key, tracks.load(job.track), backbones.resolve(job.backbone)
    entry = carried.unpack(job.entry) if job.entry else registry.recipe(key.recipe, job.recipe_files)
    if fingerprint(entry, track, backbone) != key.fingerprint:
        raise SrlbenchError(f"Recipe '{key.recipe}' changed while the suite was running; start it again.")
    recipe = resolved(entry, track, backbone)
    return entry, Training(recipe, backbones.fetch(backbone), track, key.seed, job.work)


def _diagnosis(job: Job, track: Track, final: bool = False) -> Diagnosis | None:
    return Diagnosis(track, job.observation.every, job.observation.explain, final) if job.scored else None


def _rank(job: Job, ranks: Ranks, report: Report) -> tuple[dict[str, Tensor], dict[str, Any], Masks]:
    """The training in one of its processes; only that of the first is measured."""
    _, training = _training(job)
    watch = _diagnosis(job, training.track) if ranks.first else None
    model, log, kept = course.learn(
        training, Hooks(partial(evaluation.dev_score, track=training.track), report, watch, ranks)
    )
    return {name: value.cpu() for name, value in model.state_dict().items()}, log, kept
