"""The one door to mteb: an encoder and a protocol in, scores and per-item predictions out."""

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
from srlbench.tracks import Track
from srlbench.tracks.protocol import Protocol
from srlbench.training.rng import preserved_rng

LOADER_ROWS = 4096  # handed over at once; the encoder makes batches of its own

Predictions = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Evaluation:
    """Scores in percent, what lies behind each, mteb's own results, and what was predicted for every item."""

    scores: dict[str, float] = field(default_factory=dict)
    detail: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)  # sha256 of the rows that were scored
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
    """Score an encoder on the protocol's tasks; the caller's random state is left as it was.

    No mteb cache is used: it rounds to six decimals, so a resumed run would not give the digits of an unbroken one.
    """
    done = Evaluation()
    with preserved_rng(), Quiet():
        made = {each: _task(protocol, each, given, done) for each in protocol.tasks}
    encoder.learn((text for rows in done.rows.values() for text in _texts(rows)), report)
    for index, (each, task_) in enumerate(made.items()):
        with preserved_rng(), Quiet(), tempfile.TemporaryDirectory() as folder:
            outcome = mteb.evaluate(
                encoder,
                task_,
                cache=None,
                encode_kwargs={"batch_size": LOADER_ROWS},
                prediction_folder=folder,
                show_progress_bar=False,
                co2_tracker=False,
            )
            predictions = _predictions(each, Path(folder) / task_.prediction_file_name)
            _keep(done, each, json.loads(outcome.task_results[0].model_dump_json()), predictions)
        report("evaluate", index + 1, len(made))
    return done


def _task(protocol: Protocol, name: str, given: Path | None, done: Evaluation) -> AbsTask:
    """The task with its verified rows; the rows and their hash are noted in `done`."""
    rule = protocol.tasks[name]
    if protocol.source != "mteb":
        done.rows[name] = data.task(protocol, name, given)
        done.data[name] = rule.sha256
        return task(done.rows[name], rule.sha256, probe(protocol))
    if data.place(protocol, given) is None:
        # mteb's revision pins the Hub's bytes; other text than known is worth a word, and the hash is kept.
        made = mtebs_own(name, None)
        rows = rows_of(made, list(rule.rows))
        if rows.counts() != dict(rule.rows):
            raise SrlbenchError(f"{name}: mteb fetched {rows.counts()} rows, expected {dict(rule.rows)}.")
        if original.letters_sha256(rows) != rule.sha256:
            done.warnings.append(f"{name}: mteb fetched as many rows as expected, but with other text or scores")
    else:
        rows = data.task(protocol, name, given)
        made = mtebs_own(name, rows)
    done.rows[name], done.data[name] = rows, original.sha256(rows)
    return made


def _keep(done: Evaluation, name: str, result: dict[str, Any], predictions: Predictions) -> None:
    """Scores and what lies behind them, the same keys whether srlbench or mteb computed them."""
    done.results.append(result)
    done.predictions.update(predictions)
    found = result["scores"]["test"][0]
    splits = done.rows[name].splits
    if done.rows[name].kind != "sts":
        done.scores[name] = 100 * found["accuracy"]
        kept = {key: found[key] for key in ("dev", "decay")}
        done.detail[name] = {"accuracy": 100 * found["accuracy"], "f1_macro": 100 * found["f1_macro"], **kept}
        return
    if np.ptp(predictions[name]) == 0:
        done.warnings.append(f"{name}: every pair has the same similarity: no rank correlation, counted as 0")
    detail = aggregates(predictions[name], splits["test"]["score"], splits["test"]["subset"])
    pearson = found["cosine_pearson"]
    detail["pearson"] = 100 * pearson if np.isfinite(pearson) else 0.0
    # mteb's own tasks correlate cosines of single precision; what mteb says is the score, unless it is undefined.
    done.scores[name] = 100 * found["cosine_spearman"] if np.isfinite(found["cosine_spearman"]) else detail["all"]
    for split in [each for each in splits if each != "test" and f"{name}.{each}" in predictions]:
        detail[split] = spearman(predictions[f"{name}.{split}"], splits[split]["score"])
    if {"train", "dev", "test"} <= splits.keys():  # SICK-R as MTEB takes it: all three splits
        parts = [(predictions[name if s == "test" else f"{name}.{s}"], splits[s]["score"]) for s in splits]
        detail["train+dev+test"] = spearman(*(np.concatenate(column) for column in zip(*parts)))
    elif "trial" in splits["test"]["subset"]:  # and as SentEval takes it: the test split alone
        at = np.array(splits["test"]["subset"]) == "test"
        detail["test"] = spearman(predictions[name][at], np.array(splits["test"]["score"])[at])
    done.detail[name] = detail


def dev_score(model: SentenceTransformer, track: Track) -> float:
    """Spearman on the development pairs of the track, in percent: what model selection may look at."""
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
    """A model in mteb's form."""
    return Encoder(model.eval(), who)


def meta(name: str, revision: str, seed: int) -> ModelMeta:
    """Who the encoder is to mteb. All three matter: mteb keys results on them, and the seed is in neither name."""
    return ModelMeta.create_empty({"name": f"srlbench/{name}", "revision": revision}).model_copy(
        update={"experiment_kwargs": {"seed": seed}}
    )


def _texts(rows: Rows) -> list[str]:
    """Every sentence of a set that will be encoded."""
    keys = [key for key in COLUMNS[rows.kind] if key in ("text", "sentence1", "sentence2")]
    return [text for columns in rows.splits.values() for key in keys for text in columns[key]]


def _predictions(name: str, path: Path) -> Predictions:
    """Of the test split under the task's name, of another as `NAME.split`."""
    saved: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["default"]
    return {
        name if split == "test" else f"{name}.{split}": np.array(said.get("predicted", said.get("cosine_scores")))
        for split, said in saved.items()
    }


class Quiet(warnings.catch_warnings):
    """mteb talks about batch sizes and metadata; a run's output is its own."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("mteb").setLevel(logging.ERROR)
