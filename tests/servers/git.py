"""Real git repositories, served by git's own http-backend."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.servers.http import HttpRequest, HttpServer, head

_ENVIRONMENT = {
    "PATH": os.defpath,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "C",
    "GIT_COMMITTER_EMAIL": "c@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


class Repository:
    """A repository with a work tree, to make commits in."""

    def __init__(self, folder: Path, *, format: str = "sha1") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", f"--object-format={format}")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        line = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(line, cwd=self.folder, env=_ENVIRONMENT, input=stdin, capture_output=True, check=True)
        return done.stdout.decode("utf-8", errors="surrogateescape").strip()

    def commit(self, files: dict[str, bytes | str | None] | None = None, *, branch: str | None = None) -> str:
        """Write files (None removes one), commit all, and return the commit."""
        if branch:
            self.git("checkout", "--quiet", "-B", branch)
        for name, content in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A commit")
        return self.git("rev-parse", "HEAD")

    def tree(self, lines: Iterable[bytes]) -> str:
        """Write a tree object as ``git mktree`` takes it, whatever its names, and return its name."""
        return self.git("mktree", "-z", "--missing", stdin=b"".join(line + b"\0" for line in lines))

    def raw(self, kind: str, content: bytes) -> str:
        """Write an object of exactly this content, right or wrong, and return its name."""
        return self.git("hash-object", "-t", kind, "-w", "--stdin", "--literally", stdin=content)

    def commit_tree(self, tree: str, ref: str = "refs/heads/main") -> str:
        commit = self.git("commit-tree", tree, "-m", "A commit")
        self.git("update-ref", ref, commit)
        return commit


class GitServer(HttpServer):
    """Serves the repositories in a folder: ``url("/name")`` for ``folder/name``."""

    def __init__(self, folder: Path, *, version: int = 2, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.version = version
        self.root = folder
        self.fallback = self._backend

    def _backend(self, request: HttpRequest) -> Iterator[bytes]:
        path, _, query = request.path.partition("?")
        environment = {
            **_ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "GIT_PROTOCOL": f"version={self.version}" if "git-protocol" in request.headers else "",
        }
        done = subprocess.run(["git", "http-backend"], env=environment, input=request.body, capture_output=True)
        headers, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in headers.decode().split("\r\n"))
        code = int(fields.pop("Status", "200").split()[0])
        yield head(code, {**fields, "Content-Length": str(len(body))})
        yield body
