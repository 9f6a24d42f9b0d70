"""The regression check: one verdict a recipe, from fresh records against reviewed expectations.

A value *moved* when its change is larger than the baseline's margin AND seeds alone do not explain it.
The t-test takes the spread of fresh and expected seeds together, moderated by what all recipes spread
(three seeds alone know too little); Holm's correction holds over the values of a recipe,
half for its averages (they matter most) and half for its tasks, and each recipe gets an equal share of
ALPHA, so that a whole check raises a false alarm in fewer than ALPHA of the cases where only the seeds
changed. A recipe without any spread is compared by margin alone.

A fall beyond the margin that is not proven is *inconclusive* when it is BIG, or when seeds alone would
rarely do it (SUSPICIOUS, shared like ALPHA), or when a side has one seed; smaller ones are what seeds do.

Nothing trains the controls. Where two moved although their fingerprints did not, something under all recipes did:
a library, the machine, the evaluation. A fall that is not BIG times as large then *drifted*, and is not the recipe's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from srlbench import stats
from srlbench.analysis.check.baseline import Baseline, Entry, Expected, left_out
from srlbench.analysis.check.drift import BIG, drifted, unchanged
from srlbench.analysis.check.verdicts import WORDS, Change, Report, Verdict, Word
from srlbench.records import Problem, Record
from srlbench.stats import Difference, Groups, Prior, Summary, average, label, summarise, with_averages

Ready = Mapping[tuple[str, str], Mapping[str, Summary]]  # what can be compared, by recipe and backbone

ALPHA = 0.01  # false alarms of a whole check, two-sided
SUSPICIOUS = 0.05  # inconclusive ones
MOST = 50  # seeds; a check that takes more is no check
MANY = 6  # values are named in a sentence; the rest are counted
LAST_DIGIT = 5e-7  # points; the baseline is written to six decimals
SD_FLOOR = 0.1  # points; seeds that agree better than this by luck are not believed


def check(
    records: Iterable[Record],
    problems: Iterable[Problem],
    baseline: Baseline,
    current: Mapping[tuple[str, str], str],
    groups: Groups,
    controls: Collection[str] = (),
) -> Report:
    """A verdict on every recipe that has an entry in the baseline or a fresh record.

    controls: the recipes without training.
    """
    records, notes = list(records), []
    fresh: dict[tuple[str, str], list[Record]] = defaultdict(list)
    broken: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        pair = (record.recipe, record.backbone)
        if current.get(pair) == record.fingerprint:
            fresh[pair].append(record)
    for problem in problems:
        key = problem.key
        if key and current.get((key.recipe, key.backbone)) == key.fingerprint:
            broken[key.recipe, key.backbone].append(f"seed {key.seed} is unreadable ({problem.reason})")
        else:
            notes.append(str(problem))
    for pair, found in fresh.items():
        broken[pair] += [_failure(record) for record in found if record.status == "failed"]
    verdicts: list[Verdict] = []
    ready: dict[tuple[str, str], dict[str, Summary]] = {}
    for pair in sorted({*baseline.entries, *fresh, *broken}):
        if broken[pair]:
            verdicts.append(Verdict(*pair, "failed", "; ".join(broken[pair])))
        elif why := _incomparable(pair, fresh[pair], records, baseline, current, groups):
            verdicts.append(Verdict(*pair, "not comparable", why))
        else:
            ready[pair] = _summaries(fresh[pair], groups)
    # Of seeds at which some tasks are not scored, only the others are compared.
    cut = {
        pair: replace(entry, cells={name: known for name, known in entry.cells.items() if name in ready[pair]})
        for pair, entry in baseline.entries.items()
        if pair in ready
    }
    baseline = replace(baseline, entries={**baseline.entries, **cut})
    verdicts += _compare(ready, baseline, current, {average(group) for group in groups})
    verdicts = list(
        drifted(verdicts, [v for v in verdicts if v.recipe in controls and unchanged(v, baseline, current)])
    )
    order = sorted(verdicts, key=lambda verdict: (WORDS.index(verdict.word), verdict.name))
    return Report(tuple(order), tuple(notes))


def _failure(record: Record) -> str:
    error = record.error or {}
    message = " ".join(str(error.get("message")).split())  # one line, whatever was raised
    return f"seed {record.seed} failed ({error.get('type')}: {message})"


def _incomparable(
    pair: tuple[str, str],
    fresh: Sequence[Record],
    records: Sequence[Record],
    baseline: Baseline,
    current: Mapping[tuple[str, str], str],
    groups: Groups,
) -> str | None:
    """Why the fresh records cannot be compared with the baseline; None if they can."""
    if pair not in baseline.entries:
        return "not in the baseline; accept one to have it checked"
    if not fresh:
        if pair not in current:
            return "no longer registered"
        stale = any((record.recipe, record.backbone) == pair for record in records)
        return "not run since it changed; only stale records exist" if stale else "not run"
    theirs = (baseline.track, baseline.version, baseline.protocol)
    for record in fresh:
        ours = (record.track, record.track_version, record.protocol)
        if ours != theirs:
            return "records of {} v{} {}, baseline of {} v{} {}".format(*ours, *theirs)
    expected, found = baseline.entries[pair].cells.keys(), _summaries(fresh, groups).keys()
    left = [left_out(record, groups) for record in fresh]
    uneven = any(found - with_averages(r.scores, groups).keys() - out for r, out in zip(fresh, left, strict=True))
    other = (expected ^ found) - {name for name in expected if all(name in out for out in left)}
    if uneven or not found or other:
        odd = sorted(other) or ["some seeds lack tasks"]
        return f"other tasks than the baseline's ({', '.join(map(label, odd[:3]))}{', …' if odd[3:] else ''})"
    return None


def _summaries(records: Sequence[Record], groups: Groups) -> dict[str, Summary]:
    values: dict[str, list[float]] = defaultdict(list)
    for record in records:
        for name, value in with_averages(record.scores, groups).items():
            values[name].append(value)
    return {name: summarise(found) for name, found in values.items()}


def _compare(
    ready: Ready,
    baseline: Baseline,
    current: Mapping[tuple[str, str], str],
    averages: set[str],
) -> list[Verdict]:
    """Verdicts on the recipes that can be compared; those whose scores vary over seeds share ALPHA."""
    noisy = [pair for pair, cells in ready.items() if not _without_spread(cells, baseline.entries[pair])]
    priors = {kind: _prior(ready, baseline, averages, kind) for kind in (True, False)}
    verdicts = []
    for pair, cells in ready.items():
        entry = baseline.entries[pair]
        if pair in noisy:
            changes = _changes_by_test(cells, entry, averages, priors, ALPHA / len(noisy))
        else:
            changes = [_change_by_margin(name, cells[name], known) for name, known in entry.cells.items()]
        word = min((change.word for change in changes), key=WORDS.index)
        reason = _reason(word, changes, still=pair not in noisy)
        if current.get(pair) != entry.fingerprint:
            reason += "; its code or data changed since the baseline"
        verdicts.append(Verdict(*pair, word, reason, tuple(changes)))
    return verdicts


def _without_spread(cells: Mapping[str, Summary], entry: Entry) -> bool:
    """Whether seeds change nothing: all standard deviations are 0, and each value has at least one."""
    spreads = [{cells[name].sd, known.summary.sd} for name, known in entry.cells.items()]
    return all(spread <= {0.0, None} and spread != {None} for spread in spreads)


def _prior(ready: Ready, baseline: Baseline, averages: set[str], kind: bool) -> Prior:
    """The prior on the variance of averages (kind True) or of tasks, from all recipes that vary over seeds."""
    spreads = []
    for pair, entry in baseline.entries.items():
        if any(known.summary.sd for known in entry.cells.values()):
            cells = [(name, known.summary) for name, known in entry.cells.items() if (name in averages) is kind]
            fresh = ready.get(pair, {})
            spreads += [stats.spread(known, *([fresh[name]] if name in fresh else [])) for name, known in cells]
    return stats.fit_prior(spreads, SD_FLOOR)


def _changes_by_test(
    cells: Mapping[str, Summary], entry: Entry, averages: set[str], priors: Mapping[bool, Prior], share: float
) -> list[Change]:
    differences = {
        name: stats.pooled(cells[name], known.summary, priors[name in averages], SD_FLOOR)
        for name, known in entry.cells.items()
    }
    adjusted: dict[str, float] = {}
    for kind in (True, False):
        of_kind = {name: d.p if d else 1.0 for name, d in differences.items() if (name in averages) is kind}
        corrected = stats.holm(list(of_kind.values()))
        adjusted |= {name: 2 * p for name, p in zip(of_kind, corrected, strict=True)}
    changes = []
    for name, difference in differences.items():
        fresh, known, margin = cells[name], entry.cells[name].summary, entry.cells[name].margin
        value, enough, p = fresh.mean - known.mean, min(fresh.n, known.n) > 1, adjusted[name]
        word: Word = "ok"
        if abs(value) > margin and enough and p < share:
            word = "regressed" if value < 0 else "better"
        elif value < -margin and (value < -BIG * margin or p < share * SUSPICIOUS / ALPHA or not enough):
            word = "inconclusive"
        interval, raw = (difference.interval(), difference.p) if difference else (None, None)
        needs = None
        if difference and word == "inconclusive":
            beside = sum((other in averages) is (name in averages) for other in differences)
            needs = _needed(difference, fresh, known, share / 2 / beside)  # Holm's first
        changes.append(Change(name, fresh, known, margin, value, interval, raw, word, needs))
    return changes


def _needed(difference: Difference, fresh: Summary, known: Summary, p: float) -> int | None:
    """The least seeds on both sides at which this difference, of means that spread as now, would have less than p."""
    sd = difference.se / (1 / fresh.n + 1 / known.n) ** 0.5
    for n in range(min(fresh.n, known.n) + 1, MOST + 1):
        df = difference.df + 2 * n - fresh.n - known.n
        if Difference(difference.value, sd * (2 / n) ** 0.5, df).p < p:
            return n
    return None


def _change_by_margin(name: str, fresh: Summary, known: Expected) -> Change:
    value = fresh.mean - known.summary.mean
    word: Word = "ok" if abs(value) <= known.margin else "regressed" if value < 0 else "better"
    return Change(name, fresh, known.summary, known.margin, value, None, None, word)


def _reason(word: Word, changes: Sequence[Change], *, still: bool) -> str:
    names = [label(change.name) for change in changes if change.word == word]
    moved = ", ".join(names[:MANY]) + (f" and {len(names) - MANY} more" if names[MANY:] else "")
    if word == "regressed":
        return f"fell: {moved}"
    if word == "better":
        return f"rose: {moved}; accept a new baseline if this was meant"
    if word == "inconclusive":
        seeds = min(min(change.fresh.n, change.expected.n) for change in changes)
        needs = [change.needs or MOST + 1 for change in changes if change.word == word and change.p is not None]
        least = min(needs, default=0)
        more = f"more than {MOST} would" if least > MOST else f"{least} on both sides would" if least else "run more"
        return f"fell, but {seeds} seed{'s' * (seeds > 1)} cannot tell it from noise ({more}): {moved}"
    largest = max(changes, key=lambda change: abs(change.difference))
    if abs(largest.difference) < LAST_DIGIT:
        return "every value as expected, to the last digit written"
    within = "within the margins, though not bit-equal" if still else "within noise and margins"
    return f"{within}; largest change {label(largest.name)} {largest.difference:+.2f}"
