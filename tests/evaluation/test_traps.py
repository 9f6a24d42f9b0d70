"""Two ways in which mteb spoils a multi-seed benchmark, and that the one door to it closes both."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
import torch
from mteb.cache import ResultCache
from sentence_transformers import SentenceTransformer

from srlbench import backbones, data, tracks
from srlbench.evaluation import evaluate as door
from srlbench.evaluation.tasks import task
from srlbench.recipe import Recipe
from srlbench.training import encoder

WHO = door.meta("r", "f", 0)


def state() -> list[Any]:
    return [
        random.getstate()[1][:5],
        np.random.get_state()[1][:5].tolist(),
        torch.get_rng_state()[:40].tolist(),
    ]


@pytest.fixture
def track(quick_track: Path) -> tracks.Track:
    return tracks.read(quick_track)


@pytest.fixture
def words(track: tracks.Track) -> Any:
    def make(seed: int) -> SentenceTransformer:
        torch.manual_seed(seed)
        folder = backbones.fetch(backbones.resolve("tiny"))
        return encoder.build(Recipe(encoder="random-words"), folder, track)[0]

    return make


def test_mteb_reseeds_the_world_and_the_door_does_not(track: tracks.Track, words: Any) -> None:
    rows = data.task(track.protocol, "GenSTSB")
    torch.manual_seed(7)
    before = state()
    task(rows, "x", door.probe(track.protocol))
    assert state() != before, "mteb no longer reseeds when a task is built: preserved_rng() may go"

    model = words(0)
    before = state()
    door.evaluate(door.encoder(model, WHO), track.protocol)
    assert state() == before


def test_results_of_two_seeds_do_not_meet_in_mtebs_cache(track: tracks.Track, words: Any, tmp_path: Path) -> None:
    """mteb keys a cached result on name and revision: without the seed, the first seed's score is everyone's."""

    def score(seed: int, meta: Any, place: str) -> float:
        made = task(data.task(track.protocol, "GenSTSB"), "x", door.probe(track.protocol))
        cache = ResultCache(tmp_path / place)
        encoder = door.Encoder(words(seed), meta)
        return float(mteb.evaluate(encoder, made, cache=cache, co2_tracker=False).task_results[0].get_score())

    nameless = door.meta("r", "f", 0).model_copy(update={"experiment_kwargs": None})
    assert score(0, nameless, "trap") == pytest.approx(score(1, nameless, "trap"), abs=1e-5)
    apart = [score(seed, door.meta("r", "f", seed), "apart") for seed in (0, 1)]
    assert apart[0] != apart[1]
    assert len(list((tmp_path / "apart").rglob("GenSTSB.json"))) == 2


def test_digits_do_not_depend_on_what_was_evaluated_before(track: tracks.Track, words: Any) -> None:
    model = words(0)
    together = door.evaluate(door.encoder(model, WHO), track.protocol)
    alone = door.evaluate(door.encoder(model, WHO), track.protocol.only(("GenTREC",)))
    assert alone.scores["GenTREC"] == together.scores["GenTREC"]


def test_scores_follow_from_the_stored_predictions(track: tracks.Track, words: Any) -> None:
    from scipy.stats import spearmanr

    done = door.evaluate(door.encoder(words(0), WHO), track.protocol)
    pairs = data.task(track.protocol, "GenSTSB").splits["test"]
    again = 100 * spearmanr(done.predictions["GenSTSB"], pairs["score"]).statistic
    assert done.scores["GenSTSB"] == pytest.approx(again, abs=1e-9)
    labels = np.array(data.task(track.protocol, "GenTREC").splits["test"]["label"])
    assert done.scores["GenTREC"] == pytest.approx(100 * (done.predictions["GenTREC"] == labels).mean(), abs=1e-9)
