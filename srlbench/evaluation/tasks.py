"""The track's tasks as MTEB tasks: semantic similarity as MTEB scores it, transfer with a full-data probe."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from datasets import Dataset, DatasetDict
from mteb._create_dataloaders import create_dataloader  # private: wrapped here once, mteb's minor is pinned
from mteb.abstasks.abstask import AbsTask
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from srlbench.data.rows import Rows
from srlbench.evaluation.probe import Probe


def task(rows: Rows, sha256: str, probe: Probe) -> AbsTask:
    """One evaluation set as an MTEB task whose data is already there: nothing is downloaded or unloaded."""
    base: type[AbsTask] = SimilarityTask if rows.kind == "sts" else TransferTask
    made: AbsTask = type(rows.name, (base,), {"metadata": _metadata(rows, sha256), "probe": probe})()
    made.dataset = DatasetDict({k: Dataset.from_dict(dict(v)) for k, v in rows.splits.items()})
    made.data_loaded = True
    return made


def _metadata(rows: Rows, sha256: str) -> TaskMetadata:
    sts = rows.kind == "sts"
    return TaskMetadata(
        name=rows.name,
        description=f"{rows.name}, rows pinned by their sha256.",
        dataset={"path": f"srlbench/{rows.name}", "revision": sha256},
        type="STS" if sts else "Classification",
        category="t2t" if sts else "t2c",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="cosine_spearman" if sts else "accuracy",
    )


class SimilarityTask(AbsTaskSTS):
    """Spearman between cosine and grade, over all subsets together."""

    def _save_task_predictions(self, predictions: Any, *args: Any, **kwargs: Any) -> None:
        super()._save_task_predictions({"cosine": predictions["cosine_scores"]}, *args, **kwargs)


class TransferTask(AbsTask):
    """Accuracy of a logistic probe: cross-validated if there is only a test split, else trained on train."""

    probe: ClassVar[Probe]
    abstask_prompt = "Classify the text."

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
        splits: dict[str, Any] = dict(self.dataset)
        encoded = {name: (self._vectors(model, part, encode_kwargs, where), np.array(part["label"]))
                   for name, part in splits.items()}  # fmt: skip
        x, y = encoded[hf_split]
        if "train" in encoded:
            predicted = self.probe.predict(encoded["train"], x, encoded.get("dev"))
        else:
            predicted = self.probe.cross_validate(x, y)
        if prediction_folder:
            self._save_task_predictions({"label": predicted.tolist()}, model, prediction_folder, **where)
        return {
            "accuracy": float((predicted == y).mean()),
            "f1_macro": float(f1_score(y, predicted, average="macro")),
        }

    def _vectors(self, model: Any, part: Dataset, encode_kwargs: Any, where: dict[str, str]) -> NDArray[np.float64]:
        """A row's features: its sentence vector, or |a - b| and a * b of a pair."""
        columns = ["text"] if "text" in part.column_names else ["sentence1", "sentence2"]
        vectors = []
        for column in columns:
            loader = create_dataloader(
                Dataset.from_dict({"text": part[column]}), task_metadata=self.metadata, **encode_kwargs
            )
            out = model.encode(loader, task_metadata=self.metadata, **where, **encode_kwargs)
            vectors.append(np.asarray(out, dtype=np.float64))
        if len(vectors) == 1:
            return vectors[0]
        a, b = vectors
        return np.hstack((np.abs(a - b), a * b))

    def _calculate_descriptive_statistics_from_split(self, split: str, **kwargs: Any) -> Any:
        assert self.dataset is not None
        return {"num_samples": len(self.dataset[split])}
