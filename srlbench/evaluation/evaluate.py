"""The one door to mteb: an encoder and a track in, scores and per-item predictions out."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mteb
import numpy as np
from mteb.models.model_meta import ModelMeta
from mteb.similarity_functions import cos_sim, pairwise_cos_sim
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer

from srlbench import data
from srlbench.evaluation.probe import Probe
from srlbench.evaluation.tasks import task
from srlbench.tracks import Track
from srlbench.training.rng import preserved_rng

BATCH_SIZE = 128


@dataclass(frozen=True)
class Evaluation:
    """Scores in percent, mteb's own result of each task, and what was predicted for every item."""

    scores: dict[str, float]
    results: list[dict[str, Any]]
    predictions: dict[str, NDArray[Any]]


def evaluate(
    model: SentenceTransformer,
    track: Track,
    *,
    name: str,
    revision: str,
    seed: int,
    tasks: Sequence[str] | None = None,
    report: Callable[[str, int, int], None] = lambda stage, done, of: None,
) -> Evaluation:
    """Score an encoder on the track's tasks; the caller's random state is left as it was.

    No mteb cache is used: it rounds to six decimals, so a resumed run would not give the digits of an unbroken one.
    """
    scores: dict[str, float] = {}
    results: list[dict[str, Any]] = []
    predictions: dict[str, NDArray[Any]] = {}
    encoder = Encoder(model.eval(), meta(name, revision, seed))
    chosen = list(track.tasks) if tasks is None else list(tasks)
    for index, task_name in enumerate(chosen):
        with preserved_rng(), Quiet(), tempfile.TemporaryDirectory() as folder:
            made = task(data.task(track, task_name), track.tasks[task_name].sha256, probe(track))
            outcome = mteb.evaluate(
                encoder,
                made,
                cache=None,
                encode_kwargs={"batch_size": BATCH_SIZE},
                prediction_folder=folder,
                show_progress_bar=False,
                co2_tracker=False,
            )
            predictions[task_name] = _predictions(Path(folder) / made.prediction_file_name)
        result = outcome.task_results[0]
        scores[task_name] = 100 * float(result.get_score())
        results.append(json.loads(result.model_dump_json()))
        report("evaluate", index + 1, len(chosen))
    return Evaluation(scores, results, predictions)


def dev_score(model: SentenceTransformer, track: Track) -> float:
    """Spearman on the development pairs of the track, in percent: what model selection may look at."""
    pairs = data.task(track, str(track.training["select_on"])).splits["dev"]
    a, b = (_embed(model, list(pairs[key])) for key in ("sentence1", "sentence2"))
    return 100 * float(spearmanr(np.asarray(pairwise_cos_sim(a, b)), pairs["score"]).statistic)


def probe(track: Track) -> Probe:
    rule = track.probe
    return Probe(folds=rule["folds"], strengths=tuple(rule["strengths"]), seed=rule["seed"])


def meta(name: str, revision: str, seed: int) -> ModelMeta:
    """Who the encoder is to mteb. All three matter: mteb keys results on them, and the seed is in neither name."""
    return ModelMeta.create_empty({"name": f"srlbench/{name}", "revision": revision}).model_copy(
        update={"experiment_kwargs": {"seed": seed}}
    )


class Encoder:
    """A sentence-transformers model in mteb's protocol, encoding each call in an order of its own making.

    The same texts always meet in the same batches, whatever was encoded before: digits do not depend on company.
    """

    def __init__(self, model: SentenceTransformer, model_meta: ModelMeta) -> None:
        self.model, self.mteb_model_meta = model, model_meta

    def encode(self, inputs: Any, **kwargs: Any) -> NDArray[np.float32]:
        return _embed(self.model, [text for batch in inputs for text in batch["text"]])

    def similarity(self, a: Any, b: Any) -> Any:
        return cos_sim(a, b)

    def similarity_pairwise(self, a: Any, b: Any) -> Any:
        return pairwise_cos_sim(a, b)


def _embed(model: SentenceTransformer, texts: list[str]) -> NDArray[np.float32]:
    """One vector a text; a text that occurs twice is encoded once."""
    unique = sorted(set(texts))
    place = {text: row for row, text in enumerate(unique)}
    vectors = model.encode(unique, batch_size=BATCH_SIZE, show_progress_bar=False, convert_to_numpy=True)
    out: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)[[place[text] for text in texts]]
    return out


def _predictions(path: Path) -> NDArray[Any]:
    saved = json.loads(path.read_text(encoding="utf-8"))["default"]["test"]
    return np.array(saved["cosine"] if "cosine" in saved else saved["label"])


class Quiet(warnings.catch_warnings):
    """mteb talks about batch sizes and metadata; a run's output is its own."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("mteb").setLevel(logging.ERROR)
