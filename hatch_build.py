"""What the packages carry of the published results: each track's records in brief, its baseline, rules and protocol.

The records themselves, with diagnostics and predictions, are in the repository.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BESIDE = ("baseline.toml", "protocol.toml", "track.toml")


class Published(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        to = "results" if self.target_name == "sdist" else "srlbench/published"
        self.made = Path(self.directory, f".published-{self.target_name}")
        shutil.rmtree(self.made, ignore_errors=True)
        for path in pack(Path(self.root), self.made):
            build_data["force_include"][str(self.made / path)] = f"{to}/{path.as_posix()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            shutil.rmtree(self.made, ignore_errors=True)


def pack(root: Path, to: Path) -> list[Path]:
    """Write the files of all tracks to a folder; return their paths in it."""
    sys.path.insert(0, str(root))
    from srlbench.records import brief, store

    results, written = root / "results", []
    for folder in sorted(results.glob("*/v*")):
        track = folder.relative_to(results)
        (to / track).mkdir(parents=True)
        if (folder / "records").is_dir():
            found = store.scan(results, track.parts[0], int(track.parts[1][1:])).records
            (to / track / brief.FILE).write_bytes(brief.to_bytes(results, list(found)))
        elif (folder / brief.FILE).is_file():  # an unpacked source package
            shutil.copyfile(folder / brief.FILE, to / track / brief.FILE)
        for name in BESIDE:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, to / track / name)
        written += [path.relative_to(to) for path in sorted((to / track).iterdir())]
    return written
