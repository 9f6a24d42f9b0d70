"""Sparse encoders: what goes is what matters least, exactly so many go, and they stay gone."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SPARSE, Cli, Take
from safetensors.torch import load_file, save_file
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import Tensor
from transformers import BertConfig, BertModel

from srlbench import backbones, registry, tracks
from srlbench.data import language
from srlbench.errors import UsageError
from srlbench.evaluation import external
from srlbench.recipe import Recipe, change
from srlbench.runs.fingerprint import fingerprint
from srlbench.tracks.resolve import resolved
from srlbench.training import compact, course, encoder, sparsify
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

TINY = backbones.resolve("tiny")
RECIPE = Recipe(sparsity=0.5)
HEADS, LAYERS, BATCHES = 8, 3, 6


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    """Three layers of random weights, large enough that what is removed is felt."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    tokenizer = external.quietly(str(TINY.path), "mean", 0, 1).tokenizer
    shape = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=24, initializer_range=0.1,
    )  # fmt: skip
    BertModel(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return SentenceTransformer(modules=[Transformer(str(folder)), Pooling(32, "mean")], device="cpu")


def views(model: SentenceTransformer) -> sparsify.Views:
    texts = language.sentences(4 * 24, seed=3)

    def encoded(number: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(number)
        batch = texts[24 * (number % 4) : 24 * (number % 4 + 1)]
        a, b = (model.train()(model.preprocess(list(batch)))["sentence_embedding"] for _ in range(2))
        return a, b

    return encoded


@pytest.mark.parametrize("granularity", ["head", "neuron"])
@pytest.mark.parametrize("part", ["alignment", "uniformity"])
def test_importance_ranks_as_removing_one_at_a_time_does(
    small: SentenceTransformer, granularity: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared within a layer, because importance is normalised by layer."""
    monkeypatch.setattr(sparsify, "BATCHES", BATCHES)
    recipe = replace(RECIPE, granularity=granularity, importance=part)
    (loss,), encoded = sparsify.PARTS[part], views(small)
    found = sparsify.importance(small, recipe, encoded, 0)
    kept = {name: p.detach().clone() for name, p in small.named_parameters()}
    whole = [float(loss(*encoded(n)).detach()) for n in range(BATCHES)]
    ranks = []
    for key, scores in found.items():
        brute = []
        for unit in range(len(scores)):
            one = {k: torch.full((len(v),), torch.inf) for k, v in found.items()}
            one[key][unit] = 0.0
            gone = {k: v == 0 for k, v in one.items()}
            sparsify.apply(small, dict(sparsify._masks(sparsify.layers(small), dict(small.named_parameters()), gone)))
            with torch.no_grad():
                brute.append(sum(abs(float(loss(*encoded(n))) - whole[n]) for n in range(BATCHES)))
                for name, parameter in small.named_parameters():
                    parameter.copy_(kept[name])
        ranks.append(float(spearmanr(scores, brute).statistic))
    print(f"{granularity}s, {part}: rank correlation with removal by layer {[f'{rank:.2f}' for rank in ranks]}")
    assert sum(ranks) / len(ranks) > 0.8


@pytest.mark.parametrize("granularity", ["weight", "neuron", "head"])
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("importance", Recipe.CHOICES["importance"])
def test_exactly_the_asked_number_goes(
    small: SentenceTransformer, granularity: str, scope: str, importance: str
) -> None:
    recipe = replace(RECIPE, granularity=granularity, scope=scope, importance=importance)
    units = sparsify.importance(small, recipe, views(small), 0)
    per = {"weight": 4 * 32 * 32 + 2 * 32 * 24, "neuron": 24, "head": HEADS}[granularity]
    assert sum(len(each) for each in units.values()) == LAYERS * per
    for sparsity in (0.25, 0.5):
        masks = sparsify.masks(small, units, recipe, sparsity)
        a_unit = {"weight": 1, "neuron": 2 * 32 + 1, "head": 4 * 32 * 4 + 3 * 4}[granularity]
        assert sparsify.counts(masks)["zero"] == round(sparsity * LAYERS * per) * a_unit
        if scope == "layer":
            for layer in range(LAYERS):
                own = {name: mask for name, mask in masks.items() if f"layer.{layer}." in name}
                assert sparsify.counts(own)["zero"] == round(sparsity * per) * a_unit


def test_embeddings_are_left_alone_unless_asked(small: SentenceTransformer) -> None:
    recipe = replace(RECIPE, importance="magnitude")
    masks = {
        prunes: sparsify.masks(small, sparsify.importance(small, one, views(small), 0), one, 0.5)
        for prunes in Recipe.CHOICES["prunes"]
        for one in (replace(recipe, prunes=prunes),)
    }
    assert sparsify.EMBEDDINGS not in masks["layers"] and sparsify.EMBEDDINGS in masks["embeddings too"]
    assert not [name for name in masks["embeddings too"] if "LayerNorm" in name or name.endswith("bias")]


def test_a_layer_keeps_its_most_important_head(small: SentenceTransformer) -> None:
    recipe = replace(RECIPE, granularity="head", importance="magnitude")
    units = sparsify.importance(small, recipe, views(small), 0)
    masks = sparsify.masks(small, units, recipe, 0.75)
    assert all(masks[f"{layer.out}.weight"].any() for layer in sparsify.layers(small))
    with pytest.raises(UsageError, match="22 of 24 heads; at most 21 can go"):
        sparsify.masks(small, units, recipe, 0.9)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sparsity": 1.0}, "below 1"),
        ({"sparsity": -0.1}, "at least 0"),
        ({"sparsity": float("nan")}, "is not a number"),
        ({"sparsity": 0.1, "granularity": "row"}, "not one of weight, neuron, head"),
        ({"sparsity": 0.1, "schedule": "gradual", "data": "none", "loss": None}, "for recipes that train"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replace(registry.recipe("simcse-unsup").recipe, **settings).check("sparse")  # type: ignore[arg-type]


class Stopped(Exception):
    pass


def train(recipe: Recipe, track: tracks.Track, work: Path, stop: int | None = None) -> course.Trained:
    seen: list[int] = []

    def report(stage: str, done: int, of: int) -> None:
        seen.append(done)
        if len(seen) == stop:
            raise Stopped

    return course.train(Training(recipe, backbones.fetch(TINY), track, 0, work), Hooks(lambda model: 0.0, report))


def sparse(track: tracks.Track, **settings: object) -> Recipe:
    return change(resolved(registry.recipe("simcse-unsup"), track, TINY), "x", {"sparsity": 0.3, **settings})


@pytest.mark.parametrize("schedule", Recipe.CHOICES["schedule"])
def test_weights_stay_zero_and_a_resumed_run_is_an_unbroken_one(
    schedule: str, quick_track: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparsify, "BATCHES", 2)  # gradual pruning weighs its units ten times
    track = tracks.read(quick_track)
    recipe = sparse(track, schedule=schedule, granularity="weight" if schedule != "gradual" else "neuron")
    unbroken = train(recipe, track, tmp_path / "unbroken")
    known = dict(unbroken.model.named_parameters())
    zero = sum(int((known[name] == 0).sum()) for name in unbroken.kept)
    assert zero == unbroken.log["sparsity"]["zero"] == sparsify.counts(unbroken.kept)["zero"]
    stop = 13 if schedule in ("fine-tune", "rewind") else 7
    with pytest.raises(Stopped):
        train(recipe, track, tmp_path / "broken", stop)
    resumed = train(recipe, track, tmp_path / "broken")
    assert resumed.weights_sha256 == unbroken.weights_sha256
    dense = train(replace(recipe, sparsity=None), track, tmp_path / "dense")
    assert dense.weights_sha256 != unbroken.weights_sha256
    if schedule == "one-shot":
        own = dict(dense.model.named_parameters())
        assert all(bool((known[n][mask] == own[n][mask]).all()) for n, mask in unbroken.kept.items())


def test_no_sparsity_is_the_dense_recipe(quick_track: Path, tmp_path: Path) -> None:
    track, dense = tracks.read(quick_track), registry.recipe("simcse-unsup")
    none = registry.recipe("sparse-simcse-unsup+sparsity=0")
    assert fingerprint(none, track, TINY) == fingerprint(dense, track, TINY)
    assert fingerprint(registry.recipe("sparse-simcse-unsup"), track, TINY) != fingerprint(dense, track, TINY)
    runs = [train(resolved(each, track, TINY), track, tmp_path / each.name) for each in (none, dense)]
    assert runs[0].weights_sha256 == runs[1].weights_sha256 and not runs[0].kept


@pytest.mark.parametrize("granularity", ["neuron", "head"])
def test_compact_encoders_give_the_same_vectors(small: SentenceTransformer, granularity: str, tmp_path: Path) -> None:
    recipe = replace(RECIPE, granularity=granularity, importance="magnitude")
    model = copy.deepcopy(small).eval()
    with pytest.raises(UsageError, match="leave no room"):
        compact.compact(model)
    masks = sparsify.masks(model, sparsify.importance(model, recipe, views(model), 0), recipe, 0.5)
    save_file(masks, tmp_path / "masks.safetensors")  # refuses tensors that share memory
    sparsify.apply(model, masks)
    made = compact.compact(model.eval())
    made.save(str(tmp_path / "small"))
    again = external.quietly(str(tmp_path / "small"), None, 0, 1)
    texts = list(language.sentences(20, seed=9))
    for one in (made, again):
        assert sum(p.numel() for p in one.parameters()) < sum(p.numel() for p in model.parameters())
        assert abs(one.encode(texts) - model.encode(texts)).max() < 1e-5


def test_code_beside_a_compact_encoder_is_never_run(small: SentenceTransformer, tmp_path: Path) -> None:
    recipe = replace(RECIPE, granularity="neuron", importance="magnitude")
    model = copy.deepcopy(small).eval()
    sparsify.apply(model, sparsify.masks(model, sparsify.importance(model, recipe, views(model), 0), recipe, 0.5))
    folder = tmp_path / "small"
    compact.compact(model).save(str(folder))
    ran = tmp_path / "ran"
    for name in ("srlbench", "modeling_bad"):
        (folder / f"{name}.py").write_text(f"open({str(ran)!r}, 'w')\nclass Bad: pass\n")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "modeling_bad.Bad"}}))
    external.quietly(str(folder), None, 0, 1)
    listed = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(
        json.dumps([*listed, {"idx": 2, "name": "2", "path": "", "type": "srlbench.Bad"}])
    )
    with pytest.raises(UsageError, match="cannot be loaded"):
        external.quietly(str(folder), None, 0, 1)
    assert not ran.exists()


def test_masks_are_saved_and_shrinking_makes_it_faster(
    quick_track: Path, here: Cli, take: Take, tmp_path: Path
) -> None:
    take(tmp_path / "r", SPARSE, seeds=(0,), kept=True)
    (folder,) = (tmp_path / "r").glob("quick/v*/encoders/*/tiny/*/seed-0")
    masks = load_file(folder / "masks.safetensors")
    weights = load_file(folder / "model.safetensors")
    zero = sum(int((weights[n.removeprefix("0.model.")] == 0).sum()) for n in masks)
    assert zero == sparsify.counts(masks)["zero"] == 2 * 256 * (2 * 128 + 1)
    done = here("shrink", f"{SPARSE}@tiny:0", "--results", "r", "--out", "smaller", "--track", quick_track)
    assert done.returncode == 0 and "parameters to" in done.stdout, done.stderr
    again = here("shrink", f"{SPARSE}@tiny:0", "--results", "r", "--out", "smaller", "--track", quick_track)
    assert again.returncode == 2 and "is there already" in again.stderr
    scored = here("evaluate", "smaller", "--protocol", "generated", "--tasks", "GenSTS13")
    assert scored.returncode == 0, scored.stderr


def test_encoders_of_other_kinds_are_refused(quick_track: Path) -> None:
    track = tracks.read(quick_track)
    words, _ = encoder.build(resolved(registry.recipe("bag-random"), track, TINY), backbones.fetch(TINY), track)
    with pytest.raises(UsageError, match="BERT's family"):
        sparsify.layers(words)
