"""Figures from plain numbers: dynamics, simulation maps, swept parameters, words. SVG or PNG, by the file's suffix.

The same numbers give the same bytes. Only callers that draw should import this: it loads matplotlib.
"""

from srlbench.plots.along import along
from srlbench.plots.angles import maps
from srlbench.plots.components import TOGETHER, dynamics
from srlbench.plots.shades import sentences
from srlbench.plots.style import Key
from srlbench.plots.swept import grid
from srlbench.plots.trends import measures
from srlbench.plots.words import scatter

__all__ = ["TOGETHER", "Key", "along", "dynamics", "grid", "maps", "measures", "scatter", "sentences"]
