"""Diagnoses as figures: simulation maps of losses, the weight of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from srlbench import losses
from srlbench.diagnostics import encoder
from srlbench.diagnostics.encoder import Weighed
from srlbench.errors import UsageError

SHADED = 3  # sentences in the picture
FITTING = range(5, 15)  # words of a sentence that a picture has room for


def maps(
    names: Sequence[str] | None, cells: int, batches: int, out: Path, report: Callable[[str, int, int], None]
) -> Path:
    """Draw the simulation maps of some losses, or of every registered one."""
    chosen = {name: encoder.loss(name) for name in names or losses.of_pairs()}
    from srlbench.analysis import figures
    from srlbench.diagnostics import simulation

    simulated: dict[str, dict[str, Any]] = {}
    for name, loss in chosen.items():
        report("simulate", len(simulated), len(chosen))
        simulated[name] = vars(simulation.of_loss(loss, simulation.Grid(cells=cells, batches=batches)))
    report("simulate", len(simulated), len(chosen))
    try:
        figures.maps(simulated, out)
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot draw: {error}") from error
    return out


def words(diagnosis: Mapping[str, Any], weighed: Weighed, folder: Path) -> list[Path]:
    """Draw the first method's weights against information gain, and some sentences with their words shaded."""
    from srlbench.analysis import figures

    name, stages = next(iter(weighed.items()))
    titles = {"before": "before training", "after": "after training" if "before" in stages else diagnosis["model"]}
    scatter, shaded = folder / "words.svg", folder / "sentences.svg"
    panels = {
        titles[stage]: {
            **diagnosis["methods"][name][stage]["information_gain"],
            "points": [
                (w, each["information_gain"], each["weights"][name][stage]) for w, each in diagnosis["words"].items()
            ],
        }
        for stage in stages
    }
    figures.scatter(panels, scatter, quantity="information gain (nats)", weight=f"weight ({name.replace('-', ' ')})")
    fitting = [i for i, each in enumerate(stages["after"]) if len(each) in FITTING][:SHADED]
    if not fitting:
        return [scatter]
    figures.sentences({titles[stage]: [each[i] for i in fitting] for stage, each in stages.items()}, shaded)
    return [scatter, shaded]
