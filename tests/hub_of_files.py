"""A Hub on 127.0.0.1 that serves whole repositories, models and datasets, from files in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler

from local_server import LocalServer

Files = Mapping[str, bytes]


class Hub(LocalServer):
    """`repositories` maps `org/name` or `datasets/org/name` to a revision and its files."""

    def __init__(self, repositories: Mapping[str, tuple[str, Files]]) -> None:
        super().__init__(_Handler)
        self.repositories = repositories


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.split("?")[0]
        for name, (revision, files) in self.server.repositories.items():
            api = f"/api/{name}" if name.startswith("datasets/") else f"/api/models/{name}"
            if path == f"{api}/revision/{revision}":
                siblings = [{"rfilename": file} for file in files]
                about = {
                    "id": name,
                    "sha": revision,
                    "siblings": siblings,
                    "private": False,
                    "tags": [],
                    "downloads": 0,
                }
                return self._say(200, json.dumps(about).encode(), {"Content-Type": "application/json"})
            if path.startswith(f"{api}/tree/{revision}"):
                tree = [
                    {"type": "file", "path": file, "size": len(content), "oid": _sha(content)[:40]}
                    for file, content in files.items()
                ]
                return self._say(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
            place = f"/{name}/resolve/{revision}/"
            if path.startswith(place) and path.removeprefix(place) in files:
                content = files[path.removeprefix(place)]
                return self._say(200, content, {"X-Repo-Commit": revision, "ETag": f'"{_sha(content)}"'})
        return self._say(404, b"", {"X-Error-Code": "EntryNotFound"})

    def _say(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
