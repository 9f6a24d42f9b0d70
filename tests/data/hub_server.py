"""A Hub of one file on 127.0.0.1: metadata by HEAD, the content behind a redirect, and faults on demand."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler

from local_server import LocalServer

from srlbench.data.mirror import ARCHIVE, REPOSITORY, REVISION

RESOLVE = f"/datasets/{REPOSITORY}/resolve"
FAULTS = ("500", "404", "no revision", "no repository", "truncated", "altered", "no commit")


class Hub(LocalServer):
    """Serves `content` as the archive at the pinned revision; `requests` says what it was asked."""

    def __init__(self, content: bytes) -> None:
        super().__init__(_Handler)
        self.content = content
        self.revision = REVISION
        self.fault = ""
        self.requests: list[str] = []  # "HEAD file", "GET blob"

    @property
    def etag(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def asked(self, what: str) -> int:
        return self.requests.count(what)


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        hub, blob = self.server, self.path == f"/blobs/{self.server.etag}"
        what = "blob" if blob else "file" if self.path.startswith(RESOLVE) else self.path
        hub.requests.append(f"{self.command} {what}")
        if hub.fault == "500":
            self._say(500, {})
        elif blob:
            self._blob()
        elif hub.fault == "no repository" or not self.path.startswith(f"{RESOLVE}/"):
            self._say(404, {"X-Error-Code": "RepoNotFound"})
        elif hub.fault == "no revision" or not self.path.startswith(f"{RESOLVE}/{hub.revision}/"):
            self._say(404, {"X-Error-Code": "RevisionNotFound"})
        elif hub.fault == "404" or self.path != f"{RESOLVE}/{hub.revision}/{ARCHIVE}":
            self._say(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": hub.revision})
        else:  # another host by name, as the store of large files is
            there = f"http://localhost:{hub.server_port}/blobs/{hub.etag}"
            commit = {} if hub.fault == "no commit" else {"X-Repo-Commit": hub.revision}
            size = {"X-Linked-Size": str(len(hub.content)), "X-Linked-Etag": f'"{hub.etag}"'}
            self._say(302, {"Location": there, **commit, **size})

    def _blob(self) -> None:
        content = self.server.content
        begin = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        rest = content[begin:]
        if self.server.fault == "altered":
            rest = rest[:-1] + bytes([rest[-1] ^ 1])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", f'"{self.server.etag}"')
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.server.fault == "truncated":  # half of it, and on each further try nothing
            self.wfile.write(b"" if begin else rest[: len(rest) // 2])
            self.close_connection = True
        else:
            self.wfile.write(rest)

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(key, value)
        self.end_headers()
