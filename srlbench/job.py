"""One run, start to end, in a process of its own: train, evaluate, diagnose, and hand back a record."""

from __future__ import annotations

import fcntl
import resource
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from torch import Tensor

from srlbench import backbones, data, registry, tracks
from srlbench.diagnostics import geometry, gradients
from srlbench.errors import SrlbenchError
from srlbench.evaluation import evaluate as evaluation
from srlbench.fingerprint import fingerprint, resolved
from srlbench.jobs import Job, Outcome
from srlbench.records import environment
from srlbench.tracks import Track
from srlbench.training import trainer

ANCHORS = 16  # whose gradients are looked at while training
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
    trained = trainer.train(
        recipe,
        backbones.fetch(backbone),
        track,
        key.seed,
        job.work,
        lambda model: evaluation.dev_score(model, track),
        report,
        observe=observe,
    )
    if job.keep_encoder and recipe.trained:
        trained.model.save_pretrained(str(job.work / "encoder"))
    train_s = time.perf_counter() - start
    scored = evaluation.evaluate(
        trained.model, track.protocol, name=key.recipe, revision=key.fingerprint, seed=key.seed, report=report
    )
    record = job.record(
        status="ok",
        asked=entry.recipe.as_dict(),
        resolved=recipe.as_dict(),
        weights_sha256=trained.weights_sha256,
        scores=scored.scores,
        results=scored.results,
        diagnostics={**diagnose(trained.model, track), "gradients": trained.log.pop("observed", [])},
        training=trained.log,
        data=track.data_hashes,
        environment=environment(),
        timings={
            "train_s": train_s,
            "evaluate_s": time.perf_counter() - start - train_s,
            "total_s": time.perf_counter() - start,
        },
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    return Outcome(record, scored.predictions)


def observe(loss: Callable[..., Tensor], a: Tensor, b: Tensor, *negatives: Tensor) -> dict[str, Any]:
    """The loss's gradient on a few anchors in terms of the paradigm; hard negatives are there, and stay as they are."""
    return {**gradients.statistics(lambda x, y: loss(x, y, *negatives), a, b, anchors=ANCHORS)}


def diagnose(model: SentenceTransformer, track: Track) -> dict[str, Any]:
    """Measures that cost little enough to be in every record."""
    pairs = data.task(track.protocol, str(track.training["select_on"])).splits["test"]

    def embed(texts: list[str]) -> np.ndarray[Any, Any]:
        return np.asarray(model.encode(texts, show_progress_bar=False))

    return {"geometry": geometry.of_pairs(embed, pairs)}
