"""Static embeddings as a backbone: how they are trained, what is left out of a view, what anyone can load."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer

from srlbench import backbones, registry, tracks
from srlbench.errors import UsageError
from srlbench.recipe import change
from srlbench.tracks.resolve import applies, resolved
from srlbench.training import course
from srlbench.training.augment import Pieces, word_dropout
from srlbench.training.callbacks import Hooks
from srlbench.training.layers import Words
from srlbench.training.pretraining.build import Pretraining
from srlbench.training.pretraining.pretrain import pretrain
from srlbench.training.value import Training

TEXT = [
    f"the {a} sees the {b} near a {c}" for a in ("cat", "dog", "bird") for b in ("man", "boat") for c in ("sea", "hill")
]


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Word vectors of generated text, made as the shipped ones are."""
    out = tmp_path_factory.mktemp("made") / "words"
    pretrain(Pretraining(generated=2000, layers=0, width=16, vocabulary=3200, power=0.0), out, lambda message: None)
    return out


def loaded(folder: Path) -> Words:
    known = StaticEmbedding.load(str(folder))
    return Words(known.tokenizer, known.embedding.weight.detach().float())


def test_anyone_can_load_what_was_made(static: Path) -> None:
    model = SentenceTransformer(str(static))
    assert isinstance(model[0], StaticEmbedding) and model.encode(["a cat"]).shape == (1, 16)
    said = (static / "README.md").read_text()
    assert "Static vectors of width 16" in said and "--layers 0" in said and "--lr" not in said


def test_it_is_a_backbone_without_layers(static: Path) -> None:
    start = backbones.resolve(str(static))
    assert not start.layered and backbones.resolve("tiny").layered
    assert applies(registry.recipe("simcse-unsup"), start)
    assert not applies(registry.recipe("untrained-cls"), start)
    assert not applies(registry.recipe("sparse-simcse-unsup"), start)


def test_rows_and_offsets_say_the_same(static: Path) -> None:
    words = loaded(static).eval()
    known = words.preprocess(TEXT)
    parts = [part.tolist() for part in known["input_ids"].tensor_split(known["offsets"][1:])]
    longest = max(map(len, parts))
    rows = torch.tensor([part + [0] * (longest - len(part)) for part in parts])
    mask = torch.tensor([[1] * len(part) + [0] * (longest - len(part)) for part in parts])
    padded = words({"input_ids": rows, "attention_mask": mask})["sentence_embedding"]
    assert torch.equal(padded, words(known)["sentence_embedding"])


def known(special: list[int]) -> Pieces:
    return Pieces(torch.tensor(special), torch.ones(20, dtype=torch.bool))


def test_a_view_leaves_some_pieces_out_and_never_all_nor_special_ones() -> None:
    torch.manual_seed(0)
    ids = torch.tensor([2, 10, 11, 12, 13, 3, 0]).repeat(4000, 1)
    mask = torch.tensor([1, 1, 1, 1, 1, 1, 0]).repeat(4000, 1)
    same, seen = word_dropout(ids, mask, 0.5, known([0, 2, 3]))
    assert same is ids
    assert seen[:, [0, 5]].all() and not seen[:, 6].any()
    words = seen[:, 1:5].sum(1)
    assert words.min() == 1 and words.max() == 4 and not torch.equal(seen[:2000], seen[2000:])
    assert words.float().mean().item() == pytest.approx(
        4 * 0.5 + 4 * 0.5**4, abs=0.05
    )  # the empty ones are whole again
    assert torch.equal(word_dropout(ids, mask, 0.5, known(ids[0].tolist()))[1], mask)


@pytest.mark.parametrize("name", ["simcse-unsup", "simcse-sup", "whitening", "input-words-weighted"])
def test_recipes_end_as_plain_embeddings(
    name: str, static: Path, quick_track: Path, tmp_path: Path, one_thread: None
) -> None:
    track, start = tracks.read(quick_track), backbones.resolve(str(static))
    recipe = resolved(registry.recipe(name), track, start)
    if name == "simcse-unsup":  # static vectors have no dropout, so that nothing else would make two views
        with pytest.raises(UsageError, match="both views of a sentence are the same"):
            course.train(Training(recipe, static, track, 0, tmp_path / "none"), Hooks(lambda model: 0.0))
        recipe = change(recipe, name, {"word_dropout": 0.3})
    made = [
        course.train(Training(recipe, static, track, 0, tmp_path / place), Hooks(lambda model: 0.0))
        for place in ("a", "b")
    ]
    assert made[0].weights_sha256 == made[1].weights_sha256
    assert type(made[0].model[0]) is StaticEmbedding
    made[0].model.save_pretrained(str(tmp_path / "saved"))
    again = SentenceTransformer(str(tmp_path / "saved"))
    assert (again.encode(TEXT) == made[0].model.encode(TEXT)).all()


def test_lines_of_evaluation_sets_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    module = import_module("srlbench.training.pretraining.pretrain")

    monkeypatch.setattr(module, "evaluation_letters", lambda config: frozenset({"thecatseesthemannearasea"}))
    corpus = tmp_path / "text.txt"
    corpus.write_text("\n".join([*TEXT * 40, "The cat sees, the MAN near a sea!"]))
    config = Pretraining(corpus=(corpus,), layers=0, width=4, vocabulary=60, threads=1)
    card = pretrain(config, tmp_path / "made", lambda message: None)
    assert card["corpus"]["files"][0]["left_out"] == 41
    assert "41 lines left out" in (tmp_path / "made" / "README.md").read_text()
    pieces = Tokenizer.from_file(str(tmp_path / "made" / "tokenizer.json")).get_vocab()
    assert "boat" in pieces
