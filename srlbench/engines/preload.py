"""Imported by the fork server, so that no run pays for loading torch, transformers and mteb again."""

from transformers.utils.logging import disable_progress_bar

import srlbench.job  # noqa: F401

disable_progress_bar()  # type: ignore[no-untyped-call]
