"""Imported by the fork server, so that no run pays for loading torch, transformers and mteb again, or for its text."""

import os
from contextlib import suppress

from transformers.utils.logging import disable_progress_bar

import srlbench.runs.worker  # noqa: F401
from srlbench import data, tracks
from srlbench.errors import SrlbenchError
from srlbench.runs.engines.local import TRACKS

disable_progress_bar()  # type: ignore[no-untyped-call]
for name in filter(None, os.environ.get(TRACKS, "").split(os.pathsep)):
    with suppress(SrlbenchError):  # the runs meet it again, each in its own record; the fork server must live
        data.preload(tracks.load(name))
