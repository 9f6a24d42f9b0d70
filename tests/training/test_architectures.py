"""Backbones of many architectures: each is encoded, trained and explained rightly, or refused in one sentence."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from made_backbones import DECODERS, ENCODERS, KINDS, LAYERS, WIDTH, make
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from srlbench import backbones, registry, tracks
from srlbench.data import language
from srlbench.diagnostics import words
from srlbench.diagnostics.gradients import statistics
from srlbench.diagnostics.isotropy import isotropy
from srlbench.errors import UsageError
from srlbench.evaluation import external
from srlbench.evaluation.encoding import embed
from srlbench.evaluation.reading import Reading
from srlbench.losses.info_nce import info_nce
from srlbench.recipe import Recipe, change
from srlbench.tracks.resolve import resolved
from srlbench.training import course
from srlbench.training.callbacks import Hooks
from srlbench.training.course import Trained
from srlbench.training.layers import Autocast
from srlbench.training.transformer import attention
from srlbench.training.value import Training

TEXTS = [*language.sentences(20, seed=8)]
NO_DROPOUT = {"albert", "modernbert", "llama", "qwen2", "qwen3", "gemma3_text", "smollm3"}
PRUNED = {"bert", "roberta", "xlm-roberta", "electra"}
Train = Callable[..., Trained]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("backbones")
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return lambda kind: there if (there := root / kind).exists() else make(kind, there)


@pytest.fixture
def train(quick_track: Path, tmp_path: Path) -> Train:
    """Two steps of unsupervised SimCSE, or what is asked for in its place."""
    track = tracks.read(quick_track)

    def run(folder: Path, name: str = "simcse-unsup", report: Any = None, **settings: Any) -> Trained:
        start = backbones.resolve(str(folder))
        recipe = change(resolved(registry.recipe(name), track, start), name, {"steps": 2, "batch_size": 8, **settings})
        recipe.check(name)
        hooks = Hooks(lambda model: 0.0) if report is None else Hooks(lambda model: 0.0, report)
        work = tmp_path / "work"
        if report is None:
            shutil.rmtree(work, ignore_errors=True)
        return course.train(Training(recipe, backbones.fetch(start), track, 0, work), hooks)

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_is_encoded_trained_and_explained(
    kind: str, made: Callable[[str], Path], train: Train
) -> None:
    folder = made(kind)
    encoder = external.load(str(folder), "mean")[0]
    whole = embed(encoder, TEXTS)
    assert all((embed(encoder, [text])[0] == vector).all() for text, vector in zip(TEXTS[:3], whole))

    trained = train(folder, pool="mean", word_dropout=0.2)
    assert trained.weights_sha256 == train(folder, pool="mean", word_dropout=0.2).weights_sha256
    assert not np.array_equal(embed(trained.model, TEXTS), whole)

    assert all(np.isfinite(layer.baseline) for layer in isotropy(trained.model, TEXTS).layers)
    for method in ("integrated-gradients", "leave-one-out", "mean-contributions"):
        (weights,) = words.METHODS[method](trained.model, TEXTS[:1])
        assert [word for word, _ in weights] and all(weight >= 0 for _, weight in weights)
    views = external.twins(str(folder), "mean", TEXTS[:8], 0, 1)
    assert np.isfinite(statistics(info_nce, *views)["dissipation_mean"])


@pytest.mark.parametrize("kind", KINDS)
def test_views_without_any_difference_are_refused(kind: str, made: Callable[[str], Path], train: Train) -> None:
    if kind in NO_DROPOUT:
        with pytest.raises(UsageError, match=r"no dropout, so both views .*word_deletion"):
            train(made(kind), pool="mean")
    assert train(made(kind), pool="mean", dropout=0.1, steps=1).log["steps"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_pruning_is_for_the_family_of_bert(kind: str, made: Callable[[str], Path], train: Train) -> None:
    asked = {"word_dropout": 0.2, "steps": 1, "pool": "mean"}
    if kind in PRUNED:
        assert train(made(kind), "sparse-simcse-unsup", **asked).kept
    else:
        with pytest.raises(UsageError, match="Only transformers of BERT's family"):
            train(made(kind), "sparse-simcse-unsup", **asked)


def moved(encoder: SentenceTransformer, text: str, other: str, beside: list[str]) -> bool:
    """Whether the first word's vector is another if a later word is."""
    vectors = []
    for one in (text, other):
        features = encoder.preprocess([one, *beside])
        with torch.no_grad():
            vectors.append(encoder[0](features)["token_embeddings"][0, 1 if encoder[0].tokenizer.cls_token else 0])
    return not torch.allclose(*vectors, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_what_is_asked_for(kind: str, made: Callable[[str], Path], tmp_path: Path) -> None:
    text, longer = TEXTS[0].split(), [" ".join(TEXTS[:2])]
    pair = " ".join(text), " ".join([*text[:-1], TEXTS[1].split()[0]])
    both = external.load(str(made(kind)), Reading("mean", attention="bidirectional"))[0]
    both.save(str(tmp_path / "both"))
    for encoder in (both, SentenceTransformer(str(tmp_path / "both"))):  # also where srlbench is not installed
        assert moved(encoder, *pair, []) and moved(encoder, *pair, longer)
    if kind in DECODERS:
        for reading in (Reading("last"), Reading("last", attention="causal")):
            past = external.load(str(made(kind)), reading)[0]
            assert not moved(past, *pair, []) and not moved(past, *pair, longer)
    elif attention(external.load(str(made(kind)), "mean")[0][0]) == "bidirectional":
        with pytest.raises(UsageError, match=f"no causal attention for {kind}"):
            external.load(str(made(kind)), Reading("mean", attention="causal"))


@pytest.mark.parametrize("kind", ["bert", "gpt2", "gemma3_text"])
def test_a_pooling_reads_real_pieces_alone(kind: str, made: Callable[[str], Path]) -> None:
    for pool in ("last", "weighted-mean"):
        encoder = external.load(str(made(kind)), pool)[0]
        together = encoder.encode(TEXTS, convert_to_tensor=True)
        for text, vector in zip(TEXTS[:4], together):
            with torch.no_grad():
                pieces = encoder[0](encoder.preprocess([text]))["token_embeddings"][0]
            weights = torch.arange(1.0, len(pieces) + 1)
            by_hand = pieces[-1] if pool == "last" else (weights @ pieces) / weights.sum()
            torch.testing.assert_close(vector, by_hand, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_layers_are_the_first_layers(kind: str, made: Callable[[str], Path], train: Train) -> None:
    cut, whole = (external.load(str(made(kind)), Reading("mean", layers=n))[0] for n in (2, None))
    hidden = [each[0].model(**inputs(each), output_hidden_states=True).hidden_states for each in (cut, whole)]
    assert len(hidden[0]) == 3 and len(hidden[1]) == LAYERS + 1
    torch.testing.assert_close(hidden[0][1], hidden[1][1])
    ends = external.load(str(made(kind)), "first-last")[0](inputs(whole))
    mask = ends["attention_mask"][..., None]
    by_hand = (mask * (hidden[1][1] + hidden[1][-1]) / 2).sum(1) / mask.sum(1)
    torch.testing.assert_close(ends["sentence_embedding"], by_hand)
    with pytest.raises(UsageError, match=f"has {LAYERS} layers; the first 4 cannot be taken"):
        external.load(str(made(kind)), Reading("mean", layers=4))


def inputs(encoder: SentenceTransformer) -> dict[str, Any]:
    features = encoder.preprocess(TEXTS[:2])
    return {key: features[key] for key in ("input_ids", "attention_mask")}


# --- what is not whole is refused ------------------------------------------------------------------


def spoilt(folder: Path, to: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> Path:
    shutil.copytree(folder, to)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, to / "model.safetensors", {"format": "pt"})
    return to


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda w: w.pop("encoder.layer.1.output.dense.weight"),
            r"1 of 5\d tensors are missing in .*layer.1.output.de",
        ),
        (lambda w: w.clear(), r"5\d of 5\d tensors are missing"),
        (lambda w: w.update({"encoder.layer.0.output.dense.bias": torch.zeros(3)}), r"another shape .* \(3,\) instead"),
        (lambda w: w["embeddings.LayerNorm.bias"].fill_(torch.nan), "embeddings.LayerNorm.bias in .* not finite"),
    ],
)
def test_weights_that_are_not_whole_are_refused(
    change: Any, said: str, made: Callable[[str], Path], tmp_path: Path, train: Train
) -> None:
    folder = spoilt(made("bert"), tmp_path / "spoilt", change)
    with pytest.raises(UsageError, match=said):
        external.load(str(folder), "mean")
    with pytest.raises(UsageError, match=said):
        train(folder)
    whole = external.load(str(made("bert")), "mean")[0]
    whole.save(str(tmp_path / "saved"))
    shutil.copy(folder / "model.safetensors", next((tmp_path / "saved").rglob("model.safetensors")))
    with pytest.raises(UsageError, match=said):
        external.load(str(tmp_path / "saved"), None)


def test_a_pooler_may_be_missing_where_nothing_reads_it(made: Callable[[str], Path], tmp_path: Path) -> None:
    folder = spoilt(made("bert"), tmp_path / "bare", lambda w: [w.pop(key) for key in [*w] if "pooler" in key])
    assert external.load(str(folder), "cls")[0]
    with pytest.raises(UsageError, match="no pooler"):
        external.load(str(folder), "cls-pooler")


def test_a_tokenizer_that_does_not_fit_is_refused(made: Callable[[str], Path], tmp_path: Path, train: Train) -> None:
    bare = Path(shutil.copytree(made("bert"), tmp_path / "bare"))
    for path in bare.glob("*token*"):
        path.unlink()
    other = Path(shutil.copytree(made("bert"), tmp_path / "other"))
    about = json.loads((other / "tokenizer.json").read_text())
    about["model"]["vocab"]["beyond"] = 9999
    (other / "tokenizer.json").write_text(json.dumps(about))
    for folder, said in ((bare, "no tokenizer in"), (other, "ids go up to 9999")):
        with pytest.raises(UsageError, match=said):
            external.load(str(folder), "mean")
        with pytest.raises(UsageError, match=said):
            train(folder)


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta", "gpt2", "opt"])
def test_texts_are_cut_at_the_positions_there_are(kind: str, made: Callable[[str], Path], train: Train) -> None:
    long = " ".join(TEXTS * 3)
    encoder = external.load(str(made(kind)), "mean")[0]
    assert np.isfinite(embed(encoder, [long])).all()
    assert encoder.preprocess([long])["input_ids"].shape[1] <= 40
    assert train(made(kind), pool="mean", word_dropout=0.2, steps=1, max_length=64).log["steps"] == 1


# --- memory and precision ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_bfloat16_is_kept_with_the_encoder(
    kind: str, made: Callable[[str], Path], train: Train, tmp_path: Path
) -> None:
    found = [train(made(kind), pool="mean", word_dropout=0.2, precision=precision) for precision in ("bf16", None)]
    half, single = (embed(each.model, TEXTS) for each in found)
    assert half.dtype == np.float32 and not np.array_equal(half, single) and abs(half - single).max() < 0.1
    found[0].model.save(str(tmp_path / "half"))
    again = external.load(str(tmp_path / "half"), None)[0]
    assert isinstance(again[0], Autocast) and np.array_equal(embed(again, TEXTS), half)
    assert words.leave_one_out(again, TEXTS[:1])


def test_gradient_checkpointing_changes_no_digit(made: Callable[[str], Path], train: Train) -> None:
    plain, saving = (train(made("bert"), gradient_checkpointing=on) for on in (None, True))
    assert plain.weights_sha256 == saving.weights_sha256
    with pytest.raises(UsageError, match="no gradient checkpointing for albert"):
        train(made("albert"), gradient_checkpointing=True, word_dropout=0.2)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_an_adapter_is_trained_and_merged(kind: str, made: Callable[[str], Path], train: Train, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    asked = {"pool": "mean", "word_dropout": 0.2, "adapter": "lora", "adapter_rank": 2}
    trained = train(made(kind), **asked)
    assert trained.weights_sha256 == train(made(kind), **asked).weights_sha256
    trained.model.save(str(tmp_path / "merged"))
    plain = SentenceTransformer(str(tmp_path / "merged"))
    np.testing.assert_allclose(embed(plain, TEXTS), embed(trained.model, TEXTS), atol=1e-6)
    before, after = external.load(str(made(kind)), "mean")[0][0].model, plain[0].model
    changed = {
        name for name, value in after.named_parameters() if not value.equal(dict(before.named_parameters())[name])
    }
    assert changed and all("norm" not in name.lower() and "embed" not in name for name in changed)
    with pytest.raises(UsageError, match="An adapter cannot be added"):
        train(made(kind), **{**asked, "adapter_targets": "nothing"})


class Stopped(Exception):
    pass


@pytest.mark.parametrize("settings", [{}, {"micro_batch": 3}, {"adapter": "lora"}, {"precision": "bf16"}])
def test_a_decoder_stopped_and_resumed_equals_an_unbroken_one(
    settings: dict[str, Any], made: Callable[[str], Path], train: Train, tmp_path: Path
) -> None:
    if "adapter" in settings:
        pytest.importorskip("peft")
    asked = {"pool": "last", "word_dropout": 0.2, "steps": 8, "freeze": "embeddings", **settings}
    unbroken = train(made("llama"), **asked).weights_sha256
    shutil.rmtree(tmp_path / "work")

    def stop(stage: str, done: int, of: int) -> None:
        if done == 7:
            raise Stopped

    with pytest.raises(Stopped):
        train(made("llama"), report=stop, **asked)
    assert (tmp_path / "work" / "checkpoint-6").is_dir()
    assert train(made("llama"), report=lambda *news: None, **asked).weights_sha256 == unbroken


def test_a_recipe_without_these_settings_is_as_it_was() -> None:
    assert not {*Recipe.OPEN} & {*Recipe().as_dict()}
    asked = replace(Recipe(), layers=6, attention="bidirectional").as_dict()
    assert asked["layers"] == 6 and asked["attention"] == "bidirectional" and "precision" not in asked
    for wrong, said in (
        ({"attention": "both"}, "attention = 'both' is not one of causal, bidirectional"),
        ({"layers": 0}, "layers = 0 must be positive"),
        ({"layers": 1.5}, "not a whole number"),
        ({"adapter_rank": 4}, "adapter_rank is of an adapter"),
        ({"micro_batch": 2, "world_size": 2, "data": "twins"}, "for one process"),
        ({"precision": "fp16"}, "precision = 'fp16' is not one of bf16"),
    ):
        with pytest.raises(UsageError, match=said):
            change(registry.recipe("simcse-unsup").recipe, "x", wrong).check("x")


def test_copies_are_apart(made: Callable[[str], Path]) -> None:
    encoder = external.load(str(made("bert")), "mean")[0]
    assert (
        np.array_equal(embed(copy.deepcopy(encoder), TEXTS), embed(encoder, TEXTS))
        and embed(encoder, TEXTS).shape[1] == WIDTH
    )
    assert {*ENCODERS} | {*DECODERS} == {*KINDS}


@pytest.mark.parametrize("kind", ["bert", "distilbert", "gpt2", "gemma3_text"])
def test_skipping_what_is_dropped_changes_no_loss(kind: str, made: Callable[[str], Path], train: Train) -> None:
    asked = {"pool": "mean", "word_dropout": 0.4, "dropout": None if kind in NO_DROPOUT else 0.0, "steps": 4}
    masked, skipping = (train(made(kind), **asked, skip_dropped=on).log["losses"] for on in (None, True))
    assert skipping == pytest.approx(masked, abs=1e-3) and len(set(masked)) == 4


@pytest.mark.parametrize("kind", ["roberta", "t5"])
def test_where_it_would_change_the_loss_it_is_refused(kind: str, made: Callable[[str], Path], train: Train) -> None:
    with pytest.raises(UsageError, match="cannot be given the positions of the pieces that stay"):
        train(made(kind), pool="mean", word_dropout=0.4, skip_dropped=True)
    with pytest.raises(UsageError, match="skip_dropped = 'yes' is not true or false"):
        train(made(kind), pool="mean", word_dropout=0.4, skip_dropped="yes")
