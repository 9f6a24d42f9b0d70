"""Maps of gradient dissipation and ratio over how far the positive and the negatives are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from srlbench.diagnostics.gradients import PairLoss, decompose
from srlbench.diagnostics.paradigm import ClosedForm

Array = NDArray[np.float64]
POSITIVE_SD, NEGATIVE_SD = 0.05, 0.10
FELT = 0.01  # the paper shows a ratio where at least this much of the gradient is left


@dataclass(frozen=True)
class Map:
    """Means over a cell's batches; rows: mean angle to the positive; columns: to the negatives. Radians."""

    positive: Array  # (rows,)
    negative: Array  # (columns,)
    dissipation: Array  # (rows, columns); 0 without any gradient; nan without a push to dissipate
    ratio: Array  # (rows, columns); nan: no gradient is left to have a ratio


@dataclass(frozen=True)
class Grid:
    """What is simulated. The paper: 100 x 100 cells of 1,000 batches; its ratio map has no noise on the angles."""

    cells: int = 20
    batches: int = 2
    batch: int = 128
    width: int = 256  # of the space a measured loss gets its vectors in; more than `batch`
    seed: int = 0

    def axes(self) -> tuple[Array, Array]:
        return np.linspace(pi / 20, pi / 2, self.cells), np.linspace(pi / 20, pi, self.cells)

    def draws(self, row: int, column: int) -> Iterator[tuple[Tensor, Tensor, np.random.Generator]]:
        """Angle to the positive (), angles to the negatives (batch - 1,); the same whoever asks, and for each cell."""
        positive, negative = self.axes()
        for number in range(self.batches):
            draw = np.random.default_rng([self.seed, row, column, number])
            angles = draw.normal(positive[row], POSITIVE_SD), draw.normal(negative[column], NEGATIVE_SD, self.batch - 1)
            near, far = (torch.as_tensor(np.arccos(np.cos(angle)), dtype=torch.float64) for angle in angles)
            yield near, far, draw


def of_form(form: ClosedForm, grid: Grid = Grid()) -> Map:
    """The map of a closed form, straight from the angles."""

    def at(positive: Tensor, negatives: Tensor, _: np.random.Generator) -> tuple[float, float]:
        found = form(positive.cos(), negatives.cos())
        return found.gd.item(), found.ratio.item()

    return _fill(grid, at)


def of_loss(loss: PairLoss, grid: Grid = Grid()) -> Map:
    """The map of any loss, measured on one anchor of batches made to have the angles."""

    def at(positive: Tensor, negatives: Tensor, draw: np.random.Generator) -> tuple[float, float]:
        found = decompose(loss, *batch(positive, negatives, grid.width, draw), anchors=1)
        still = found.norm.item() == 0
        return 0.0 if still else found.dissipation.item(), found.ratio.item()

    return _fill(grid, at)


def batch(positive: Tensor, negatives: Tensor, width: int, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Two views whose first anchor has these angles to its positive and negatives, in random directions around it.

    The other anchors are their own positives: a loss that couples anchors within a view sees the same angles there.
    """
    angles = torch.cat((positive.unsqueeze(0), negatives)).unsqueeze(-1)
    around = normalize(torch.as_tensor(draw.standard_normal((len(angles), width - 1))), dim=-1)
    b = torch.cat((angles.cos(), angles.sin() * around), dim=-1)
    a = b.clone()
    a[0] = torch.eye(width, dtype=torch.float64)[0]
    return a, b


def _fill(grid: Grid, at: Callable[[Tensor, Tensor, np.random.Generator], tuple[float, float]]) -> Map:
    positive, negative = grid.axes()
    dissipation, ratio = (np.full((grid.cells, grid.cells), np.nan) for _ in range(2))
    for row, column in np.ndindex(grid.cells, grid.cells):
        found = np.array([at(*draw) for draw in grid.draws(row, column)])
        gd = found[np.isfinite(found[:, 0]), 0]
        r = found[(np.abs(found[:, 0]) >= FELT) & np.isfinite(found[:, 1]), 1]
        dissipation[row, column] = gd.mean() if len(gd) else np.nan
        ratio[row, column] = r.mean() if len(r) else np.nan
    return Map(positive, negative, dissipation, ratio)
