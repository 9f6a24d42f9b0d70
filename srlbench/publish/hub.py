"""Publishing on the Hub: the files of one commit of one repository, and the push."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srlbench.errors import SrlbenchError, UsageError
from srlbench.records.files import read_bytes

NAMES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # the Hub library's own; files of its logins are not looked at
KINDS = {"dataset": "datasets/", "model": ""}


@dataclass(frozen=True)
class Upload:
    """Files of one commit: for each path in the repository a file or its bytes."""

    repository: str
    kind: Literal["dataset", "model"]
    files: Mapping[str, Path | bytes]
    message: str

    def __str__(self) -> str:
        return KINDS[self.kind] + self.repository


def checked(repository: str) -> str:
    """The name, if it is a valid name of a repository."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repository)
        if "/" in repository:
            return repository
    except HFValidationError:
        pass
    raise UsageError(f"'{repository}' is no repository of the Hub: say OWNER/NAME, as in my-lab/srlbench-small.")


def url(upload: Upload) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{upload}"


def outline(upload: Upload) -> Iterator[str]:
    """The URL, then the files with their sizes; a folder of many files is one line."""
    sizes = {path: _size(content) for path, content in upload.files.items()}
    yield f"{url(upload)} ({upload.kind}): {len(sizes)} files, {_spelled(sum(sizes.values()))}"
    count, total = Counter[str](), Counter[str]()
    for path, size in sizes.items():
        found = re.match(r"(?:.*?/)?(?:records|references|predictions|sweeps)/", path)
        count[found[0] if found else path] += 1
        total[found[0] if found else path] += size
    for name, n in count.items():
        yield f"  {name}: {f'{n} files, ' if name.endswith('/') else ''}{_spelled(total[name])}"


def token() -> str:
    """The token from the environment; it is used in the header of requests and nowhere else."""
    found = next((value for name in NAMES if (value := os.environ.get(name, "").strip())), None)
    if found is None:
        raise UsageError(f"To push, the Hub needs a token that may write: put one into the environment as {NAMES[0]}.")
    if not re.fullmatch("[!-~]+", found):  # the HTTP library would quote it in its complaint
        raise UsageError(f"What is in {NAMES[0]} is no token: it has characters that no header can carry.")
    return found


def push(upload: Upload, secret: str) -> str:
    """Push one commit, or none if the repository has all files already; return a line about it."""
    contents = ((path, each if isinstance(each, bytes) else read_bytes(each)) for path, each in upload.files.items())
    if leak := next((path for path, content in contents if secret.encode() in content), None):
        raise SrlbenchError(f"Cannot push to {url(upload)}: {leak} contains the token.")
    try:
        return _pushed(upload, secret)
    except Exception as error:  # the HTTP client's own errors have no common kind with the Hub's
        sentence = f"Cannot push to {url(upload)}: {_reason(error)}.".replace(secret, "…")
        leaked = secret in "".join(traceback.format_exception(error))
        raise SrlbenchError(sentence) from (None if leaked else error)


def _pushed(upload: Upload, secret: str) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.utils import disable_progress_bars, logging  # type: ignore[attr-defined]

    if not sys.stderr.isatty():
        disable_progress_bars()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # what it has to say is said here
    api = HfApi(token=secret)
    api.create_repo(upload.repository, repo_type=upload.kind, exist_ok=True)
    before = api.repo_info(upload.repository, repo_type=upload.kind).sha
    done = api.create_commit(
        upload.repository,
        [
            CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
            for path, content in upload.files.items()
        ],
        commit_message=upload.message,
        repo_type=upload.kind,
        parent_commit=before,  # a push of somebody else's in between is refused, not mixed with
    )
    if done.oid == before:
        return f"{url(upload)} has all of this already; no new commit."
    return f"Pushed to {url(upload)} as commit {done.oid[:12]}."


def _reason(error: BaseException) -> str:
    """Why a push failed, in one clause."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    first = error  # what the Hub library's own error may only wrap
    while first.__cause__ is not None and not isinstance(first, HfHubHTTPError):
        first = first.__cause__
    if isinstance(first, OfflineModeIsEnabled):
        return "the Hub is switched off (HF_HUB_OFFLINE)"
    if isinstance(first, HfHubHTTPError):
        code = first.response.status_code
        known = {
            401: f"the Hub does not accept the token in {NAMES[0]}",
            403: f"the token in {NAMES[0]} may not write there",
            404: "there is no such owner or repository, or the token may not see it",
            412: "somebody else pushed in the meantime; push again",
        }
        return f"{known.get(code) or _line(first.server_message) or 'the Hub refused'} ({code})"
    if isinstance(first, OSError) or type(first).__module__.partition(".")[0].startswith(("httpx", "httpcore")):
        return f"no connection to {constants.ENDPOINT}"
    return _line(str(error)) or type(error).__name__


def _line(text: str | None) -> str:
    line = " ".join((text or "").split()).rstrip(".")
    return line if len(line) <= 300 else line[:299] + "…"


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _spelled(size: int) -> str:
    power = next((power for power in (3, 2, 1) if size >= 1000**power), 0)
    return f"{size / 1000**power:.1f} {'kMG'[power - 1]}B" if power else f"{size} bytes"
