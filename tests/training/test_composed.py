"""Recipes that are more than a loss: views, companions, prompts, maps; each repeats itself and goes on after a stop."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_ranks import exact, together
from torch import Tensor, nn

import srlbench
from srlbench import backbones, records, registry, tracks
from srlbench.data import language
from srlbench.errors import UsageError
from srlbench.evaluation import external
from srlbench.recipe import Augment, Companion, Loss, Post, Recipe, Registered, View
from srlbench.runs.fingerprint import fingerprint
from srlbench.tracks.resolve import resolved
from srlbench.training import course, launch
from srlbench.training.augment import Pieces
from srlbench.training.callbacks import Hooks
from srlbench.training.course import Trained
from srlbench.training.encoder import weights_sha256
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.text import Text, Vocabulary, blocks, joined
from srlbench.training.value import Training

TINY = backbones.resolve("tiny")
ROWS = (View(), View(augment=(Augment("repetition"),)))
OF, COLON = 'this sentence of "{text}" means [MASK].', 'this sentence : "{text}" means [MASK].'


class Lengths(nn.Module):
    """An objective of one's own: the vector must tell how many pieces a text has."""

    def __init__(self, start: Any, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight, self.guess = weight, nn.Linear(start.width, 1)

    def loss(self, step: Any) -> Tensor:
        wanted = step.texts[0].lengths.float().log().unsqueeze(1)
        return self.weight * nn.functional.mse_loss(self.guess(step.vectors[0]), wanted)


def recipe(**settings: Any) -> Recipe:
    return Recipe(**{"data": "twins", "loss": Loss("info_nce"), "pool": "mean", "head": "mlp-train-only", **settings})


def by(*names: str) -> View:
    return View(augment=tuple(map(Augment, names)))


SLOW = Companion("momentum", momentum=0.9)
TAUGHT = Loss("taught_ranking")
BANK = Loss("info_nce_bank", temperature=0.05)
RECIPES: dict[str, Callable[[], Recipe]] = {
    "views": lambda: recipe(views=ROWS),
    "positions": lambda: recipe(views=(by("feature_cutoff"), by("shuffled_positions"))),
    "embeddings": lambda: recipe(views=(by("token_cutoff", "embedding_noise"), by("span_deletion"))),
    "queue": lambda: recipe(views=ROWS, companions=(Companion("queue", size=24),), loss=BANK),
    "noise": lambda: recipe(companions=(Companion("noise", count=32),), loss=BANK),
    "momentum": lambda: recipe(views=(View(), View(encoder="momentum")), companions=(SLOW,)),
    "second": lambda: recipe(
        views=(View(), View(encoder="second")), companions=(Companion("second"),), loss=Loss("in_batch_tension")
    ),
    "masked words": lambda: recipe(companions=(Companion("masked_words", weight=0.5),)),
    "teacher": lambda: recipe(companions=(Companion("teacher", recipe="untrained-mean"),), loss=Loss("taught_ranking")),
    "prompt": lambda: recipe(views=(View(prompt=OF), View(prompt=COLON)), prompt=OF, pool="mask"),
    "one's own": lambda: recipe(companions=(Companion(Lengths, weight=0.1),)),
    "cross view": lambda: recipe(companions=(Companion("cross_view", size=64),), loss=None),
    "memory": lambda: recipe(
        companions=(Companion("teacher", recipe=("untrained-mean", "bag-random"), weights=(2.0, 1.0)),
                    Companion("replaced_words", weight=1.0)),
        loss=TAUGHT + 0.5 * Loss("nt_xent"),
    ),
    "no pairs": lambda: recipe(companions=(Companion(Lengths),), loss=None),
    "maps": lambda: recipe(post=(Post("top_removed", directions=2), Post("whitening", dims=16))),
}  # fmt: skip


@pytest.fixture
def train(quick_track: Path, tmp_path: Path, one_thread: None) -> Callable[..., Trained]:
    def run(
        made: Recipe, seed: int = 0, work: str = "a", report: Any = None, watch: Any = None, **changes: Any
    ) -> Trained:
        entry = Registered("mine", made, "", "", None, {}, False, changes={"steps": 6, "batch_size": 12, **changes})
        track = tracks.read(quick_track)
        hooks = Hooks(lambda model: 0.0, *([] if report is None else [report]), watch=watch)
        training = Training(resolved(entry, track, TINY), backbones.fetch(TINY), track, seed, tmp_path / work)
        return course.train(training, hooks)

    return run


class Stopped(Exception):
    pass


def stop(stage: str, done: int, of: int) -> None:
    if stage == "train" and done == 5:
        raise Stopped


# What has a state, or draws in a way of its own, is tried each time; the rest has the same road, in `tox -e slow`.
SAME_ROAD = (
    "views", "embeddings", "positions", "noise", "momentum", "second", "masked words", "one's own", "maps", "no pairs",
)  # fmt: skip
MOST = [pytest.param(name, marks=pytest.mark.slow if name in SAME_ROAD else ()) for name in RECIPES]
PLAIN = ("views", "second", "prompt", "memory", "maps")  # one of each way to be kept
SOME = [pytest.param(name, marks=() if name in PLAIN else pytest.mark.slow) for name in RECIPES]


@pytest.mark.parametrize("name", MOST)
def test_it_repeats_itself_differs_by_seed_and_goes_on_after_a_stop(name: str, train: Callable[..., Trained]) -> None:
    first, again, other = (train(RECIPES[name](), seed, f"{seed} {n}") for n, seed in enumerate((0, 0, 1)))
    assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256
    assert len(set(first.log["losses"])) == 6
    with pytest.raises(Stopped):
        train(RECIPES[name](), 0, "stopped", stop)
    assert train(RECIPES[name](), 0, "stopped").weights_sha256 == first.weights_sha256


@pytest.mark.parametrize("name", SOME)
def test_what_is_kept_is_a_plain_encoder(name: str, train: Callable[..., Trained], tmp_path: Path) -> None:
    made = train(RECIPES[name](), steps=2)
    texts = list(language.sentences(6, seed=3))
    made.model.save_pretrained(str(tmp_path / "saved"))
    again = external.load(str(tmp_path / "saved"), None)[0]
    assert np.array_equal(made.model.encode(texts), again.encode(texts))
    if name == "maps":
        assert made.model.encode(texts).shape == (6, 16)


def test_each_part_is_in_the_fingerprint(quick_track: Path) -> None:
    track = tracks.read(quick_track)

    def of(made: Recipe, **changes: Any) -> str:
        return fingerprint(Registered("mine", made, "", "", None, {}, False, changes=changes), track, TINY)

    prints = [of(make()) for make in RECIPES.values()] + [of(recipe())]
    assert len(set(prints)) == len(prints)
    assert of(RECIPES["queue"](), size=32) != of(RECIPES["queue"]()) == of(RECIPES["queue"](), size=24)
    assert (
        of(recipe(companions=(Companion("teacher", recipe="untrained-cls"),), loss=Loss("taught_ranking")))
        not in prints
    )
    assert of(recipe()) == of(recipe(views=(), companions=()))


class Watch:
    """Asks for the loss as the diagnostics of gradients do: the first two views in double precision."""

    def steps(self, last: int) -> list[int]:
        return [0, last]

    def begin(self, model: Any) -> None:
        pass

    def look(self, step: int, model: Any, loss: Callable[..., Tensor], *views: Tensor) -> dict[str, Any]:
        value = loss(*(view.double() for view in views[:2]), *views[2:])
        return {"double": value.dtype == torch.float64}


def test_the_gradient_of_a_loss_of_three_views_can_be_looked_at(train: Callable[..., Trained]) -> None:
    three = recipe(views=(View(),) * 3, loss=Loss("info_nce").on(0, 1) + Loss("info_nce").on(0, 2))
    seen = train(three, steps=2, watch=Watch()).log["observed"]
    assert [each["double"] for each in seen] == [True, True]


# --- what makes each member itself -------------------------------------------------------------------

IDS = torch.tensor([[2, 10, 11, 12, 13, 14, 15, 3, 0, 0], [2, 20, 21, 22, 23, 24, 25, 26, 27, 3]])
TEXT = Text(IDS, (IDS > 0).long())
KNOWN = Vocabulary(Pieces(torch.tensor([0, 2, 3]), torch.ones(40, dtype=torch.bool)), 4, 40, 8)


def augmented(name: str, seed: int = 0, **arguments: Any) -> Text:
    return Augment(name).load()(TEXT, KNOWN, torch.Generator().manual_seed(seed), **arguments)  # type: ignore[no-any-return]


def pieces(text: Text, row: int) -> list[int]:
    return text.ids[row][text.mask[row].bool()].tolist()  # type: ignore[no-any-return]


def test_repetition_doubles_some_pieces_in_place() -> None:
    extra = set()
    for seed in range(60):
        text = augmented("repetition", seed, rate=0.5, most=10)
        for row, whole in ((0, [2, 10, 11, 12, 13, 14, 15, 3]), (1, [2, *range(20, 28), 3])):
            found = pieces(text, row)
            assert list(dict.fromkeys(found)) == whole, "no piece is lost, and the order stays"
            assert found.count(2) == found.count(3) == 1 and max(map(found.count, found)) <= 2
            extra.add((row, len(found) - len(whole)))
    assert extra == {(0, n) for n in range(4)} | {(1, n) for n in range(5)}


def test_a_span_is_deleted_and_the_gap_closed() -> None:
    starts = set()
    for seed in range(40):
        found = pieces(augmented("span_deletion", seed, share=0.5), 1)
        gone = [piece for piece in range(20, 28) if piece not in found]
        assert len(gone) == 4 and gone == list(range(gone[0], gone[0] + 4)) and (found[0], found[-1]) == (2, 3)
        starts.add(gone[0])
    assert starts == {20, 21, 22, 23, 24}


def test_positions_are_permuted_among_the_pieces_that_are_read() -> None:
    text = augmented("shuffled_positions")
    assert text.positions is not None and torch.equal(text.ids, TEXT.ids)
    assert sorted(text.positions[0, :8].tolist()) == list(range(8)) != text.positions[0, :8].tolist()
    assert sorted(text.positions[1].tolist()) == list(range(10))


def test_features_and_tokens_are_cut_off() -> None:
    columns, tokens = augmented("feature_cutoff", share=0.5).scale, augmented("token_cutoff", share=0.5).scale
    assert columns is not None and tokens is not None
    assert columns.shape == (2, 1, 8) and (columns == 0).sum(2).tolist() == [[4], [4]]
    assert not torch.equal(columns[0], columns[1])
    assert (tokens[..., 0] == 0).sum(1).tolist() == [3, 4] and tokens[:, 0].all() and tokens[0, 7:].all()


def test_texts_of_several_views_are_one_batch() -> None:
    both = joined([TEXT, augmented("feature_cutoff"), augmented("shuffled_positions"), augmented("embedding_noise")])
    assert both.ids.shape == (8, 10) and both.scale is not None and both.scale.shape == (8, 10, 8)
    parts, rows = blocks(both, 3)
    assert torch.equal(
        torch.cat([torch.nn.functional.pad(p["input_ids"], (0, 10 - p["input_ids"].shape[1])) for p in parts])[rows],
        both.ids,
    )


def test_a_queue_holds_old_sentences_of_a_slow_encoder(
    train: Callable[..., Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    from srlbench.companions.queue import Queue

    seen: list[tuple[int, float]] = []
    after = Queue.after

    def watched(self: Queue, step: Any) -> None:
        before = self.rows[: int(self.filled)].clone()
        after(self, step)
        gap = max((a - b).abs().max().item() for a, b in zip(self.slow.model.parameters(), step.model.parameters()))
        seen.append((int(self.filled), gap))
        if len(before) == 24:
            assert torch.equal(self.rows[:12], before[12:]), "the oldest go first"
        own = step.head(step.encode(step.texts[0], self.slow.model.eval()))
        torch.testing.assert_close(self.rows[int(self.filled) - 12 : int(self.filled)], own)
        assert not any(weight.requires_grad for weight in self.slow.parameters())

    monkeypatch.setattr(Queue, "after", watched)
    train(RECIPES["queue"]())
    assert [filled for filled, _ in seen] == [12, 24, 24, 24, 24, 24]
    assert seen[0][1] == 0 and seen[-1][1] > 1e-4, "it begins as the encoder, and lags behind it"


def test_a_second_encoder_learns_and_a_slow_one_only_follows(
    train: Callable[..., Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    from srlbench.companions.momentum import Momentum
    from srlbench.companions.second import Second

    for kind, learns in ((Second, True), (Momentum, False)):
        slopes: list[bool] = []
        encode = kind.encode

        def watched(self: Any, step: Any, text: Text, encode: Any = encode, slopes: list[bool] = slopes) -> Tensor:
            out: Tensor = encode(self, step, text)
            slopes.append(out.requires_grad)
            return out

        monkeypatch.setattr(kind, "encode", watched)
        train(RECIPES["second" if learns else "momentum"](), work=kind.__name__)
        assert slopes == [learns] * 6


def test_hidden_words_are_learnt_and_move_the_encoder(train: Callable[..., Trained]) -> None:
    made = recipe(companions=(Companion("masked_words", weight=1.0, share=0.3),), loss=None)
    log = train(made, steps=30, lr=2e-3).log
    assert np.mean(log["losses"][-5:]) < np.mean(log["losses"][:5]) - 1


def test_a_teacher_is_followed_and_gets_no_gradient(train: Callable[..., Trained]) -> None:
    loss = Loss("taught_ranking", consistency=0.0)
    made = recipe(companions=(Companion("teacher", recipe="bag-random-weighted"),), loss=loss)
    log = train(made, steps=30).log
    assert np.mean(log["losses"][-5:]) < np.mean(log["losses"][:5])


def test_a_prompt_is_around_each_text_in_training_and_evaluation(train: Callable[..., Trained]) -> None:
    model = train(RECIPES["prompt"](), steps=2).model
    tokenizer: Any = model.tokenizer
    ids = model.preprocess(["the cat sleeps", "a dog"])["input_ids"]
    assert (ids == tokenizer.mask_token_id).sum(1).tolist() == [1, 1]
    assert tokenizer.decode(ids[0]).replace(" ", "").startswith('[CLS]thissentenceof"thecatsleeps"means[MASK].[SEP]')


def test_a_text_that_would_leave_its_template_no_positions_is_cut(train: Callable[..., Trained]) -> None:
    model = train(RECIPES["prompt"](), steps=2).model
    tokenizer: Any = model.tokenizer
    ids = model.preprocess(["the cat sleeps " * 80, "a dog"])["input_ids"]
    assert ids.shape[1] == tokenizer.model_max_length == 128
    assert (ids == tokenizer.mask_token_id).sum(1).tolist() == [1, 1]
    assert np.isfinite(model.encode("the cat sleeps " * 80)).all()


def test_maps_are_fitted_one_after_the_other(train: Callable[..., Trained], quick_track: Path) -> None:
    from srlbench import data

    model = train(RECIPES["maps"]()).model
    lines = [line[0] for line in data.training_text(tracks.read(quick_track), "twins")]
    x = model.encode(lines).astype(np.float64)
    assert abs(x.mean(0)).max() < 1e-3 and abs(np.cov(x.T) - np.eye(16)).max() < 1e-2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"views": (View(prompt="no place"), View())}, "no single {text} in it"),
        ({"views": (View(), View(encoder="ema"))}, "Unknown encoder of a view"),
        ({"companions": (Companion("queue"), Companion("queue"))}, "two companions have one name"),
        ({"companions": (Companion("queu"),)}, "Unknown companion 'queu'. Did you mean 'queue'"),
        ({"loss": BANK, "views": ROWS}, "The loss needs 'bank', and no companion of the recipe gives it"),
        ({"pool": "mask", "views": ROWS}, "a text has none"),
        ({"companions": (Companion("teacher"),)}, "give it one of the two"),
        ({"companions": (Companion("teacher", recipe="mine"),)}, "is its own teacher"),
        ({"encoder": "input-words"}, "is never trained"),
        ({"views": (View(prompt=OF), View(prompt=OF)), "word_deletion": 0.2}, "would delete words of the prompt"),
        (
            {"companions": (Companion("noise"),), "micro_batch": 4},
            "micro_batch is for recipes without views and companions",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_in_one_sentence(
    settings: dict[str, Any], said: str, train: Callable[..., Trained]
) -> None:
    with pytest.raises(UsageError) as raised:
        train(recipe(**settings))
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_word_vectors_refuse_what_needs_layers(quick_track: Path, tmp_path: Path) -> None:
    track, static = tracks.read(quick_track), backbones.resolve("static")
    for name in ("positions", "prompt", "masked words"):
        made = RECIPES[name]()
        entry = Registered("mine", made, "", "", None, {}, False)
        with pytest.raises(UsageError, match=r"Word vectors|Only a transformer"):
            course.train(
                Training(resolved(entry, track, static), backbones.fetch(static), track, 0, tmp_path),
                Hooks(lambda m: 0.0),
            )


def test_old_recipes_are_what_they_were() -> None:
    families = (
        "align_uniform",
        "barlow_twins",
        "controls",
        "gradient_contrastive",
        "non_contrastive",
        "simcse",
        "sparse",
    )
    for name, entry in [(n, e) for n, e in registry.recipes().items() if e.family in families]:
        assert all(part is entry.recipe.loss for part in entry.recipe.parts), name
        assert not {"views", "companions", "prompt"} & entry.recipe.as_dict().keys(), name


def step_of(made: Recipe, index: int = 0) -> tuple[Any, Any]:
    """A composed objective of a few lines, and its step of them."""
    from srlbench import data
    from srlbench.training import encoder
    from srlbench.training.batches import Padding, TokenisedText
    from srlbench.training.composed import Composed

    track = tracks.load("embedded")
    resolved_ = resolved(Registered("mine", made, "", "", None, {}, False, changes={"word_dropout": 0}), track, TINY)
    torch.manual_seed(0)
    model, head = encoder.build(resolved_, backbones.fetch(TINY), track)
    lines = data.training_text(track, "twins")[:8]
    text = TokenisedText(lines, model.tokenizer, 48, 1, made.views)
    training = Training(resolved_, backbones.fetch(TINY), track, 0, Path("unused"))
    objective = Composed(model, head, training, text, [list(range(8))], ALONE)
    batch = Padding(text.pad, groups=1)([text[row] for row in range(8)])
    block = {key: batch[f"0_{key}"] for key in ("input_ids", "attention_mask")}
    return objective, objective.step([block], batch["label"], range(8))


def test_the_templates_own_share_is_taken_out(one_thread: None) -> None:
    prompts = (View(prompt=OF), View(prompt=COLON))
    objective, plain = step_of(recipe(views=prompts, prompt=OF, pool="mask", dropout=0.0))
    _, cleaned = step_of(
        recipe(views=prompts, prompt=OF, pool="mask", dropout=0.0, companions=(Companion("template"),))
    )
    tokenizer: Any = objective.model.tokenizer
    for view, prompt in ((0, OF), (1, COLON)):
        ids = tokenizer(prompt.replace("{text}", "").replace("[MASK]", tokenizer.mask_token))["input_ids"]
        before = ids.index(tokenizer('"', add_special_tokens=False)["input_ids"][0]) + 1
        for row in range(8):
            length = int(plain.whole[view].lengths[row]) - len(ids)
            places = torch.tensor([[n + (length if n >= before else 0) for n in range(len(ids))]])
            bias = plain.encode(Text(torch.tensor([ids]), torch.ones(1, len(ids)).long(), places))[0]
            torch.testing.assert_close(cleaned.pooled[view][row], plain.pooled[view][row] - bias, rtol=0, atol=1e-5)


def test_groups_of_each_view_are_white(one_thread: None) -> None:
    from srlbench.companions.group_whitening import GroupWhitening

    objective, step = step_of(recipe(companions=(Companion("group_whitening", size=2),)))
    found = objective.companions["group_whitening"].pooled(step, 0, torch.randn(200, 128))
    assert isinstance(objective.companions["group_whitening"], GroupWhitening)
    covariance = (found.T @ found / 200).abs()
    assert abs(found.mean(0)).max() < 1e-5 and torch.allclose(covariance.diagonal(), torch.ones(128), atol=1e-3)
    assert ((covariance > 1 - 1e-3).sum(), (covariance < 1e-4).sum()) >= (128, 128)


def test_the_question_of_replaced_words_reaches_the_encoder_through_its_vector_alone(one_thread: None) -> None:
    objective, step = step_of(recipe(companions=(Companion("replaced_words", weight=1.0),)))
    companion = objective.companions["replaced_words"]
    (slope,) = torch.autograd.grad(companion.loss(step), step.vectors[0], retain_graph=True)
    assert slope.abs().sum(1).min() > 0
    step.vectors[0] = step.vectors[0].detach()
    value = companion.loss(step)
    slopes = torch.autograd.grad(value, list(objective.model.parameters()), allow_unused=True)
    assert all(each is None for each in slopes) and any(p.requires_grad for p in companion.second.parameters())
    edited = companion._edited(step, step.whole[0])
    words = step.vocabulary.words(step.whole[0])
    changed = edited != step.whole[0].ids
    assert not changed[~words].any() and 0.1 < changed[words].float().mean() < 0.4


def test_a_generator_fills_in_and_learns_nothing(tmp_path: Path, one_thread: None) -> None:
    from transformers import BertConfig, BertForMaskedLM

    folder = backbones.fetch(TINY)
    shape = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    for name, size in (("fits", 8192), ("other", 8000)):
        BertForMaskedLM(BertConfig(vocab_size=size, **shape)).save_pretrained(tmp_path / name)  # type: ignore[arg-type]
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (tmp_path / name / file).write_bytes((folder / file).read_bytes())
    made = recipe(companions=(Companion("replaced_words", generator=str(tmp_path / "fits")),))
    objective, step = step_of(made)
    companion, words = objective.companions["replaced_words"], step.vocabulary.words(step.whole[0])
    edited = companion._edited(step, step.whole[0])
    assert (edited != step.whole[0].ids)[words].any() and torch.equal(edited[~words], step.whole[0].ids[~words])
    assert not any(weight.requires_grad for weight in companion.generator.parameters())
    prints = [of_tiny(made), of_tiny(recipe(companions=(Companion("replaced_words"),)))]
    (tmp_path / "fits/model.safetensors").write_bytes((tmp_path / "other/model.safetensors").read_bytes())
    assert len({of_tiny(made), *prints}) == 3, "other weights of the generator are another result"
    with pytest.raises(UsageError, match="another vocabulary"):
        step_of(recipe(companions=(Companion("replaced_words", generator=str(tmp_path / "other")),)))


def of_tiny(made: Recipe) -> str:
    return fingerprint(Registered("mine", made, "", "", None, {}, False), tracks.load("embedded"), TINY)


def test_a_decoder_sees_nothing_but_the_vector(one_thread: None) -> None:
    made = recipe(views=(View(),), companions=(Companion("reconstruction"),), loss=None, dropout=0.0)
    objective, step = step_of(made)
    companion = objective.companions["reconstruction"]
    (slope,) = torch.autograd.grad(companion.loss(step), step.pooled[0], retain_graph=True)
    assert slope.abs().sum(1).min() > 0
    own = {id(weight) for weight in objective.model.parameters()}
    tied = [
        id(weight) in own for name, weight in companion.decoder.base_model.named_parameters() if "cross" not in name
    ]
    assert all(tied) and tied
    before = companion.loss(step)
    step.texts = []  # the damaged text is gone, and nothing changes
    assert torch.equal(before, companion.loss(step))


def test_a_view_goes_on_from_another_and_a_prompt_is_never_dropped(one_thread: None) -> None:
    cut = (Augment("span_deletion", share=0.3),)
    _, step = step_of(recipe(views=(View(), View(augment=cut), View(after=1, augment=cut))))
    for one, two in zip(step.texts[1].ids.tolist(), step.texts[2].ids.tolist(), strict=True):
        assert set(two) <= set(one)
    assert (step.texts[2].lengths < step.texts[1].lengths).all() and (
        step.texts[1].lengths < step.whole[0].lengths
    ).all()
    made = recipe(views=(View(prompt=OF, augment=(Augment("deletion", share=0.9),)), View(prompt=OF)), pool="mask")
    objective, step = step_of(made)
    tokenizer: Any = objective.model.tokenizer
    for row in range(8):
        said = tokenizer.decode(step.texts[0].ids[row][step.texts[0].mask[row].bool()]).replace(" ", "")
        assert said.startswith('[CLS]thissentenceof"') and said.endswith('"means[MASK].[SEP]')


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("The cat is asleep.", "The cat is not asleep."),
        ("The cat is not asleep.", "The cat is asleep."),
        ("It cannot fly.", "It can fly."),
        ("It isn't here.", "It is here."),
        ("They won't come.", "They will come."),
        ("He did n't see it.", "He did see it."),
        ("Birds sing.", "not Birds sing."),
    ],
)
def test_negation_by_rule(text: str, negated: str) -> None:
    from srlbench.rewrites.negation import negation

    assert negation(text).replace("  ", " ") == negated


# --- several ranks -----------------------------------------------------------------------------------

LIKE_ONE = {
    "queue": lambda: recipe(companions=(Companion("queue", size=24),), loss=BANK),
    "noise": RECIPES["noise"],
    "teacher": RECIPES["teacher"],
}
EACH_ITS_OWN = ("views", "masked words", "momentum")  # other random numbers on each rank


def of_ranks(made: Recipe, rules: Path, work: Path, ranks: Ranks, **changes: Any) -> tuple[str, dict[str, Tensor]]:
    settings = {"steps": 4, "batch_size": 12, "world_size": ranks.size, "lr": 1e-3, **changes}
    entry, track = Registered("mine", made, "", "", None, {}, False, changes=settings), tracks.read(rules)
    training = Training(resolved(entry, track, TINY), backbones.fetch(TINY), track, 0, work)
    model, _, _ = course.learn(training, Hooks(lambda model: 0.0, ranks=ranks))
    return weights_sha256(model), {name: value.clone() for name, value in model.state_dict().items()}


def like_one(name: str, rules: Path, work: Path, ranks: Ranks) -> dict[str, Tensor]:
    with exact():
        return of_ranks(LIKE_ONE[name](), rules, work / name, ranks, dropout=0, word_dropout=0)[1]


def both(rules: Path, work: Path, ranks: Ranks, report: launch.Report) -> dict[str, Any]:
    return {
        **{name: like_one(name, rules, work, ranks) for name in LIKE_ONE},
        **{n: [of_ranks(RECIPES[n](), rules, work / f"{n} {k}", ranks)[0] for k in "ab"] for n in EACH_ITS_OWN},
    }


def test_two_ranks_end_with_the_weights_of_one_and_repeat_themselves(
    quick_track: Path, tmp_path: Path, one_thread: None
) -> None:
    found = together(partial(both, quick_track, tmp_path), tmp_path)
    for name in EACH_ITS_OWN:
        assert found[name][0] == found[name][1]
    for name in LIKE_ONE:
        for key, value in like_one(name, quick_track, tmp_path / "one", ALONE).items():
            torch.testing.assert_close(found[name][key], value, rtol=0, atol=1e-6, msg=f"{name} {key}")


PAGE = Path(srlbench.__file__).parents[1] / "CONTRIBUTING.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="not in a clone")
def test_the_five_recipes_of_a_users_file_run(quick_track: Path, tmp_path: Path, here: Any) -> None:
    (text,) = re.findall(r"```python\n# more\.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "more.py").write_text(text, encoding="utf-8")
    (command,) = re.findall(r"`srlbench (run --recipes more\.py [^`]*)`", PAGE.read_text(encoding="utf-8"))
    names = command.split()[3:]
    done = here("run", *names, "--recipes", "more.py", "--track", quick_track, "--seeds", "0", "--results", "r")
    assert done.returncode == 0, done.stderr
    found = {r.recipe: r for r in records.scan(tmp_path / "r", "quick", tracks.read(quick_track).version).records}
    assert set(found) == set(names) and all(record.status == "ok" for record in found.values())
    assert all("error" not in r.diagnostics["dynamics"][0]["gradients"] for r in found.values())


def test_teachers_of_each_other_are_refused(quick_track: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_collected", list(registry._collected))
    for one, other in (("first", "second"), ("second", "first")):
        taught = recipe(companions=(Companion("teacher", recipe=other),), loss=TAUGHT)
        entry = registry.enter(Registered(one, taught, "", "", None, {}, False))
    with pytest.raises(UsageError, match="has a teacher that it teaches itself"):
        fingerprint(entry, tracks.read(quick_track), TINY)


def test_the_projector_of_diffcse(train: Callable[..., Trained]) -> None:
    from srlbench.training.encoder import _head

    head = _head("projector-train-only", 8)
    rows = head(torch.randn(64, 8))
    assert rows.shape == (64, 8) and rows.mean(0).abs().max() < 1e-5 and (rows.var(0) - 1).abs().max() < 0.1
    assert len(set(train(recipe(head="projector-train-only")).log["losses"])) == 6


OWN = """
from srlbench.recipe import Companion, Loss, Recipe, recipe


@recipe()
def wise() -> Recipe:
    \"\"\"The teacher.\"\"\"
    return Recipe(pool="POOL")


@recipe()
def taught() -> Recipe:
    \"\"\"The pupil.\"\"\"
    return Recipe(data="twins", loss=Loss("taught_ranking"), companions=(Companion("teacher", recipe="wise"),))
"""


def test_a_teacher_may_stand_in_the_users_own_file(quick_track: Path, tmp_path: Path, here: Any) -> None:
    prints = {}
    for pool in ("max", "mean"):
        file = tmp_path / f"{pool}.py"
        file.write_text(OWN.replace("POOL", pool), encoding="utf-8")
        prints[pool] = fingerprint(registry.recipe("taught", (file,)), tracks.read(quick_track), TINY)
    done = here("run", "taught", "--recipes", "max.py", "--track", quick_track, "--seeds", "0", "--results", "r")
    assert done.returncode == 0, done.stderr
    (record,) = records.scan(tmp_path / "r", "quick", tracks.read(quick_track).version).records
    assert record.status == "ok" and record.fingerprint == prints["max"] != prints["mean"]
