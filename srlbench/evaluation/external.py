"""Encoders made elsewhere: folders of sentence-transformers or transformers, Hub names, backbones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from srlbench.errors import SrlbenchError, UsageError
from srlbench.evaluation.encoding import Encoder, Report
from srlbench.evaluation.evaluate import Evaluation, evaluate, meta
from srlbench.protocols import Protocol
from srlbench.training.layers import FirstLast
from srlbench.training.rng import seed_everything

POOLS = ("cls", "mean", "max", "first-last")


def load(model: str, pool: str | None) -> tuple[SentenceTransformer, str | None]:
    """The encoder in single precision, and the Hub's commit if it came from there."""
    folder, commit = _folder(model)
    plain = not (folder / "modules.json").is_file()
    if plain and pool is None:
        raise UsageError(
            f"'{model}' is a plain transformers model, and how its words are pooled decides its scores: "
            f"say --pool {', '.join(POOLS[:-1])} or {POOLS[-1]}."
        )
    if not plain and pool is not None:
        raise UsageError(f"'{model}' is a sentence-transformers model with a pooling of its own; leave --pool out.")
    try:
        encoder = _pooled(folder, pool) if pool else SentenceTransformer(str(folder))
    except Exception as error:  # many libraries, many errors
        said = str(error).partition("\n")[0]
        raise UsageError(f"'{model}' cannot be loaded as an encoder: {said}") from error
    return encoder.float().eval(), commit


def scores(
    model: str, pool: str | None, wanted: tuple[Protocol, ...], threads: int, given: Path | None, report: Report
) -> tuple[str | None, list[Evaluation]]:
    """The Hub's commit and one evaluation a protocol; every sentence is encoded once for all of them."""
    seed_everything(0, threads)
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    loaded, commit = load(model, pool)
    encoder = Encoder(loaded, meta("external", commit or "none", 0))
    done: list[Evaluation] = []
    for place, protocol in enumerate(wanted):
        # Another probe changes nothing in the similarity tasks: they are taken over.
        before = next((i for i, p in enumerate(wanted[:place]) if p.name == protocol.name), None)
        part = protocol if before is None else _transfer(protocol)
        found = evaluate(encoder, part, name="external", revision=commit or "none", seed=0, given=given, report=report)
        done.append(found if before is None else _completed(protocol, done[before], found))
    return commit, done


def arrays(wanted: tuple[Protocol, ...], done: list[Evaluation]) -> dict[str, NDArray[Any]]:
    """What was predicted for every item of the scored splits, with its gold score or label and its subset."""
    out: dict[str, NDArray[Any]] = {}
    for protocol, found in zip(wanted, done):
        for key, predicted in found.predictions.items():
            name, _, split = key.partition(".")
            columns = found.rows[name].splits[split or "test"]
            probe = f".{protocol.probe['name']}" if protocol.probe and found.rows[name].kind != "sts" else ""
            out[f"{protocol.name}/{key}{probe}"] = predicted
            out[f"{protocol.name}/{key}:gold"] = np.array(columns["score" if "score" in columns else "label"])
            if "subset" in columns:
                out[f"{protocol.name}/{key}:subset"] = np.array(columns["subset"])
    return out


def _transfer(protocol: Protocol) -> Protocol:
    return protocol.only(tuple(name for name, rule in protocol.tasks.items() if rule.kind != "sts"))


def _completed(protocol: Protocol, earlier: Evaluation, found: Evaluation) -> Evaluation:
    """The evaluation of the whole protocol, in its order."""

    def both(a: dict[str, object], b: dict[str, object]) -> dict[str, object]:
        whole = {**a, **b}
        return {name: whole[name] for name in protocol.tasks}

    return replace(
        found,
        scores=both(earlier.scores, found.scores),  # type: ignore[arg-type]
        detail=both(earlier.detail, found.detail),  # type: ignore[arg-type]
        data=earlier.data,
        predictions={**earlier.predictions, **found.predictions},
        rows=earlier.rows,
        warnings=list(dict.fromkeys(earlier.warnings + found.warnings)),
    )


def _folder(model: str) -> tuple[Path, str | None]:
    folder = Path(os.path.expanduser(model))
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return folder, None
    if folder.exists() or model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise UsageError(f"'{model}' is no encoder: no folder with a modules.json or config.json, run or Hub name.")
    from huggingface_hub import snapshot_download

    name, _, revision = model.partition("@")
    try:
        found = Path(snapshot_download(name, revision=revision or None, ignore_patterns=["*.bin", "*.onnx", "*.h5"]))
    except Exception as error:  # the HTTP client's own errors have no common kind with the Hub's
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise SrlbenchError(f"'{model}' is no folder or run here, and the Hub does not give it: {said}") from error
    return found, found.name


def _pooled(folder: Path, pool: str) -> SentenceTransformer:
    if pool not in POOLS:
        raise UsageError(f"Unknown pooling '{pool}'. Known: {', '.join(POOLS)}.")
    layers = pool == "first-last"
    transformer = Transformer(
        str(folder),
        config_kwargs={"output_hidden_states": True} if layers else {},
        model_kwargs={"dtype": torch.float32},
    )
    width = transformer.get_embedding_dimension()
    return SentenceTransformer(modules=[transformer, FirstLast(width, "mean") if layers else Pooling(width, pool)])
