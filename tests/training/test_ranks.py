"""One training over several processes: the gradients, the weights and the resuming of one process."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models
from torch import Tensor, nn

from srlbench import backbones, losses, registry, tracks
from srlbench.errors import UsageError
from srlbench.losses.info_nce import info_nce
from srlbench.recipe import Loss, Recipe, change, resolve
from srlbench.runs import plan
from srlbench.runs.engines.host import fits
from srlbench.runs.fingerprint import fingerprint
from srlbench.runs.suite import Suite
from srlbench.tracks import Track
from srlbench.tracks.resolve import resolved
from srlbench.training import checkpoints, course, encoder, launch
from srlbench.training.callbacks import Hooks
from srlbench.training.encoder import weights_sha256
from srlbench.training.objective import Objective, Views
from srlbench.training.ranks import ALONE, Ranks
from srlbench.training.value import Training

ROWS, WIDTH = 12, 8
TINY = backbones.resolve("tiny")
STATIC = backbones.resolve("static")
# What is trained by two processes without dropout, and gives the weights of one: what is unlike the plain case.
LIKE_ONE: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("simcse-unsup", {}),
    "hard negatives": ("simcse-sup", {}),
    "frozen embeddings": ("simcse-unsup", {"freeze": "embeddings"}),
    "batch statistics": ("vicreg", {}),
    "whitened": ("simcse-unsup", {"post": "whitening"}),
    "rewound": ("sparse-simcse-unsup", {"schedule": "rewind", "sparsity": 0.3}),
    "static": ("simcse-unsup", {}),
}
QUICK = ("plain", "hard negatives", "static")


class Stopped(Exception):
    pass


class Plain(nn.Module):
    """The least that an objective can train."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.tokenizer = Tokenizer(models.WordLevel())

    def forward(self, block: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": self.layer(block["rows"]).tanh()}


class Mistaken(Objective):
    """Each rank's own anchors against the others' rows: the right loss, and no gradient through those rows."""

    def _whole_batch(self, views: tuple[Tensor, ...]) -> Tensor:
        a, b = views
        parts = self.ranks.all_gather(b).detach().chunk(self.ranks.size)
        others = [part for rank, part in enumerate(parts) if rank != self.ranks.rank]
        return info_nce(a, b, *others) / self.ranks.size


def drawn(a: Tensor, b: Tensor) -> Tensor:
    """A loss that depends on chance."""
    return info_nce(a * torch.rand(WIDTH, dtype=a.dtype), b)


def gradients(loss: Any, ranks: Ranks, kind: type[Objective] = Objective) -> dict[str, Any]:
    """Of encoder and head, and the loss, for rows of which each rank has its share."""
    torch.manual_seed(0)
    model: Any = Plain().double()
    objective = kind(model, nn.Linear(WIDTH, WIDTH).double(), loss, Views(2), ranks)
    x = torch.randn(ROWS, WIDTH, dtype=torch.double)
    views = torch.stack([x, x + torch.randn_like(x)])[:, ranks.share(range(ROWS))].flatten(0, 1)
    wrapped = ranks.wrap(objective)
    wrapped([{"rows": views}], torch.arange(len(views))).backward()
    found = {name: each.grad for name, each in objective.named_parameters()}
    return {"loss": objective.history, **found}


def recipe_of(name: str, track: Track, backbone: Any = TINY, **changes: Any) -> Recipe:
    return change(resolved(registry.recipe(name), track, backbone), name, changes)


def silent(*news: Any) -> None:
    pass


def learn(
    recipe: Recipe, track: Track, work: Path, ranks: Ranks, stop: int | None = None, backbone: Any = TINY
) -> tuple[str, SentenceTransformer, dict[str, Any]]:
    def report(stage: str, done: int, of: int) -> None:
        if done == stop:
            raise Stopped

    scores = iter(range(100, 0, -1))  # the first checkpoint is the best one
    folder, rates = backbones.fetch(backbone), dataclasses.replace(recipe, lr=1e-3)
    hooks = Hooks(lambda model: float(next(scores)), report, ranks=ranks)
    model, log, _ = course.learn(Training(rates, folder, track, 0, work), hooks)
    return weights_sha256(model), model, log


@contextmanager
def exact() -> Iterator[None]:
    """Encoders in double precision: Adam makes whole steps of what is rounding in single."""
    build = encoder.build

    def double(*given: Any) -> tuple[SentenceTransformer, nn.Module]:
        model, head = build(*given)
        return model.double(), head.double()

    encoder.build = double
    try:
        yield
    finally:
        encoder.build = build


def like_one(case: str, track: Track, work: Path, ranks: Ranks) -> dict[str, Tensor]:
    name, changes = LIKE_ONE[case]
    backbone = STATIC if case == "static" else TINY
    recipe = recipe_of(name, track, backbone, dropout=0, word_dropout=0, **changes, world_size=ranks.size)
    with exact():
        _, model, _ = learn(recipe, track, work / case, ranks, backbone=backbone)
    return {name: value.clone() for name, value in model.state_dict().items()}


def with_dropout(track: Track, work: Path, ranks: Ranks) -> dict[str, Any]:
    recipe = recipe_of("simcse-unsup", track, world_size=ranks.size)
    whole, _, log = learn(recipe, track, work / "whole", ranks)
    for stop in (2, 7):
        with pytest.raises(Stopped):
            learn(recipe, track, work / f"stopped-{stop}", ranks, stop)
    # As if killed between the two: one rank has written its part, and the checkpoint is not whole.
    if ranks.first:
        (work / "stopped-7" / "checkpoint-6" / checkpoints.SEAL).unlink()
    ranks.barrier()
    best, model, chosen = learn(dataclasses.replace(recipe, select="dev"), track, work / "best", ranks)
    weights = nn.utils.parameters_to_vector(model.parameters()).detach()
    return {
        "whole": whole,
        "again": learn(recipe, track, work / "again", ranks)[0],
        "resumed": [learn(recipe, track, work / f"stopped-{stop}", ranks)[0] for stop in (2, 7)],
        "losses": ranks.all_gather(torch.tensor(log["losses"]).reshape(1, -1)).tolist(),
        "best": best,
        "dev": chosen["dev"],
        "apart": float((ranks.all_gather(weights.reshape(1, -1)) - weights).abs().max()),
        "parts": sorted(str(each.relative_to(work / "whole")) for each in (work / "whole").rglob("rng_state*")),
    }


def everything(rules: Path, work: Path, ranks: Ranks, report: launch.Report) -> dict[str, Any]:
    track = tracks.read(rules)
    report("train", ranks.rank, 2)
    found = {name: gradients(Loss(name).load(), ranks) for name in losses.of_pairs()}
    chance = torch.tensor(gradients(drawn, ranks)["loss"])
    return {
        "rank": ranks.rank,
        "told": ranks.broadcast(5.0 + ranks.rank),
        "default group": torch.distributed.is_initialized(),
        "gradients": found,
        "mistaken": gradients(info_nce, ranks, Mistaken),
        "chance": ranks.all_gather(chance).tolist(),
        "weights": weights(QUICK, rules, work, ranks, report),
        "dropout": with_dropout(track, work, ranks),
    }


def weights(cases: Sequence[str], rules: Path, work: Path, ranks: Ranks, report: launch.Report) -> dict[str, Any]:
    return {case: like_one(case, tracks.read(rules), work / "like", ranks) for case in cases}


def together(make: launch.Make, folder: Path, report: launch.Report = silent) -> Any:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return launch.together(make, 2, folder / "ranks", report, lock.fileno())


@pytest.fixture(scope="module")
def two(quick_track: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All that two processes make together, once: to begin is what takes them longest."""
    folder, news = tmp_path_factory.mktemp("two"), []
    found = together(partial(everything, quick_track, folder), folder, lambda *said: news.append(said))
    return {**found, "news": news}


def test_the_first_tells_and_reports_and_libraries_see_one_process(two: dict[str, Any]) -> None:
    assert (two["rank"], two["told"], two["news"], two["default group"]) == (0, 5.0, [("train", 0, 2)], False)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("name", losses.of_pairs())
def test_gradients_of_two_are_those_of_one_big_batch(name: str, two: dict[str, Any]) -> None:
    expected, found = gradients(Loss(name).load(), ALONE), two["gradients"][name]
    assert found.pop("loss") == pytest.approx(expected.pop("loss"), rel=1e-12)
    assert set(expected) == {"model.layer.weight", "model.layer.bias", "head.weight", "head.bias"}
    for parameter, gradient in expected.items():
        torch.testing.assert_close(found[parameter], gradient, rtol=1e-9, atol=1e-11)
    assert expected["model.layer.weight"].abs().max() > 1e-4


def test_negatives_without_gradient_would_be_seen(two: dict[str, Any]) -> None:
    expected = gradients(info_nce, ALONE)["model.layer.weight"]
    off = (two["mistaken"]["model.layer.weight"] - expected).norm() / expected.norm()
    assert off > 0.01


def test_a_loss_that_draws_draws_the_same_on_each(two: dict[str, Any]) -> None:
    one, other = two["chance"]
    assert one == other


@pytest.mark.parametrize("case", QUICK)
def test_without_dropout_two_end_with_the_weights_of_one(
    case: str, two: dict[str, Any], quick_track: Path, tmp_path: Path
) -> None:
    _close(two["weights"][case], like_one(case, tracks.read(quick_track), tmp_path, ALONE))


@pytest.mark.slow
def test_whatever_is_trained_two_end_with_the_weights_of_one(quick_track: Path, tmp_path: Path) -> None:
    cases = [case for case in LIKE_ONE if case not in QUICK]
    found = together(partial(weights, cases, quick_track, tmp_path / "two"), tmp_path)
    for case in cases:
        _close(found[case], like_one(case, tracks.read(quick_track), tmp_path / "one", ALONE))


def _close(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-9)


def test_the_same_weights_again_and_after_a_stop(two: dict[str, Any]) -> None:
    made = two["dropout"]
    assert {made["again"], *made["resumed"]} == {made["whole"]}


def test_ranks_agree_and_their_dropout_does_not(two: dict[str, Any], quick_track: Path, tmp_path: Path) -> None:
    made, track = two["dropout"], tracks.read(quick_track)
    assert made["losses"][0] == made["losses"][1]
    assert {f"checkpoint-{step}/{own}rng_state.pth" for step in (6, 8) for own in ("", "rank-1/")} == set(made["parts"])
    assert made["whole"] != learn(recipe_of("simcse-unsup", track), track, tmp_path, ALONE)[0]


def test_all_go_back_to_the_checkpoint_that_the_first_chose(two: dict[str, Any]) -> None:
    made = two["dropout"]
    assert [step for step, _ in made["dev"]] == [3, 6, 8]
    assert made["best"] != made["whole"] and made["apart"] == 0


def test_the_fingerprint_moves_with_two_processes_and_not_with_one() -> None:
    track = tracks.load("embedded")
    prints = {
        size: fingerprint(registry.recipe(f"simcse-unsup+world_size={size}"), track, TINY) for size in (1, 2, 4, "none")
    }
    assert prints[1] == prints["none"] == fingerprint(registry.recipe("simcse-unsup"), track, TINY)
    assert len(set(prints.values())) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("simcse-unsup+world_size=0", "world_size = 0 must be positive"),
        ("simcse-unsup+world_size=1.5", "world_size = 1.5 is not a whole number"),
        ("simcse-unsup+world_size=two", "world_size = 'two' is not a whole number"),
        ("simcse-unsup+world_size=3", "a batch_size of 64 cannot be shared equally by world_size = 3"),
        ("whitening+world_size=2", "world_size = 2 is for recipes that train"),
    ],
)
def test_a_world_that_cannot_be_is_refused_in_one_sentence(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolved(registry.recipe(name), tracks.load("embedded"), TINY)


def test_the_track_a_recipe_and_its_settings_may_say_it() -> None:
    one = registry.recipe("simcse-unsup").recipe
    rules = {"batch_size": 64, "world_size": 4}
    assert resolve(one, "one", rules).world_size == 4
    assert resolve(dataclasses.replace(one, world_size=2), "one", rules).world_size == 2
    assert (
        resolve(dataclasses.replace(one, settings={"paper": {"world_size": 8}}), "one", rules, "paper").world_size == 8
    )
    assert resolve(registry.recipe("whitening").recipe, "none", rules).world_size is None


def test_a_run_of_two_processes_takes_two_places(tmp_path: Path) -> None:
    track = tracks.load("embedded")
    entries = registry.recipe("simcse-unsup+world_size=2"), registry.recipe("simcse-unsup")
    double, single = plan.jobs_of(plan.plan(Suite(track, entries, seeds=(0,)), plan.Options(tmp_path)))
    assert (double.world_size, single.world_size) == (2, 1)
    assert fits(double, [], 1) and fits(double, [single], 3)
    assert not fits(double, [single], 2) and not fits(single, [double], 2)


def begin(size: int, rules: Path, results: Path) -> subprocess.Popen[bytes]:
    name = f"simcse-unsup+batch_size=48,steps=40,world_size={size}"
    command = [sys.executable, "-m", "srlbench", "run", name, "--track", rules, "--seeds", "0", "--results", results]
    return subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ranks_of(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes of its run, in the order they began: it is their parent."""
    below = psutil.Process(driver.pid).children(recursive=True)
    found = [each for each in below if "spawn_main" in " ".join(each.cmdline())]
    return sorted(found, key=lambda each: each.pid)


def at_step(results: Path, step: int, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not list(results.rglob(f"checkpoint-{step}/{checkpoints.SEAL}")):
        assert time.monotonic() < end
        time.sleep(0.01)


def record(results: Path) -> dict[str, Any]:
    (path,) = results.glob("quick/*/records/*/*/*/seed-0*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3])
def test_a_killed_run_leaves_no_rank_and_goes_on_to_the_same_digits(
    size: int, quick_track: Path, tmp_path: Path
) -> None:
    assert begin(size, quick_track, tmp_path / "whole").wait(600) == 0
    driver = begin(size, quick_track, tmp_path / "killed")
    at_step(tmp_path / "killed", 9)
    ranks = ranks_of(driver)
    assert len(ranks) == size
    os.kill(ranks[0].ppid(), signal.SIGKILL)
    assert driver.wait(60) == 3
    _, alive = psutil.wait_procs(ranks, timeout=20)
    assert not alive
    failed = record(tmp_path / "killed")
    assert failed["status"] == "failed" and "SIGKILL" in failed["error"]["message"]
    assert begin(size, quick_track, tmp_path / "killed").wait(600) == 0
    whole, resumed = record(tmp_path / "whole"), record(tmp_path / "killed")
    assert whole["status"] == resumed["status"] == "ok" and whole["resolved"]["world_size"] == size
    assert resumed["weights_sha256"] == whole["weights_sha256"] and resumed["scores"] == whole["scores"]
    assert resumed["training"]["losses"] == whole["training"]["losses"]


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_is_a_failed_record_with_the_reason(rank: int, quick_track: Path, tmp_path: Path) -> None:
    driver = begin(2, quick_track, tmp_path)
    at_step(tmp_path, 9)
    ranks_of(driver)[rank].kill()
    assert driver.wait(60) == 3
    failed = record(tmp_path)["error"]
    assert failed["message"] == f"rank {rank} of 2 was ended by SIGKILL, perhaps for want of memory"


@pytest.mark.slow
def test_an_interrupt_leaves_no_process(quick_track: Path, tmp_path: Path) -> None:
    driver = begin(2, quick_track, tmp_path)
    at_step(tmp_path, 9)
    below = psutil.Process(driver.pid).children(recursive=True)
    driver.send_signal(signal.SIGINT)
    driver.wait(60)
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not alive
