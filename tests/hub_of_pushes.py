"""A Hub on 127.0.0.1 that repositories are pushed to: it keeps every commit and every request, and fails on demand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import yaml
from local_server import LocalServer

LARGE = (".npz", ".safetensors")


@dataclass
class Repository:
    """The files after each commit, the first of them none, and what was said of each."""

    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{}])
    messages: list[str] = field(default_factory=lambda: ["initial commit"])

    @property
    def head(self) -> str:
        return hashlib.sha1(f"{len(self.commits)}".encode()).hexdigest()

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1]


class Hub(LocalServer):
    """`fault` maps the end of a path to the answer it gets: a status, or 0 for none, and what is said."""

    def __init__(self, token: str, owner: str = "my-lab") -> None:
        super().__init__(_Handler)
        self.token, self.owner = token, owner
        self.repositories: dict[str, Repository] = {}  # `org/name` or `datasets/org/name`
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, Mapping[str, str], bytes]] = []
        self.fault: dict[str, tuple[int, str]] = {}

    def leaks(self) -> list[str]:
        """Requests that have the token anywhere but in the header made for it."""
        found = []
        for method, path, headers, body in self.requests:
            others = [value for key, value in headers.items() if key.lower() != "authorization"]
            if self.token in " ".join([path, *others]) or self.token.encode() in body:
                found.append(f"{method} {path}")
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path, body = self.path.split("?")[0], self._body()
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        fault = next((fault for end, fault in self.server.fault.items() if path.endswith(end)), None)
        if fault and not fault[0]:  # the line is cut
            self.close_connection = True
            return None
        if fault:
            return self._say(fault[0], {"error": fault[1]})
        if path.startswith("/large/"):  # an address that is a permission itself
            return self._keep(path.removeprefix("/large/"), body)
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self._say(401, {"error": "Invalid credentials in Authorization header"})
        said = json.loads(body) if body and "ndjson" not in self.headers["Content-Type"] else {}
        if path == "/api/repos/create":
            return self._create(said)
        if path == "/api/validate-yaml":
            return self._validate(said)
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(said)
        kind, _, rest = path.removeprefix("/api/").partition("/")
        owner, name, *verb = rest.split("/")
        full = f"{'datasets/' if kind == 'datasets' else ''}{owner}/{name}"
        repository = self.server.repositories.get(full)
        if repository is None:
            return self._say(404, {"error": "Repository not found"})
        if self.command == "GET":  # about it, now or at its head
            about = {"id": f"{owner}/{name}", "sha": repository.head, "private": False, "tags": [], "downloads": 0}
            return self._say(200, about | {"siblings": []})
        if verb[0] == "preupload":
            return self._preupload(repository, said)
        self._commit(repository, body, f"{self.server.endpoint}/{full}")

    def _create(self, said: dict[str, Any]) -> None:
        if said["organization"] != self.server.owner:
            return self._say(403, {"error": "You don't have the rights to create a repository there"})
        name = f"{'datasets/' if said.get('type') == 'dataset' else ''}{said['organization']}/{said['name']}"
        status = 409 if name in self.server.repositories else 200
        self.server.repositories.setdefault(name, Repository())
        self._say(status, {"url": f"{self.server.endpoint}/{name}"})

    def _validate(self, said: dict[str, Any]) -> None:
        """The Hub's own rules are not known here; that the metadata are an object with a licence is."""
        about = yaml.safe_load(said["content"].split("---\n")[1])
        good = isinstance(about, dict) and isinstance(about.get("license", ""), str)
        self._say(200 if good else 400, {"errors": [] if good else [{"message": "no metadata"}], "warnings": []})

    def _preupload(self, repository: Repository, said: dict[str, Any]) -> None:
        files = []
        for each in said["files"]:
            large, there = each["path"].endswith(LARGE), repository.files.get(each["path"])
            oid = None if there is None else _sha256(there) if large else _git(there)
            mode = "lfs" if large else "regular"
            files.append({"path": each["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._say(200, {"files": files})

    def _batch(self, said: dict[str, Any]) -> None:
        objects = []
        for each in said["objects"]:
            upload = {"upload": {"href": f"{self.server.endpoint}/large/{each['oid']}", "header": {}}}
            objects.append({**each, **({} if each["oid"] in self.server.large else {"actions": upload})})
        self._say(200, {"transfer": "basic", "objects": objects})

    def _keep(self, oid: str, body: bytes) -> None:
        if _sha256(body) != oid:
            return self._say(400, {"error": "not what was announced"})
        self.server.large[oid] = body
        self._say(200, {})

    def _commit(self, repository: Repository, body: bytes, url: str) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        header, files = lines[0]["value"], dict(repository.files)
        if header.get("parentCommit") not in (None, repository.head):
            return self._say(412, {"error": "The branch has moved"})
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        repository.commits.append(files)
        repository.messages.append(header["summary"])
        done = {"commitUrl": f"{url}/commit/{repository.head}", "commitOid": repository.head, "success": True}
        self._say(200, done)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _say(self, status: int, said: Mapping[str, Any]) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
