"""One run, start to end, in a process of its own: train, evaluate, diagnose, and hand back a record."""

from __future__ import annotations

import fcntl
import resource
import time
import traceback
from collections.abc import Callable

from safetensors.torch import save_file

from srlbench import backbones, registry, tracks
from srlbench.diagnosis import Diagnosis
from srlbench.errors import SrlbenchError
from srlbench.evaluation import evaluate as evaluation
from srlbench.fingerprint import fingerprint, resolved
from srlbench.jobs import Job, Outcome
from srlbench.records import environment
from srlbench.training import trainer

Report = Callable[[str, int, int], None]


def execute(job: Job, report: Report) -> Outcome:
    """Run the job; whatever goes wrong comes back as a failed record, never as an exception."""
    start = time.perf_counter()
    try:
        job.work.mkdir(parents=True, exist_ok=True)
        with (job.work / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a run left over from a killed driver ends before this one begins
            return _execute(job, report, start)
    except BrokenPipeError:
        raise  # nobody is listening any more: the driver is gone
    except SrlbenchError as error:
        problem = {"type": type(error).__name__, "message": str(error)}
    except Exception as error:
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        problem = {"type": type(error).__name__, "message": said, "traceback": traceback.format_exc()}
    return job.failed(problem, time.perf_counter() - start)


def _execute(job: Job, report: Report, start: float) -> Outcome:
    key = job.key
    track, backbone = tracks.load(job.track), backbones.resolve(job.backbone)
    entry = registry.recipe(key.recipe, job.recipe_files)
    if fingerprint(entry, track, backbone) != key.fingerprint:
        raise SrlbenchError(f"Recipe '{key.recipe}' changed while the suite was running; start it again.")
    recipe = resolved(entry, track, backbone)
    diagnosis = Diagnosis(track, job.look.every, job.look.explain) if job.scored else None
    trained = trainer.train(
        recipe,
        backbones.fetch(backbone),
        track,
        key.seed,
        job.work,
        lambda model: evaluation.dev_score(model, track),
        report,
        watch=diagnosis,
    )
    if job.keep_encoder and recipe.trained:
        trained.model.save_pretrained(str(job.work / "encoder"))
        if trained.kept:
            save_file(trained.kept, job.work / "encoder" / "masks.safetensors")
    train_s = time.perf_counter() - start
    if diagnosis:
        scored = evaluation.evaluate(
            trained.model, track.protocol, name=key.recipe, revision=key.fingerprint, seed=key.seed, report=report
        )
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
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    return Outcome(record, scored.predictions)
