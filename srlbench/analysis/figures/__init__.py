"""Figures from plain numbers: dynamics, simulation maps, swept parameters, words. SVG or PNG, by the file's suffix.

The same numbers give the same bytes. Only callers that draw should import this: it loads matplotlib.
"""

from srlbench.analysis.figures.angles import maps
from srlbench.analysis.figures.dynamics import MOST_LINES, dynamics, measures
from srlbench.analysis.figures.gains import strips
from srlbench.analysis.figures.shades import sentences
from srlbench.analysis.figures.style import Key
from srlbench.analysis.figures.swept import along, grid
from srlbench.analysis.figures.words import scatter

__all__ = ["MOST_LINES", "Key", "along", "dynamics", "grid", "maps", "measures", "scatter", "sentences", "strips"]
