"""The evaluation of an encoder under a protocol by mteb; only this module calls `mteb.evaluate`."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mteb
import numpy as np
from mteb.abstasks.abstask import AbsTask
from mteb.models.model_meta import ModelMeta
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from srlbench import data
from srlbench.data import original
from srlbench.data.rows import COLUMNS, Rows
from srlbench.errors import SrlbenchError
from srlbench.evaluation.encoding import Encoder, Report, embed
from srlbench.evaluation.probes import Probe
from srlbench.evaluation.similarity import aggregates, cosines, spearman
from srlbench.evaluation.tasks import mtebs_own, rows_of, task
from srlbench.records.schema import LEFT_OUT
from srlbench.tracks import Track
from srlbench.tracks.protocol import Protocol
from srlbench.training.rng import preserved_rng

LOADER_ROWS = 4096  # rows passed to the encoder at once; it makes its own batches

Predictions = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation: scores in percent, their details, mteb's own results, per-item predictions."""

    scores: dict[str, float] = field(default_factory=dict)
    detail: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)  # task -> sha256 of the scored rows
    results: list[dict[str, Any]] = field(default_factory=list)
    predictions: Predictions = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def evaluate(
    encoder: Encoder,
    protocol: Protocol,
    *,
    given: Path | None = None,
    report: Report = lambda stage, done, of: None,
) -> Evaluation:
    """Score an encoder on the protocol's tasks; the caller's random state does not change.

    mteb's cache is not used: it rounds to six decimals, so a resumed run would give other digits than an unbroken one.
    """
    evaluation = Evaluation()
    with preserved_rng(), Quiet():
        tasks = {name: _task(protocol, name, given, evaluation) for name in protocol.tasks}
    encoder.learn((text for rows in evaluation.rows.values() for text in _texts(rows)), report)
    for index, (name, mteb_task) in enumerate(tasks.items()):
        with preserved_rng(), Quiet(), tempfile.TemporaryDirectory() as folder:
            outcome = mteb.evaluate(
                encoder,
                mteb_task,
                cache=None,
                encode_kwargs={"batch_size": LOADER_ROWS},
                prediction_folder=folder,
                show_progress_bar=False,
                co2_tracker=False,
            )
            predictions = _predictions(name, Path(folder) / mteb_task.prediction_file_name)
            _add(
                evaluation, name, json.loads(outcome.task_results[0].model_dump_json(exclude={*LEFT_OUT})), predictions
            )
        report("evaluate", index + 1, len(tasks))
    return evaluation


def _task(protocol: Protocol, name: str, given: Path | None, evaluation: Evaluation) -> AbsTask:
    """The task with its verified rows; the rows and their hash are added to the evaluation."""
    rule = protocol.tasks[name]
    if protocol.source != "mteb":
        evaluation.rows[name] = data.task(protocol, name, given)
        evaluation.data[name] = rule.sha256
        return task(evaluation.rows[name], rule.sha256, probe(protocol))
    if data.sets_folder(protocol, given) is None:
        # mteb's revision pins the bytes on the Hub. Unexpected text gives a warning, and its hash is recorded.
        mteb_task = mtebs_own(name, None)
        rows = rows_of(mteb_task, list(rule.rows))
        if rows.counts() != dict(rule.rows):
            raise SrlbenchError(f"{name}: mteb fetched {rows.counts()} rows, expected {dict(rule.rows)}.")
        if original.letters_sha256(rows) != rule.sha256:
            evaluation.warnings.append(f"{name}: mteb fetched as many rows as expected, but with other text or scores")
    else:
        rows = data.task(protocol, name, given)
        mteb_task = mtebs_own(name, rows)
    evaluation.rows[name], evaluation.data[name] = rows, original.sha256(rows)
    return mteb_task


def _add(evaluation: Evaluation, name: str, result: dict[str, Any], predictions: Predictions) -> None:
    """Add the score of a task and its details, with the same keys for srlbench's tasks and mteb's own."""
    evaluation.results.append(result)
    evaluation.predictions.update(predictions)
    values = result["scores"]["test"][0]
    splits = evaluation.rows[name].splits
    if evaluation.rows[name].kind != "sts":
        evaluation.scores[name] = 100 * values["accuracy"]
        percent = {key: 100 * values[key] for key in ("accuracy", "f1_macro")}
        evaluation.detail[name] = {**percent, "dev": values["dev"], "decay": values["decay"]}
        return
    if np.ptp(predictions[name]) == 0:
        evaluation.warnings.append(f"{name}: every pair has the same similarity: no rank correlation, counted as 0")
    detail = aggregates(predictions[name], splits["test"]["score"], splits["test"]["subset"])
    pearson, correlation = values["cosine_pearson"], values["cosine_spearman"]
    detail["pearson"] = 100 * pearson if np.isfinite(pearson) else 0.0
    # mteb's own tasks correlate cosines in single precision. Its value is the score, unless it is undefined.
    evaluation.scores[name] = 100 * correlation if np.isfinite(correlation) else detail["all"]
    for split in [other for other in splits if other != "test" and f"{name}.{other}" in predictions]:
        detail[split] = spearman(predictions[f"{name}.{split}"], splits[split]["score"])
    if {"train", "dev", "test"} <= splits.keys():  # the SICK-R of MTEB: all three splits
        parts = [(predictions[name if s == "test" else f"{name}.{s}"], splits[s]["score"]) for s in splits]
        detail["train+dev+test"] = spearman(*(np.concatenate(column) for column in zip(*parts)))
    elif "trial" in splits["test"]["subset"]:  # the STS-B or SICK-R of SentEval: the test split alone
        is_test = np.array(splits["test"]["subset"]) == "test"
        detail["test"] = spearman(predictions[name][is_test], np.array(splits["test"]["score"])[is_test])
    evaluation.detail[name] = detail


def dev_score(model: SentenceTransformer, track: Track) -> float:
    """The Spearman correlation on the track's development pairs, in percent, for the selection of checkpoints."""
    pairs = data.task(track.protocol, str(track.training["select_on"])).splits["dev"]
    a, b = list(pairs["sentence1"]), list(pairs["sentence2"])
    vectors = embed(model, a + b)
    with Quiet():
        return spearman(cosines(vectors[: len(a)], vectors[len(a) :]), pairs["score"])


def probe(protocol: Protocol) -> Probe | None:
    rule = protocol.probe
    if rule is None:
        return None
    return Probe(name=rule["name"], folds=rule["folds"], decay=tuple(rule["decay"]), seed=rule["seed"])


def encoder(model: SentenceTransformer, who: ModelMeta) -> Encoder:
    """The model as an encoder for mteb."""
    return Encoder(model.eval(), who)


def meta(name: str, revision: str, seed: int) -> ModelMeta:
    """The identity of an encoder for mteb, which keys results on it; the seed is part of neither name nor revision."""
    return ModelMeta.create_empty({"name": f"srlbench/{name}", "revision": revision}).model_copy(
        update={"experiment_kwargs": {"seed": seed}}
    )


def _texts(rows: Rows) -> list[str]:
    """Every sentence of an evaluation set."""
    keys = [key for key in COLUMNS[rows.kind] if key in ("text", "sentence1", "sentence2")]
    return [text for columns in rows.splits.values() for key in keys for text in columns[key]]


def _predictions(name: str, path: Path) -> Predictions:
    """The saved predictions: of the test split under the task's name, of another split as `NAME.split`."""
    saved: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["default"]
    return {
        name if split == "test" else f"{name}.{split}": np.array(items.get("predicted", items.get("cosine_scores")))
        for split, items in saved.items()
    }


class Quiet(warnings.catch_warnings):
    """A context without mteb's warnings and log messages about batch sizes and metadata."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("mteb").setLevel(logging.ERROR)
