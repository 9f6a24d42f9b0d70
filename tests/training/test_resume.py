"""Training that was stopped at any step goes on to the very weights of training that was not."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from srlbench import backbones, registry, tracks
from srlbench.recipe import LossFunction, Recipe
from srlbench.tracks.resolve import resolved
from srlbench.training import checkpoints, course, trainer
from srlbench.training.callbacks import Hooks
from srlbench.training.value import Training

TINY = backbones.resolve("tiny")


class Stopped(Exception):
    pass


class Watch:
    """Does to the training what a watch must not be able to do: it draws numbers and turns the dropout off."""

    def steps(self, last: int) -> list[int]:
        return [0, 4, last]

    def begin(self, model: SentenceTransformer) -> None:
        self.start = float(model.eval().encode("the start")[0]) + 0 * float(torch.rand(1))

    def look(self, step: int, model: SentenceTransformer, loss: LossFunction, *views: Tensor) -> dict[str, float]:
        return {"loss": float(loss(*views)), "start": self.start, "random": float(torch.rand(1))}


def train(
    recipe: Recipe, track: tracks.Track, work: Path, stop: int | None = None, observed: bool = True
) -> course.Trained:
    def report(stage: str, done: int, of: int) -> None:
        if done == stop:
            raise Stopped

    scores = iter(range(100, 0, -1))  # the first checkpoint is the best one
    hooks = Hooks(lambda model: float(next(scores)), report, Watch() if observed else None)
    return course.train(Training(recipe, backbones.fetch(TINY), track, 0, work), hooks)


@pytest.mark.parametrize("name", ["simcse-unsup", "simcse-sup"])
@pytest.mark.parametrize("stop", [2, 5, 7])
def test_stopped_and_resumed_equals_unbroken(name: str, stop: int, quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    recipe = resolved(registry.recipe(name), track, TINY)
    unbroken = train(recipe, track, tmp_path / "unbroken")
    with pytest.raises(Stopped):
        train(recipe, track, tmp_path / "broken", stop)
    resumed = train(recipe, track, tmp_path / "broken")
    assert resumed.weights_sha256 == unbroken.weights_sha256
    assert resumed.log["losses"] == unbroken.log["losses"]
    assert [each["step"] for each in unbroken.log["observed"]] == [0, 4, 8]
    assert resumed.log["observed"] == unbroken.log["observed"]


def test_being_observed_changes_nothing(quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    recipe = resolved(registry.recipe("simcse-unsup"), track, TINY)
    seen, unseen = (train(recipe, track, tmp_path / str(how), observed=how) for how in (True, False))
    assert seen.weights_sha256 == unseen.weights_sha256 and unseen.log["observed"] == []


def test_a_checkpoint_cut_short_is_not_resumed_from(quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    recipe = resolved(registry.recipe("simcse-unsup"), track, TINY)
    unbroken = train(recipe, track, tmp_path / "unbroken")
    with pytest.raises(Stopped):
        train(recipe, track, tmp_path / "broken", 7)
    newest = tmp_path / "broken" / "checkpoint-6"
    (newest / checkpoints.SEAL).unlink()
    (newest / "optimizer.pt").write_bytes(b"half")
    assert train(recipe, track, tmp_path / "broken").weights_sha256 == unbroken.weights_sha256


@pytest.fixture(scope="module")
def stopped(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, tracks.Track, Path, str]:
    """A training that was stopped after two checkpoints, and the weights that an unbroken one has."""
    track, folder = tracks.read(quick_track), tmp_path_factory.mktemp("stopped")
    recipe = resolved(registry.recipe("simcse-unsup"), track, TINY)
    with pytest.raises(Stopped):
        train(recipe, track, folder / "broken", 7, observed=False)
    return recipe, track, folder / "broken", train(recipe, track, folder / "whole", observed=False).weights_sha256


FILES = ("objective.pt", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_or_cut_short_costs_a_checkpoint_and_not_the_digits(
    name: str, stopped: tuple[Recipe, tracks.Track, Path, str], tmp_path: Path
) -> None:
    recipe, track, broken, weights = stopped
    for damage in ("missing", "short"):
        work = tmp_path / damage
        shutil.copytree(broken, work)
        assert checkpoints.newest(work) == 6
        damaged = work / "checkpoint-6" / name
        whole = damaged.read_bytes()
        damaged.unlink() if damage == "missing" else damaged.write_bytes(whole[:-1])
        assert checkpoints.newest(work) == 3 and not damaged.parent.exists()
    if name == "optimizer.pt":
        assert train(recipe, track, tmp_path / "missing", observed=False).weights_sha256 == weights


def test_a_training_whose_best_checkpoint_is_lost_begins_anew(quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    recipe = dataclasses.replace(resolved(registry.recipe("simcse-unsup"), track, TINY), select="dev")
    with pytest.raises(Stopped):
        train(recipe, track, tmp_path, 7, observed=False)
    assert checkpoints.newest(tmp_path) == 6  # of which the state says that the checkpoint of step 3 is the best
    (tmp_path / "checkpoint-3" / "optimizer.pt").unlink()
    assert checkpoints.newest(tmp_path) == 0


def test_dev_selection_goes_back_to_the_best_checkpoint(quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    last = resolved(registry.recipe("simcse-unsup"), track, TINY)
    best = dataclasses.replace(last, select="dev")
    selected = train(best, track, tmp_path / "best")
    assert [step for step, _ in selected.log["dev"]] == [3, 6, 8]
    assert selected.weights_sha256 != train(last, track, tmp_path / "last").weights_sha256
    with pytest.raises(Stopped):
        train(last, track, tmp_path / "three", 4)  # its first checkpoint is that of step 3
    saved = trainer.torch.load(tmp_path / "three" / "checkpoint-3" / trainer.OBJECTIVE, weights_only=True)
    mine = {f"model.{key}": value for key, value in selected.model.state_dict().items()}
    assert all(trainer.torch.equal(saved["weights"][key], value) for key, value in mine.items())


def test_a_short_training_has_a_checkpoint_at_half_its_steps(quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    recipe = dataclasses.replace(resolved(registry.recipe("simcse-unsup"), track, TINY), steps=4)
    train(recipe, track, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-4"]


def test_the_learning_rate_goes_as_the_recipe_says(quick_track: Path, tmp_path: Path) -> None:
    track = tracks.read(quick_track)
    recipe = resolved(registry.recipe("simcse-unsup"), track, TINY)
    rates = {}
    for name in (None, "constant", "cosine"):
        train(dataclasses.replace(recipe, schedule_lr=name), track, tmp_path / str(name))
        state = torch.load(tmp_path / str(name) / "checkpoint-6" / "scheduler.pt")
        rates[name] = state["_last_lr"][0] / recipe.lr
    assert rates == pytest.approx({None: 0.25, "constant": 1, "cosine": (1 + math.cos(math.pi * 6 / 8)) / 2})
