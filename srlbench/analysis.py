"""What is asked about why and when a recipe works: sweeps over its settings, the gradients of its loss, claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from srlbench import data, records, registry, scoring, suite, sweep, tracks, variants
from srlbench import leaderboard as leaderboards
from srlbench.claims import Claim, Finding, claims, page
from srlbench.claims.evidence import Evidence
from srlbench.errors import SrlbenchError, UsageError, unknown
from srlbench.jobs import Look
from srlbench.plan import Plan, current, folder
from srlbench.recipe import Loss, Registered, parameters
from srlbench.records import Record
from srlbench.stats import average, with_averages
from srlbench.tracks import Track

Report = Callable[[str, int, int], None]
Judged = list[tuple[Claim, Finding]]
Files = tuple[Path, ...]


def plan_sweep(
    recipe: str,
    settings: Sequence[str],
    track_name: str,
    backbone: Sequence[str],
    seeds: str | None,
    files: Files,
    results: Path,
    command: str,
    look: Look,
) -> tuple[Plan, list[Registered]]:
    """The suite of a grid over a recipe's own settings, and its points: the recipe as registered, and its variants."""
    rules, entry = tracks.load(track_name), registry.recipe(recipe, files)
    if variants.is_variant(entry.name):
        raise UsageError(f"Sweep {variants.base(recipe)}, and give what differs with --set.")
    points = [variants.variant(entry, changes) for changes in variants.grid(settings)]
    plan = suite.planned(points, rules, backbone, seeds, files, results, False, command, look)
    return plan, [entry, *points]


def swept(points: Sequence[Registered], plan: Plan, backbone: Sequence[str]) -> tuple[sweep.Sweep, list[Path]]:
    """What a sweep found, and the files that say so, beside the leaderboard."""
    rules = plan.track
    now = current(points, rules, backbone)
    found = records.scan(plan.results, rules.name, rules.version).records
    own = [record for record in found if now.get((record.recipe, record.backbone)) == record.fingerprint]
    primary = average(next(iter(rules.groups)))
    scores: dict[str, list[float]] = {}
    for record in own:
        if primary in (values := with_averages(record.scores, rules.groups)):
            scores.setdefault(record.recipe, []).append(values[primary])
    board = leaderboards.build(
        own,
        track=rules.name,
        version=rules.version,
        protocol=rules.protocol.label,
        current=now,
        groups=rules.groups,
    )
    made = sweep.Sweep(points[0].name, {point.name: point.changes for point in points}, board, scores)
    return made, sweep.write(made, folder(plan.results, rules) / "sweeps", plan.command)


def judge(rules: Track, files: Files, results: Path) -> Judged:
    """Every claim, looked at with the records of a results folder that are not stale."""
    evidence = Evidence(_fresh(rules, files, results), rules.groups, f"srlbench run --track {rules.name}")
    return [(claim, claim.look(evidence)) for claim in claims()]


def write_claims(judged: Judged, rules: Track, results: Path) -> Path:
    place = "" if results == Path("srlbench-results") else f" --results {results.name}"
    path = folder(results, rules) / "claims.md"
    command = f"srlbench claims --track {rules.name}{place}"
    records.write_text(path, page.to_markdown(judged, rules.name, rules.version, rules.protocol.label, command))
    return path


def gradients(
    model: str,
    losses: Sequence[str],
    rules: Track,
    text: Path | None,
    pairs: int,
    pool: str | None,
    seed: int,
    results: Path,
) -> dict[str, dict[str, float | None]]:
    """What the gradient of each loss is made of, on dropout twins of an encoder that exists already."""
    chosen = {name: _loss(name) for name in losses}
    place = scoring.encoder_folder(model, results)
    from srlbench.diagnostics.gradients import statistics
    from srlbench.evaluation import external

    lines = _lines(text) if text else [views[0] for views in data.training_text(rules, "twins")]
    a, b = external.twins(place, pool, list(dict.fromkeys(lines))[:pairs], seed, suite.cores())
    if len(a) >= a.shape[1] - 1:
        raise UsageError(
            f"{len(a)} pairs of {a.shape[1]} dimensions leave nothing unexplained; "
            f"at most {a.shape[1] - 2} do, see --pairs."
        )
    return {name: statistics(loss, a, b) for name, loss in chosen.items()}


def isotropy(
    model: str,
    rules: Track,
    text: Path | None,
    sentences: int,
    pool: str | None,
    seed: int,
    as_published: bool,
    results: Path,
) -> dict[str, Any]:
    """The measures of an encoder's layers and sentence vectors, as plain values."""
    place = scoring.encoder_folder(model, results)
    lines = _lines(text) if text else [views[0] for views in data.training_text(rules, "twins")]
    from srlbench.diagnostics import isotropy as measures
    from srlbench.evaluation import external

    encoder = external.quietly(place, pool, seed, suite.cores())
    found = measures.isotropy(encoder, list(dict.fromkeys(lines))[:sentences], seed=seed, as_published=as_published)
    return found.as_dict()


def dynamics(rules: Track, files: Files, results: Path, out: Path | None) -> Path:
    """The figure of how dissipation and ratio went while recipes were trained."""
    seen: dict[str, list[dict[str, list[float | None]]]] = {}
    for record in _fresh(rules, files, results):
        steps = [{"step": each["step"], **each.get("gradients", {})} for each in record.diagnostics.get("dynamics", ())]
        if steps and not variants.is_variant(record.recipe):
            panels = {"step": "step", "dissipation": "dissipation_mean", "ratio": "ratio_median"}
            series = {panel: [each.get(key) for each in steps] for panel, key in panels.items()}
            seen.setdefault(record.recipe, []).append(series)
    if not seen:
        raise SrlbenchError(f"No record of track {rules.name} in {results} has observed gradients; run some first.")
    from srlbench import plots

    path = out or folder(results, rules) / "dynamics.svg"
    _drawn(lambda: plots.dynamics(dict(sorted(seen.items())), path))
    return path


def maps(losses: Sequence[str] | None, cells: int, batches: int, out: Path, report: Report) -> Path:
    """The figure of the simulation maps, of every registered loss or of some."""
    chosen = {name: _loss(name) for name in losses or registry.loss_names()}
    from srlbench import plots
    from srlbench.diagnostics import simulation

    found: dict[str, dict[str, Any]] = {}
    for name, loss in chosen.items():
        report("simulate", len(found), len(chosen))
        found[name] = vars(simulation.of_loss(loss, simulation.Grid(cells=cells, batches=batches)))
    report("simulate", len(found), len(chosen))
    _drawn(lambda: plots.maps(found, out))
    return out


def _loss(name: str) -> Callable[..., Any]:
    """A registered loss with the settings of its name: `arccon+degrees=5`."""
    registry.loss_path(variants.base(name))
    settings = variants.parse(name) if variants.is_variant(name) else {}
    loss = Loss(variants.base(name), **settings)
    for key in settings:
        if key not in parameters(loss):
            raise unknown(f"setting of loss '{loss.name}'", key, parameters(loss))
    return partial(registry.loss_function(loss), **settings)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read {path}: {error}.") from error


def _drawn(draw: Callable[[], None]) -> None:
    try:
        draw()
    except (OSError, ValueError) as error:
        raise UsageError(f"Cannot draw: {error}") from error


def _fresh(rules: Track, files: Files, results: Path) -> list[Record]:
    """The good records of recipes and variants as they are now, on the track's own backbones."""
    found = records.scan(results, rules.name, rules.version).records
    own = [
        r
        for r in found
        if r.status == "ok" and (r.protocol, r.backbone in rules.backbones) == (rules.protocol.label, True)
    ]
    now = current(_known({record.recipe for record in own}, files), rules)
    return [record for record in own if now.get((record.recipe, record.backbone)) == record.fingerprint]


def _known(names: Iterable[str], files: Files) -> Iterator[Registered]:
    """Those of the recipes and variants that can still be made."""
    for name in sorted(names):
        try:
            yield registry.recipe(name, files)
        except UsageError:
            continue
