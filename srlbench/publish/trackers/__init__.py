"""Experiment trackers: every recorded run goes to them, from its record alone, in a process beside the suite.

No tracker can change a digit, and none can fail a run or lose it: it sees a run when its record is written. If it was
switched off, or failed, or the suite was killed, then the same command logs what the tracker lacks.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from srlbench import records
from srlbench.errors import UsageError, unknown
from srlbench.records import Key
from srlbench.runs.fingerprint import current
from srlbench.runs.suite import Suite

NAMES = ("tensorboard", "wandb", "mlflow", "trackio")  # each is an extra, a package, and a module of this folder
FOLDER = "trackers"  # of the results
OUTPUT = "output.txt"  # what a tracker prints
PATIENCE, GRACE = 300.0, 60.0  # seconds that a tracker may be silent at the end of a suite, and may take to exit
AGAIN = "The runs are recorded; the same command logs what is missing."
PROGRAM = "import sys; sys.path[:] = sys.argv[3:]; from srlbench.publish.trackers.child import main; main()"

Tell = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def check(names: Sequence[str]) -> None:
    """Raise an error, before any run, if there is no such tracker or its package is not installed."""
    for name in names:
        if name not in NAMES:
            raise unknown("tracker", name, NAMES)
        found = find_spec(name)
        if found is None or found.origin is None:  # a folder of this name, as wandb makes one, is no package
            raise UsageError(f"The tracker '{name}' is not installed: pip install 'srlbench[{name}]'")


@contextmanager
def following(
    names: str | Sequence[str], suite: Suite, results: Path, warn: Tell = warnings.warn, say: Tell = silent
) -> Iterator[None]:
    """Log the runs of a suite as they are recorded, and at its end what is left.

    warn: gets one sentence about a tracker that failed; say: one about what was logged.
    """
    chosen = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    check(chosen)
    with ExitStack() as stack:
        paths = [records.record_path(results, key) for key in keys(suite)] if chosen else []
        for name in chosen:
            stack.enter_context(_tracker(name, results, paths, warn, say))
        yield


def keys(suite: Suite) -> list[Key]:
    """The runs of a suite, recorded or not."""
    track = suite.track
    cells = current(suite.recipes, track, suite.backbones).items()
    return [Key(track.name, track.version, *cell, print_, seed) for cell, print_ in cells for seed in suite.seeds]


@contextmanager
def _tracker(name: str, results: Path, paths: Sequence[Path], warn: Tell, say: Tell) -> Iterator[None]:
    """One tracker, in a process of its own: it may print, set variables and start threads there."""
    arguments = [name, str(results.absolute()), *(os.path.abspath(entry) for entry in sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # an interrupt of the suite lets it finish
    )
    assert process.stdin and process.stdout
    with suppress(BrokenPipeError):
        process.stdin.write("".join(f"{path.absolute()}\n" for path in paths).encode() + b"\n")
        process.stdin.flush()
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()  # no more runs come
        _conclude(name, process, warn, say)


def _conclude(name: str, process: subprocess.Popen[bytes], warn: Tell, say: Tell) -> None:
    """Wait until the tracker has logged everything, and tell how it went."""
    assert process.stdout
    output, problem = b"", ""
    try:
        while select.select([process.stdout], [], [], PATIENCE)[0]:
            if not (part := os.read(process.stdout.fileno(), 65536)):
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(GRACE)
                    problem = f"its process ended with {code}" if code else ""
                break
            output += part
        else:
            problem = f"it gave no sign for {PATIENCE:.0f} seconds"
    finally:  # what it started ends with it
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    lines = [line.partition(" ") for line in output.decode(errors="replace").splitlines()]
    logged = [text for word, _, text in lines if word == "logged"]
    problem = next((text for word, _, text in lines if word == "failed"), problem)
    if logged:
        say(f"{name}: logged {'1 run' if len(logged) == 1 else f'{len(logged)} runs'} to {logged[-1]}.")
    if problem:
        warn(f"{name} failed: {problem.rstrip('.')}. {AGAIN}")
