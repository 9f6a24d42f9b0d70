from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from srlbench.analysis.compare.paired import correlation
from srlbench.errors import StoreError
from srlbench.records.predictions import read, sha256_of, to_bytes


def kept(tmp_path: Path, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    path = tmp_path / "seed-0.npz"
    path.write_bytes(to_bytes(arrays))
    return read(path)


def test_ranks_give_every_digit_that_the_similarities_give(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    gold = draw.integers(0, 6, 1500) / 2  # with many ties
    similar = np.round(gold / 5 + draw.normal(size=1500), 2).astype(np.float32)
    similar[:3] = -0.0, 0.0, similar.min()
    ranks = kept(tmp_path, A=similar)["A"]
    assert ranks.dtype == np.uint16 and len(np.unique(ranks)) < 1500
    assert np.array_equal(rankdata(ranks), rankdata(similar))
    (rho, influence), (same, alike) = correlation(similar, gold), correlation(ranks, gold)
    assert rho == same and np.array_equal(influence, alike)


def test_labels_stay_and_other_splits_are_left_out(tmp_path: Path) -> None:
    arrays = {"A": np.array([3, 0, 300]), "A.dev": np.array([0.1]), "B": np.array([-1, 1]), "my.task": np.array([True])}
    found = kept(tmp_path, **arrays)
    assert found.keys() == {"A", "B", "my.task"}
    assert all(np.array_equal(found[name], arrays[name]) for name in found)
    assert [found[name].dtype.name for name in found] == ["uint16", "int64", "bool"]


def test_what_is_not_finite_stays_as_it_is(tmp_path: Path) -> None:
    assert np.isnan(kept(tmp_path, A=np.array([0.5, np.nan]))["A"][1])


def test_the_hash_is_of_names_types_shapes_and_bits() -> None:
    arrays = {"A": np.array([0.5, 0.25]), "B": np.array([1, 2])}
    whole = sha256_of(arrays)
    assert whole == sha256_of(dict(reversed(arrays.items())))
    others = (
        {"A": np.array([0.5, np.nextafter(0.25, 1)])}, {"A": np.array([0.5, 0.25], dtype=np.float32)},
        {"A": np.array([[0.5, 0.25]])}, {"A": np.array([0.5, 0.25])[::-1]},
    )  # fmt: skip
    assert len({whole, *(sha256_of(arrays | other) for other in others), sha256_of({"A": arrays["A"]})}) == 6


def damaged(change: str) -> bytes:
    content = bytearray(to_bytes({"A": np.random.default_rng(0).normal(size=400)}))
    if change == "deflate":
        content[80:200] = bytes(120)
    elif change == "cut":
        del content[len(content) // 2 :]
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }\n"
            archive.writestr("A.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        return buffer.getvalue()
    return bytes(content)


@pytest.mark.parametrize("change", ["deflate", "cut", "header"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, change: str) -> None:
    path = tmp_path / "seed-0.npz"
    path.write_bytes(damaged(change))
    with pytest.raises(StoreError, match="not a whole predictions file"):
        read(path)
