"""Encoders made elsewhere: folders of sentence-transformers or transformers, Hub names, backbones."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from sentence_transformers.util import import_module_class
from torch import Tensor

from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.evaluation.encoding import Encoder, Report
from srlbench.evaluation.evaluate import Evaluation, evaluate, meta
from srlbench.evaluation.reading import POOLS, Reading
from srlbench.tracks.protocol import Protocol
from srlbench.training.compact import CompactTransformer
from srlbench.training.layers import ALL_LAYERS, POOLINGS, AtMask, Autocast, FirstLast, LastTwo
from srlbench.training.prompted import Prompted, PromptedAutocast
from srlbench.training.rng import seed_everything
from srlbench.training.transformer import (
    NO_CODE,
    Form,
    ensure_fit,
    ensure_fit_of_table,
    ensure_tokenizer,
    whole_weights,
)
from srlbench.training.transformer import load as load_transformer

OURS: dict[str, Any] = {
    f"{kind.__module__}.{kind.__name__}": kind
    for kind in (AtMask, Autocast, CompactTransformer, FirstLast, LastTwo, Prompted, PromptedAutocast)
}
OTHERS = ["*.h5", "*.msgpack", "*.ot", "*.onnx", "onnx/*", "openvino/*", "coreml/*"]
OLDER = ["pytorch_model.bin", "pytorch_model-*.bin"]


def load(model: str | SentenceTransformer, reading: Reading | str | None) -> tuple[SentenceTransformer, str | None]:
    """The encoder in single precision, and the Hub's commit if it came from there.

    One that is given as an object is used itself if it has single precision, and copied if not.
    """
    reading = Reading.of(reading)
    if not isinstance(model, str):
        return _object(model, reading), None
    if reading.pool is not None and reading.pool not in POOLS:
        raise unknown("pooling", reading.pool, POOLS)
    folder, commit = _folder(model)
    plain = not (folder / "modules.json").is_file()
    if plain and reading.pool is None:
        raise UsageError(
            f"'{model}' is a plain transformers model, and how its words are pooled decides its scores: "
            f"say --pool {', '.join(POOLS[:-1])} or {POOLS[-1]}."
        )
    if not plain and (own := [key for key, value in vars(reading).items() if value is not None]):
        raise UsageError(f"'{model}' is a sentence-transformers model with a pooling of its own; leave --{own[0]} out.")
    try:
        encoder = _pooled(folder, reading) if plain else _whole(folder)
    except UsageError:
        raise
    except Exception as error:  # many libraries, many errors
        said = str(error).partition("\n")[0]
        raise UsageError(f"'{model}' cannot be loaded as an encoder: {said}") from error
    return encoder.float().eval(), commit


def _object(model: SentenceTransformer, reading: Reading) -> SentenceTransformer:
    if not isinstance(model, SentenceTransformer):
        raise UsageError(
            f"An encoder is a SentenceTransformer, a folder or a name, and {type(model).__name__} is none."
        )
    if reading != Reading():
        raise UsageError("A SentenceTransformer has a pooling of its own; leave pool out.")
    single = all(each.dtype == torch.float32 for each in model.parameters())
    return (model if single else deepcopy(model).float()).eval()


def scores(
    loaded: SentenceTransformer, commit: str | None, wanted: tuple[Protocol, ...], given: Path | None, report: Report
) -> list[Evaluation]:
    """One evaluation a protocol; every sentence is encoded once for all of them."""
    encoder = Encoder(loaded, meta("external", commit or "none", 0))
    done: list[Evaluation] = []
    for place, protocol in enumerate(wanted):
        # Another probe changes nothing in the similarity tasks: they are taken over.
        before = next((i for i, p in enumerate(wanted[:place]) if p.name == protocol.name), None)
        part = protocol if before is None else _transfer(protocol)
        found = evaluate(encoder, part, given=given, report=report)
        done.append(found if before is None else _completed(protocol, done[before], found))
    return done


def quietly(
    model: str | SentenceTransformer, reading: Reading | str | None, seed: int, threads: int
) -> SentenceTransformer:
    """The encoder, with everything random seeded and no report of its loading."""
    return opened(model, reading, seed, threads)[0]


def opened(
    model: str | SentenceTransformer, reading: Reading | str | None, seed: int, threads: int
) -> tuple[SentenceTransformer, str | None]:
    """The same, and the Hub's commit if it came from there."""
    seed_everything(seed, threads)
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return load(model, reading)


def twins(
    model: str | SentenceTransformer, reading: Reading | str | None, texts: list[str], seed: int, threads: int
) -> tuple[Tensor, Tensor]:
    """Two vectors of each text under two dropout masks."""
    encoder = quietly(model, reading, seed, threads).train()
    features = encoder.preprocess(texts)
    batch = {key: value.to(encoder.device) if torch.is_tensor(value) else value for key, value in features.items()}
    with torch.no_grad():
        a, b = (encoder({**batch})["sentence_embedding"] for _ in range(2))
    return a, b


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


def _whole(folder: Path) -> SentenceTransformer:
    """The encoder of a sentence-transformers folder, which may have modules of srlbench's; code in it is never run."""
    listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    if any(str(each["type"]).endswith("Transformer") for each in listed):
        ensure_tokenizer(folder)
    with whole_weights():
        if any(each["type"] in OURS for each in listed):
            # sentence-transformers would take these for foreign; to trust them is to trust whatever else lies there.
            kinds: list[Any] = [
                OURS.get(one["type"]) or import_module_class(one["type"], str(folder)) for one in listed
            ]
            parts = [kind.load(str(folder), subfolder=each["path"]) for kind, each in zip(kinds, listed)]
            found = SentenceTransformer(modules=parts)
        else:
            found = SentenceTransformer(str(folder), trust_remote_code=False)
    for part in found:
        if isinstance(part, Transformer):
            ensure_fit(part)
        elif isinstance(part, StaticEmbedding):
            ensure_fit_of_table(part)
    return found


def _folder(model: str) -> tuple[Path, str | None]:
    folder = Path(os.path.expanduser(model))
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return folder, None
    if folder.exists() or model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise UsageError(f"'{model}' is no encoder: no folder with a modules.json or config.json, run or Hub name.")
    name, _, revision = model.partition("@")
    try:
        found = _fetched(name, revision or None)
    except Exception as error:  # the HTTP client's own errors have no common kind with the Hub's
        lines = [line for line in str(error).splitlines() if line.strip() and " Client Error" not in line]
        said = lines[0] if lines else type(error).__name__
        raise SrlbenchError(f"'{model}' is no folder or run here, and the Hub does not give it: {said}") from error
    return found, found.name


def _fetched(name: str, revision: str | None) -> Path:
    """The Hub's snapshot without other frameworks' files; weights in the older form only for want of the newer."""
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(name, revision=revision, ignore_patterns=[*OTHERS, *OLDER]))
    if any(folder.glob("*.safetensors")):
        return folder
    return Path(snapshot_download(name, revision=revision, ignore_patterns=OTHERS))


def _pooled(folder: Path, reading: Reading) -> SentenceTransformer:
    assert reading.pool is not None
    form = Form(reading.layers, reading.attention, precision=reading.precision, every_layer=reading.pool in ALL_LAYERS)
    transformer = load_transformer(folder, form, pooler=True)
    width = transformer.get_embedding_dimension()
    if reading.pool == "cls-pooler":
        return SentenceTransformer(modules=[transformer, Pooling(width, "cls"), _pooler(folder, width)])
    return SentenceTransformer(modules=[transformer, POOLINGS[reading.pool](width)])


def _pooler(folder: Path, width: int) -> Dense:
    """The layer over the first token that came with the weights: SimCSE's head, in the checkpoints of its authors."""
    model, said = transformers.AutoModel.from_pretrained(
        str(folder), dtype=torch.float32, output_loading_info=True, **NO_CODE
    )
    own = getattr(getattr(model, "pooler", None), "dense", None)
    if own is None or any(key.startswith("pooler.") for key in said["missing_keys"]):
        raise UsageError(f"The weights in {folder} have no pooler; --pool cls takes the first token without one.")
    layer = Dense(width, own.out_features, activation_function=torch.nn.Tanh())
    layer.linear.load_state_dict(own.state_dict())
    return layer
