"""Maps of gradient dissipation and ratio over the angles to the positive and to the negatives."""

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

Array = NDArray[np.float64]
POSITIVE_SD, NEGATIVE_SD = 0.05, 0.10
FELT = 0.01  # the paper shows a ratio if the dissipation is at least this


@dataclass(frozen=True)
class Map:
    """A map of means over the batches of each cell; rows: mean angle to the positive; columns: to the negatives."""

    positive: Array  # (rows,), radians
    negative: Array  # (columns,), radians
    dissipation: Array  # (rows, columns); 0 without any gradient; nan without a push that could dissipate
    ratio: Array  # (rows, columns); nan if too little of the gradient is left for a ratio


@dataclass(frozen=True)
class Grid:
    """The size of a simulation. The paper has 100 x 100 cells of 1,000 batches, and no angle noise in its ratio map."""

    cells: int = 20
    batches: int = 2
    batch: int = 128
    width: int = 256  # dimensions of the vectors for a measured loss; must exceed `batch`
    seed: int = 0

    def axes(self) -> tuple[Array, Array]:
        return np.linspace(pi / 20, pi / 2, self.cells), np.linspace(pi / 20, pi, self.cells)

    def draws(self, row: int, column: int) -> Iterator[tuple[Tensor, Tensor, np.random.Generator]]:
        """The batches of a cell: the angle to the positive (), the angles to the negatives (batch - 1,), a generator.

        They depend on the grid's seed and the cell alone.
        """
        positive, negative = self.axes()
        for number in range(self.batches):
            draw = np.random.default_rng([self.seed, row, column, number])
            angles = draw.normal(positive[row], POSITIVE_SD), draw.normal(negative[column], NEGATIVE_SD, self.batch - 1)
            near, far = (torch.as_tensor(np.arccos(np.cos(angle)), dtype=torch.float64) for angle in angles)
            yield near, far, draw


def of_loss(loss: PairLoss, grid: Grid = Grid()) -> Map:
    """The map of any loss, measured on one anchor of generated batches with these angles."""

    def values(positive: Tensor, negatives: Tensor, draw: np.random.Generator) -> tuple[float, float]:
        components = decompose(loss, *batch(positive, negatives, grid.width, draw), anchors=1)
        still = components.norm.item() == 0
        return 0.0 if still else components.dissipation.item(), components.ratio.item()

    return fill(grid, values)


def batch(positive: Tensor, negatives: Tensor, width: int, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Two views whose first anchor has these angles to its positive and negatives, in random directions.

    Every other anchor equals its own positive, so a loss that couples anchors within a view sees the same angles.
    """
    angles = torch.cat((positive.unsqueeze(0), negatives)).unsqueeze(-1)
    around = normalize(torch.as_tensor(draw.standard_normal((len(angles), width - 1))), dim=-1)
    b = torch.cat((angles.cos(), angles.sin() * around), dim=-1)
    a = b.clone()
    a[0] = torch.eye(width, dtype=torch.float64)[0]
    return a, b


def fill(grid: Grid, values: Callable[[Tensor, Tensor, np.random.Generator], tuple[float, float]]) -> Map:
    """The map of a function that gives the dissipation and ratio of one batch."""
    positive, negative = grid.axes()
    dissipation, ratio = (np.full((grid.cells, grid.cells), np.nan) for _ in range(2))
    for row, column in np.ndindex(grid.cells, grid.cells):
        cell = np.array([values(*draw) for draw in grid.draws(row, column)])
        gd = cell[np.isfinite(cell[:, 0]), 0]
        r = cell[(np.abs(cell[:, 0]) >= FELT) & np.isfinite(cell[:, 1]), 1]
        dissipation[row, column] = gd.mean() if len(gd) else np.nan
        ratio[row, column] = r.mean() if len(r) else np.nan
    return Map(positive, negative, dissipation, ratio)
