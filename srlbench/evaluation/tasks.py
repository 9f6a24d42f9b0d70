"""Evaluation sets as MTEB tasks: similarity with SimCSE's scoring, transfer with a probe, and MTEB's own tasks."""

from __future__ import annotations

from typing import Any, ClassVar

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks.abstask import AbsTask
from mteb.abstasks.task_metadata import TaskMetadata
from numpy.typing import NDArray
from scipy.stats import pearsonr
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader

from srlbench.data.rows import Rows
from srlbench.evaluation.probes import Fitted, Part, Probe
from srlbench.evaluation.similarity import aggregates, cosines


def task(rows: Rows, sha256: str, probe: Probe | None) -> AbsTask:
    """An evaluation set as an MTEB task that has its data already: mteb downloads and unloads nothing."""
    base = SimilarityTask if rows.kind == "sts" else TransferTask
    mteb_task: AbsTask = type(rows.name, (base,), {"metadata": _metadata(rows, sha256), "probe": probe})()
    mteb_task.dataset = DatasetDict({k: Dataset.from_dict(dict(v)) for k, v in rows.splits.items()})
    mteb_task.data_loaded = True
    return mteb_task


def mtebs_own(name: str, rows: Rows | None) -> AbsTask:
    """MTEB's own task with this name and its own scoring, on these rows or on those it fetches from the Hub."""
    mteb_task: AbsTask = mteb.get_task(name)
    if rows is None:
        mteb_task.load_data()
    else:
        mteb_task.dataset = DatasetDict({k: Dataset.from_dict(dict(v)) for k, v in rows.splits.items()})
        mteb_task.data_loaded = True
    return mteb_task


def rows_of(mteb_task: AbsTask, splits: list[str]) -> Rows:
    """The pairs of one of MTEB's own similarity tasks."""
    assert mteb_task.dataset is not None
    columns = {
        split: {
            "sentence1": mteb_task.dataset[split]["sentence1"][:],
            "sentence2": mteb_task.dataset[split]["sentence2"][:],
            "score": [float(score) for score in mteb_task.dataset[split]["score"][:]],
            "subset": [""] * len(mteb_task.dataset[split]),
        }
        for split in splits
    }
    return Rows(mteb_task.metadata.name, "sts", columns)


def _metadata(rows: Rows, sha256: str) -> TaskMetadata:
    sts = rows.kind == "sts"
    return TaskMetadata(
        name=rows.name,
        description=f"{rows.name}, rows pinned by their sha256.",
        dataset={"path": f"srlbench/{rows.name}", "revision": sha256},
        type="STS" if sts else "Classification",
        category="t2t" if sts else "t2c",
        modalities=["text"],
        eval_splits=sorted(rows.splits) if sts else ["test"],
        eval_langs=["eng-Latn"],
        main_score="cosine_spearman" if sts else "accuracy",
    )


class _Task(AbsTask):
    """The common part of both kinds of task: vectors by mteb's encoder protocol, and row counts.

    A column is read whole (`column[:]`): row by row, `datasets` takes as long as the encoding.
    """

    abstask_prompt = "Represent the sentence."

    def _vectors(self, model: Any, texts: list[str], encode_kwargs: Any, where: Any) -> NDArray[np.float32]:
        # mteb's own loader reads a Dataset row by row and takes as long as the encoding.
        size = int(encode_kwargs["batch_size"])
        loader: Any = DataLoader(texts, batch_size=size, collate_fn=lambda part: {"text": part})  # type: ignore[arg-type]
        out = model.encode(loader, task_metadata=self.metadata, **where, **encode_kwargs)
        return np.asarray(out, dtype=np.float32)

    def _calculate_descriptive_statistics_from_split(self, split: str, **kwargs: Any) -> Any:
        assert self.dataset is not None
        return {"num_samples": len(self.dataset[split])}


class SimilarityTask(_Task):
    """A similarity task, scored by Spearman between cosine and grade over all subsets; their means are details."""

    def _evaluate_subset(
        self,
        model: Any,
        data_split: Dataset,
        *,
        hf_split: str,
        hf_subset: str,
        encode_kwargs: Any,
        prediction_folder: Any = None,
        **kwargs: Any,
    ) -> Any:
        where = {"hf_split": hf_split, "hf_subset": hf_subset}
        a, b = (self._vectors(model, data_split[key][:], encode_kwargs, where) for key in ("sentence1", "sentence2"))
        cosine, gold = cosines(a, b), np.array(data_split["score"][:])
        if prediction_folder:
            self._save_task_predictions({"predicted": cosine.tolist()}, model, prediction_folder, **where)
        spearman = aggregates(cosine, gold, data_split["subset"][:])
        pearson = float(pearsonr(cosine, gold).statistic) if np.ptp(cosine) and np.ptp(gold) else 0.0
        return {"cosine_spearman": spearman["all"] / 100, "cosine_pearson": pearson, **spearman}


class TransferTask(_Task):
    """A transfer task, scored by a probe's accuracy: trained on train, or cross-validated if only test exists."""

    probe: ClassVar[Probe]

    def _evaluate_subset(
        self,
        model: Any,
        data_split: Dataset,
        *,
        hf_split: str,
        hf_subset: str,
        encode_kwargs: Any,
        prediction_folder: Any = None,
        **kwargs: Any,
    ) -> Any:
        assert self.dataset is not None
        where = {"hf_split": hf_split, "hf_subset": hf_subset}
        splits: dict[str, Dataset] = dict(self.dataset)
        orders = {name: _order(part) for name, part in splits.items()}
        parts = {name: self._part(model, part, orders[name], encode_kwargs, where) for name, part in splits.items()}
        fitted = self._fit(parts)
        predicted = np.empty_like(fitted.predicted)
        predicted[orders[hf_split]] = fitted.predicted
        if prediction_folder:
            self._save_task_predictions({"predicted": predicted.tolist()}, model, prediction_folder, **where)
        gold = np.array(data_split["label"][:])
        return {
            "accuracy": fitted.accuracy / 100,
            "dev": fitted.dev,
            "decay": list(fitted.decay),
            "f1_macro": float(f1_score(gold, predicted, average="macro")),
        }

    def _fit(self, parts: dict[str, Part]) -> Fitted:
        if "train" not in parts:
            return self.probe.nested(*parts["test"])
        if "dev" in parts:
            return self.probe.split(parts["train"], parts["dev"], parts["test"])
        return self.probe.kfold(parts["train"], parts["test"])

    def _part(self, model: Any, part: Dataset, order: NDArray[np.intp], encode_kwargs: Any, where: Any) -> Part:
        """The features and labels of the rows in SentEval's order: sentence vectors, or |a - b| and a * b of pairs."""
        keys = _text_columns(part)
        vectors = [self._vectors(model, part[key][:], encode_kwargs, where) for key in keys]
        x = vectors[0] if len(vectors) == 1 else np.hstack((np.abs(vectors[0] - vectors[1]), vectors[0] * vectors[1]))
        return x[order], np.array(part["label"][:], dtype=np.int64)[order]


def _order(part: Dataset) -> NDArray[np.intp]:
    """The rows sorted by their numbers of words, then by label; the folds depend on this order."""
    counts = [[len(text.split()) for text in part[key][:]] for key in _text_columns(part)]
    return np.lexsort((part["label"][:], *reversed(counts)))


def _text_columns(part: Dataset) -> tuple[str, ...]:
    return ("text",) if "text" in part.column_names else ("sentence1", "sentence2")
