"""srlbench: a reproducible benchmark of sentence-representation learning.

```python
import srlbench as sb

results = sb.run("simcse-unsup", "whitening", seeds=range(2))  # train, evaluate, record
results.to_pandas()                                            # one row a recipe, backbone, seed and task
sb.compare(results, "simcse-unsup", "whitening")               # paired by item and seed
```

What is public is listed in `__all__`, and `docs/python.md` explains it. Nothing heavy is imported before it is needed,
and no function changes the state of its caller: environment, random streams, threads, logging, warnings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

    from srlbench.analysis.compare import Compared
    from srlbench.analysis.leaderboard import Leaderboard
    from srlbench.analysis.results import Results
    from srlbench.evaluation.reading import Reading as Reading
    from srlbench.evaluation.scores import Scores
    from srlbench.recipe import Augment as Augment
    from srlbench.recipe import Companion as Companion
    from srlbench.recipe import Loss as Loss
    from srlbench.recipe import Post as Post
    from srlbench.recipe import Recipe as Recipe
    from srlbench.recipe import Rewrite as Rewrite
    from srlbench.recipe import View as View
    from srlbench.recipe import recipe as recipe
    from srlbench.runs.session import Asked

__version__ = "0.1.0"
__all__ = [
    "Augment", "Companion", "Loss", "Post", "Reading", "Recipe", "Rewrite", "View", "__version__",
    "compare", "diagnose", "evaluate", "leaderboard", "recipe", "results", "run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`Reading`, `recipe`, `Recipe` and its parts, imported when they are asked for."""
    if name == "Reading":
        from srlbench.evaluation.reading import Reading

        return Reading
    if name in ("Augment", "Companion", "Loss", "Post", "Recipe", "Rewrite", "View", "recipe"):
        from importlib import import_module

        # The module `srlbench.recipe` can be called as the decorator, so that both may have one name.
        module = import_module("srlbench.recipe")
        return module if name == "recipe" else getattr(module, name)
    raise AttributeError(f"module 'srlbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def run(
    *recipes: Asked,
    track: str | Path = "embedded",
    backbones: str | Sequence[str] = (),
    seeds: str | Iterable[int] | None = None,
    results: str | Path = "srlbench-results",
    files: Sequence[str | Path] = (),
    data: str | Path | None = None,
    jobs: int | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: bool | None = None,
    keep_encoders: bool = False,
    fail_fast: bool = False,
    observe_every: int | None = None,
    explain: bool = False,
    track_with: str | Sequence[str] = (),
) -> Results:
    """Train and evaluate recipes, each run in a process of its own, and record every run.

    A run that is recorded already, and current, is not made again. A run that fails does not raise: it has a record
    that says why. Nothing is printed.

    recipes: names of registered recipes or variants ("simcse-unsup+temperature=0.1"), functions decorated with
        `@sb.recipe()`, or a mapping of names to `Recipe` objects; "all" for every registered recipe.
    track: the rules, by name ("embedded", "small", "paper") or as a TOML file.
    backbones: shipped names, folders or "org/name@revision"; default: the track's.
    seeds: for example `range(5)` or "0-4"; default: the track's.
    results: the folder that the records go to.
    files: Python files with more recipes.
    data: a folder or senteval.tar with the real text; default: the Hub's.
    jobs: runs at once; default: as many as there are processors, or as the cluster takes.
    engine, address: "local", or "ray" and the address of a cluster.
    progress: show a bar; default: only in a notebook.
    keep_encoders: keep the trained encoders beside the records.
    fail_fast: stop at the first run that fails, and raise an SrlbenchError that says why.
    observe_every, explain: look at a training every so many steps; weigh words by Shapley values too (extra `explain`).
    track_with: experiment trackers that get every recorded run: "tensorboard", "wandb", "mlflow", "trackio" (extras).
    """
    from srlbench.analysis.results import Results
    from srlbench.publish.trackers import following
    from srlbench.runs import engines, plan, session

    paths, observation = session.files_of(files), session.observation(observe_every, explain)
    suite, place = session.suite_of(session.chosen(recipes, paths), track, backbones, seeds), session.folder(results)
    options = plan.Options(place, paths, session.call(suite), keep_encoders, observation, session.absolute(data))
    with following(track_with, suite, place):
        session.make(suite, options, engines.Choice(engine, jobs, address), progress, fail_fast)
    return Results(place, suite.track, paths)


def results(
    path: str | Path = "srlbench-results", track: str | Path = "embedded", files: Sequence[str | Path] = ()
) -> Results:
    """The records of one track in a results folder, scanned once, and which of them are current.

    `results(...).to_pandas()` has one row a recipe, backbone, seed and task. `files` are Python files with more
    recipes; a recipe that was defined in this session is known already.
    """
    from srlbench import tracks
    from srlbench.analysis.results import Results
    from srlbench.runs import session

    return Results(session.folder(path), tracks.load(str(track)), session.files_of(files))


def leaderboard(results: Results) -> Leaderboard:
    """The ranked table of the registered recipes, each with its mean and spread over seeds."""
    from srlbench.analysis import leaderboard as leaderboards

    return leaderboards.leaderboard(results)


def compare(
    results: Results,
    a: str | Path | None = None,
    b: str | Path | None = None,
    margin: float = 0.1,
    data: str | Path | None = None,
) -> Compared:
    """How much better `a` is than `b`, paired by item and seed, from the recorded predictions.

    a, b: recipes ("simcse-sup", "simcse-sup@mini"), runs ("simcse-sup@mini:0") or results folders. One alone, or all if
        none is named, is compared with the track's control and with the recipe that it is a version of.
    margin: points; a smaller difference is of no use.
    data: a folder or senteval.tar with the real text, where the track has it; default: the Hub's.
    """
    from srlbench.analysis import compare as comparing
    from srlbench.data.mirror import using
    from srlbench.runs import session

    with using(session.absolute(data)):
        return comparing.compare(results, [str(side) for side in (a, b) if side is not None], margin)


def evaluate(
    model: str | Path | SentenceTransformer,
    protocol: str | Path = "simcse",
    tasks: str | Sequence[str] = (),
    probe: Literal["converged", "senteval"] = "converged",
    pool: str | Reading | None = None,
    data: str | Path | None = None,
    results: str | Path = "srlbench-results",
    progress: bool | None = None,
) -> Scores:
    """The scores of an encoder that exists already; nothing is trained or recorded, and the encoder is not changed.

    model: a `SentenceTransformer`, a folder, a name on the Hub, a shipped backbone, or a run whose encoder was kept
        ("simcse-unsup@tiny:0", in the folder `results`).
    protocol: "simcse", "mteb" or "generated", or a TOML file.
    tasks: only these; default: all of the protocol.
    probe: how the classifier of the transfer tasks is fitted.
    pool: of a plain transformers model: "cls", "cls-pooler", "mean", "max", "first-last", "last" or "weighted-mean"; or
        `Reading("last", layers=6, attention="bidirectional")`, which says more.
    data: a folder or senteval.tar with the real text; default: the Hub's.
    progress: show a bar; default: only in a notebook.
    """
    from srlbench.errors import unknown
    from srlbench.evaluation import encoders
    from srlbench.evaluation.caller import unchanged, undisturbed
    from srlbench.evaluation.reading import Reading
    from srlbench.runs import bar, session
    from srlbench.tracks.protocol import PROBES

    if probe not in PROBES:
        raise unknown("probe", probe, PROBES)
    only = (tasks,) if isinstance(tasks, str) and tasks else tuple(tasks)
    setting = encoders.Setting((str(protocol),), probe, only, session.absolute(data), Reading.of(pool))
    setting.rules()  # refused before torch and mteb are loaded
    subject = session.encoder(model)
    with undisturbed(), unchanged(subject), bar.of_stages(progress) as report:
        (found,), _ = encoders.evaluate(subject, setting, session.folder(results), report)
    return found


def diagnose(
    model: str | Path | SentenceTransformer,
    what: Literal["isotropy", "gradients", "words"] = "isotropy",
    *,
    track: str | Path = "embedded",
    pool: str | Reading | None = None,
    text: str | Path | None = None,
    count: int | None = None,
    losses: str | Sequence[str] = "info_nce",
    before: str | Path | SentenceTransformer | None = None,
    seed: int = 0,
    results: str | Path = "srlbench-results",
    progress: bool | None = None,
) -> dict[str, Any]:
    """Why an encoder scores as it does, as plain values that can be written as JSON.

    what: "isotropy": how isotropic and contextual its token vectors are, layer by layer (arXiv 2212.09170);
        "gradients": what the gradient of each of `losses` is made of on its own vectors (arXiv 2402.18281);
        "words": how closely the weight of a word follows its information (arXiv 2310.15921).
    model, pool, results: as for `evaluate`.
    text: sentences, one a line; default: the track's. count: how many; default: 1000, 64 pairs and 200.
    losses: names, with settings if wanted: "arccon+degrees=5".
    before: for "words", the encoder before training; default, of a run: what it started from.
    seed: of everything random.
    """
    from copy import deepcopy

    from srlbench import tracks
    from srlbench.errors import unknown
    from srlbench.evaluation.caller import undisturbed
    from srlbench.evaluation.reading import Reading
    from srlbench.runs import bar, session

    if what not in (kinds := ("isotropy", "gradients", "words")):
        raise unknown("diagnosis", what, kinds)
    rules, place, lines = tracks.load(str(track)), session.folder(results), session.absolute(text)
    with undisturbed(), bar.of_stages(progress) as report:
        from srlbench.diagnostics import encoder

        def subject(of: str | Path | SentenceTransformer) -> encoder.Subject:
            given = session.encoder(of)  # what is measured trains, and is changed on the way
            return encoder.Subject(given if isinstance(given, str) else deepcopy(given), Reading.of(pool), place, seed)

        if what == "isotropy":
            return encoder.isotropy(subject(model), rules, lines, count or 1000, False)
        if what == "gradients":
            names = (losses,) if isinstance(losses, str) else tuple(losses)
            return dict(encoder.gradients(subject(model), names, rules, lines, count or 64))
        weighing, earlier = encoder.Weighing(sentences=lines, count=count or 200), before and subject(before)
        return encoder.words(subject(model), rules, weighing, earlier or None, report)[0]
