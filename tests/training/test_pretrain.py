"""Pre-training at toy size: what it writes, that it repeats bit for bit, and that a kill costs nothing."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from srlbench.data import language
from srlbench.errors import UsageError
from srlbench.training.pretraining import corpus, masked, pretrain, vocabulary
from srlbench.training.pretraining.build import Pretraining, arguments

WORDS = ["river", "stone", "bird", "city", "winter", "music", "engine", "market", "garden", "letter"]


def quiet(message: str) -> None:
    pass


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six hundred lines in which a word is told by its neighbour."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("text") / "plain.txt.gz"
    picks = rng.integers(len(WORDS), size=(600, 4))
    lines = [" ".join(f"the {WORDS[p]} near {WORDS[(p + 1) % len(WORDS)]}" for p in row) for row in picks]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n\n").encode(), mtime=0))
    return path


@pytest.fixture(scope="module")
def toy(text: Path) -> Pretraining:
    return Pretraining(
        corpus=(text,),
        generated=300,
        width=16,
        vocabulary=2400,
        steps=12,
        lr=1e-2,
        batch_tokens=256,
        max_length=32,
        masking=0.2,
        init="svd",
        measure=4,
        checkpoint=4,
    )


@pytest.fixture(scope="module")
def built(toy: Pretraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "toy"
    pretrain.pretrain(toy, out, quiet)
    return out


def test_the_folder_is_a_plain_hugging_face_folder(built: Path) -> None:
    model = AutoModel.from_pretrained(built, dtype=torch.float32, add_pooling_layer=False)
    tokenizer = AutoTokenizer.from_pretrained(built)
    batch = tokenizer(["The RIVER near stone", "bird"], padding=True, return_tensors="pt")
    assert tokenizer.decode(batch["input_ids"][0]) == "[CLS] the river near stone [SEP]"
    assert batch["attention_mask"].tolist()[1] == [1, 1, 1, 0, 0, 0]
    assert model(**batch).last_hidden_state.shape == (2, 6, 16)
    assert model.config.hidden_dropout_prob == 0.1
    assert not (built / ".pretrain").exists()


def test_sentence_transformers_loads_it(built: Path) -> None:
    from sentence_transformers import SentenceTransformer, models

    word = models.Transformer(str(built))
    encoder = SentenceTransformer(modules=[word, models.Pooling(16, "mean")], device="cpu")
    assert encoder.encode(["a river", "a bird"]).shape == (2, 16)


def test_the_card_says_what_the_weights_follow_from(toy: Pretraining, built: Path) -> None:
    card = json.loads((built / "card.json").read_text())
    assert card["arguments"]["masking"] == 0.2
    assert card["corpus"]["files"] == [
        {"name": "plain.txt.gz", "sha256": corpus.file_hash(toy.corpus[0]), "lines": 600}
    ]
    assert card["corpus"]["generated"]["lines"] == 300
    assert card["corpus"]["generated"]["version"] == language.VERSION
    assert card["weights_sha256"] == corpus.file_hash(built / "model.safetensors")
    assert [point["step"] for point in card["curve"]] == [4, 8, 12]
    assert card["heldout"].keys() == {"text", "generated"}
    assert card["command"].startswith("srlbench pretrain toy --corpus plain.txt.gz ")
    for name in ("card.json", "README.md"):
        assert str(toy.corpus[0].parent) not in (built / name).read_text()


def test_training_lowers_the_held_out_loss(toy: Pretraining, built: Path) -> None:
    curve = json.loads((built / "card.json").read_text())["curve"]
    assert curve[-1]["text"] < curve[0]["text"]


def test_a_second_call_finds_it_built(toy: Pretraining, built: Path) -> None:
    said: list[str] = []
    card = pretrain.pretrain(toy, built, said.append)
    assert said == ["toy is built already"]
    assert card == json.loads((built / "card.json").read_text())


def test_an_interrupted_run_ends_with_the_same_weights(
    toy: Pretraining, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopError(Exception):
        pass

    def stopping(config: Pretraining, *rest: object) -> object:
        if rest[-1] == 7:  # the seventh step: two after the checkpoint
            raise StopError
        return update(config, *rest)  # type: ignore[arg-type]

    update, out = pretrain.update, tmp_path / "toy"
    monkeypatch.setattr(pretrain, "update", stopping)
    with pytest.raises(StopError):
        pretrain.pretrain(toy, out, quiet)
    assert not (out / "card.json").exists()
    monkeypatch.setattr(pretrain, "update", update)
    monkeypatch.setattr(pretrain, "start", None)  # it would be a fresh start
    said: list[str] = []
    card = pretrain.pretrain(toy, out, said.append)
    assert "resumed after step 4" in said
    assert card["weights_sha256"] == json.loads((built / "card.json").read_text())["weights_sha256"]


def test_a_killed_process_ends_with_the_same_weights(toy: Pretraining, built: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from srlbench.training.build import Pretraining\n"
        "from srlbench.training.pretrain import pretrain\n"
        "config = Pretraining(**{**eval(sys.argv[1]), 'corpus': (Path(sys.argv[2]),)})\n"
        "pretrain(config, Path(sys.argv[3]), lambda message: print(message, flush=True))"
    )
    given = repr({**arguments(toy), "corpus": ()})
    command = [sys.executable, "-c", code, given, str(toy.corpus[0]), str(tmp_path / "toy")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step 4/"):
            time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    process.wait()
    done = pretrain.pretrain(toy, tmp_path / "toy", quiet)
    assert done["weights_sha256"] == json.loads((built / "card.json").read_text())["weights_sha256"]


def test_another_seed_gives_other_weights(toy: Pretraining, built: Path, tmp_path: Path) -> None:
    card = pretrain.pretrain(replace(toy, seed=1), tmp_path / "toy", quiet)
    assert card["weights_sha256"] != json.loads((built / "card.json").read_text())["weights_sha256"]


def test_every_word_of_the_generated_language_is_one_token(built: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(built)
    spoken = vocabulary.count(language.sentences(300, 0))
    assert [word for word in spoken if len(tokenizer.tokenize(word)) > 1] == []


def test_a_vocabulary_has_its_size_and_keeps_whole_words() -> None:
    counts = Counter({"low": 50, "lower": 20, "lowest": 10, "newer": 30, "wider": 25, "x": 3})
    tokenizer = vocabulary.learn(counts, 26, whole=["zyx", "lowest"])
    numbers = tokenizer.get_vocab()
    assert sorted(numbers.values()) == list(range(len(numbers)))
    assert len(numbers) <= 26
    assert tokenizer.encode("Lowest zyx", add_special_tokens=False).tokens == ["lowest", "zyx"]
    backwards = Counter(dict(reversed(counts.items())))
    assert numbers == vocabulary.learn(backwards, 26, ["lowest", "zyx"]).get_vocab()


def test_vectors_of_words_with_the_same_company_are_near() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(2, size=2000)  # two topics of four words each, none of which is its own neighbour
    lines = 5 + 4 * kinds[:, None] + rng.integers(4, size=(2000, 6))
    found = vocabulary.vectors(lines.ravel(), np.repeat(np.arange(2000), 6), 13, 4)[5:]
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    near = unit @ unit.T
    assert near[:4, :4].min() > near[:4, 4:].max()


def test_an_epoch_reads_every_line_once_and_the_share_asked_for(toy: Pretraining, tmp_path: Path) -> None:
    mixed = corpus.Text(toy.corpus, lambda: pretrain.generated_lines(toy))
    found = corpus.prepare(mixed, toy.vocabulary, 32, tmp_path, quiet)
    batches = found.epoch(0.4, 256, np.random.default_rng(0))
    lines = np.concatenate(batches)
    real = lines[~found.generated[lines]]
    assert sorted(real) == list(np.flatnonzero(~found.heldout & ~found.generated))
    assert not found.heldout[lines].any()
    tokens = found.lengths[lines]
    assert tokens[found.generated[lines]].sum() / tokens.sum() == pytest.approx(0.4, abs=0.02)
    assert max(found.rows(batch).size for batch in batches) <= 256


def test_masking_touches_what_it_says() -> None:
    ids = np.full((50, 20), 77)
    ids[:, 0], ids[:, 15:] = vocabulary.CLS, vocabulary.PAD
    corrupted, chosen, wanted = masked.Masking(0.2, 100)(ids, np.random.default_rng(0))
    changed = (corrupted.numpy() != ids).ravel().nonzero()[0]
    assert set(changed) <= set(chosen.tolist())
    assert set(wanted.tolist()) == {77}
    assert len(chosen) / (50 * 14) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize(
    "wrong",
    [{"init": "best"}, {"width": 30, "heads": 4}, {"masking": 0.0}, {"steps": 0}, {"max_length": 500}],
)
def test_a_wrong_argument_is_refused_in_one_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="Cannot pre-train"):
        Pretraining(generated=10, **wrong)  # type: ignore[arg-type]


def test_no_text_and_unreadable_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no text"):
        Pretraining()
    (tmp_path / "broken.txt.gz").write_bytes(b"\x1f\x8bnonsense")
    for name in ("missing.txt", "broken.txt.gz"):
        with pytest.raises(UsageError, match=f"Cannot read .*{name}"):
            pretrain.pretrain(Pretraining(corpus=(tmp_path / name,)), tmp_path / "out", quiet)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same_weights_twice(toy: Pretraining, tmp_path: Path) -> None:
    for turn in range(2):
        pretrain.pretrain(replace(toy, device="cuda"), tmp_path / str(turn), quiet)
    weights = [(tmp_path / str(turn) / "model.safetensors").read_bytes() for turn in range(2)]
    assert weights[0] == weights[1]
