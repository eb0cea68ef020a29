"""Make a tar of the files of one commit, out of a pack as a git server sends it.

Run as a process by ``scanner.sources.git``. Git itself only reads the pack and hands out trees and blobs; nothing is
checked out, so no hook, filter, attribute, submodule or link of the repository ever takes effect.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from scanner.errors import ArchiveBroken, ArchiveRefused, LimitExceeded, SourceRefused
from scanner.limits import Limits, stated
from scanner.packing.jail import Say, serve
from scanner.packing.tars import TarWriter, check

_FILE, _EXECUTABLE, _LINK, _SUBMODULE = b"100644", b"100755", b"120000", b"160000"
#: What git finds fault with in many an old repository although nothing here depends on it: how dates, names and modes
#: are written, and submodules, which are left out (git-fsck(1), "fsck messages"; all known since git 2.20).
_HARMLESS = ",".join(
    f"{message}=ignore"
    for message in [
        "badDate",
        "badDateOverflow",
        "badEmail",
        "badName",
        "badTimezone",
        "gitmodulesName",
        "gitmodulesPath",
        "gitmodulesUrl",
        "missingEmail",
        "missingNameBeforeEmail",
        "missingSpaceBeforeDate",
        "missingSpaceBeforeEmail",
        "zeroPaddedDate",
        "zeroPaddedFilemode",
    ]
)
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class _Entry:
    mode: bytes
    oid: bytes
    size: int
    path: bytes


def main() -> None:
    serve(_work)


def _work(request: dict[str, Any], limits: Limits, say: Say) -> dict[str, Any]:
    """Turn the pack ``request["pack"]`` into the tar ``request["tar"]``; both lie in the folder."""
    folder = Path(request["folder"])
    git = _Git(request["programs"][0], folder / "repository")
    git.run("init", "--quiet", "--bare", "--template=", f"--object-format={request['format']}", ".")
    (git.folder / "shallow").write_text("".join(f"{oid}\n" for oid in request["shallow"]))
    with (folder / request["pack"]).open("rb") as pack:
        # Strict: what git's own transfer.fsckObjects checks, such as a folder named .git or "..".
        git.run(
            "index-pack",
            f"--strict={_HARMLESS}",
            "--stdin",
            stdin=pack,
            sentence="The repository that the server sent is damaged",
        )
    commit = request["commit"]
    stamp = git.output("log", "-1", "--format=%ct", commit, "--").strip()
    entries, left_out = _list(git, commit, request["path"], limits)
    large = 0
    with TarWriter(folder / request["tar"], limits, say) as tar, git.blobs() as (ask, answers):
        for entry in entries:
            name = request["top"].encode() + b"/" + entry.path
            ask.write(entry.oid + b"\n")
            ask.flush()
            if answers.readline().split() != [entry.oid, b"blob", str(entry.size).encode()]:
                raise ArchiveBroken("The repository that the server sent is damaged: a file is missing.")
            if entry.size < 1_024:
                large += answers.peek(len(_LFS))[: len(_LFS)] == _LFS
            executable = entry.mode == _EXECUTABLE
            tar.add(name, entry.size, answers, mtime=int(stamp or 0), executable=executable)
            answers.read(1)
    return {**left_out, "large": large, "files": len(entries)}


def _list(git: _Git, commit: str, path: str, limits: Limits) -> tuple[list[_Entry], dict[str, int]]:
    """Return the regular files of a commit below a path, and how many links and submodules there are."""
    entries: list[_Entry] = []
    links = submodules = size = 0
    arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, *(["--", path] if path else [])]
    with git.reading(*arguments) as output:
        for line in _terminated(output, limits.path_bytes + 200):
            about, _, name = line.partition(b"\t")
            mode, _, oid, stated = about.split()
            links += mode == _LINK
            submodules += mode == _SUBMODULE
            if links + submodules > limits.unpacked_files:
                check(limits, links + submodules, 0)
            if mode in (_LINK, _SUBMODULE):
                continue
            _refuse_path(name, limits)
            entries.append(_Entry(mode, oid, int(stated), name))
            size += int(stated)
            check(limits, len(entries), size)
    if not entries:
        raise SourceRefused(_nothing(path), advice="Check the spelling of the folder, the file and the branch.")
    return sorted(entries, key=lambda entry: entry.path), {"links": links, "submodules": submodules}


def _nothing(path: str) -> str:
    return f"The repository has no file or folder {path[:200]}." if path else "The repository holds no files."


def _refuse_path(name: bytes, limits: Limits) -> None:
    parts = name.split(b"/")
    if any(part in (b"", b".", b"..") or part.lower() == b".git" for part in parts) or b"\0" in name:
        raise ArchiveRefused("The repository holds a path that would leave its folder.")
    if len(name) > limits.path_bytes or len(parts) > limits.path_depth:
        raise LimitExceeded(
            f"The repository holds a path longer than {stated(limits, 'path_bytes')} or deeper than "
            f"{stated(limits, 'path_depth')}."
        )


def _terminated(output: BinaryIO, longest: int) -> Iterator[bytes]:
    """Yield what stands before each zero byte."""
    waiting = b""
    while data := output.read1(65_536):  # type: ignore[attr-defined]
        *lines, waiting = (waiting + data).split(b"\0")
        yield from lines
        if len(waiting) > 2 * longest:
            raise LimitExceeded("The repository holds a path that is longer than this site scans.")


class _Git:
    """Git in one repository, with nothing of this machine's settings."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self._program = program
        folder.mkdir()
        self._environment = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_DIR": ".",
        }

    def run(self, *arguments: str, stdin: IO[bytes] | None = None, sentence: str = "Git failed") -> None:
        done = subprocess.run(
            self._line(arguments),
            cwd=self.folder,
            env=self._environment,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise _failed(sentence, done)

    def output(self, *arguments: str) -> str:
        done = subprocess.run(
            self._line(arguments),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise _failed("The commit cannot be read", done)
        return done.stdout.decode()

    @contextmanager
    def reading(self, *arguments: str) -> Iterator[BinaryIO]:
        process = subprocess.Popen(
            self._line(arguments),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                yield cast(BinaryIO, process.stdout)
            finally:
                process.kill()

    @contextmanager
    def blobs(self) -> Iterator[tuple[BinaryIO, Any]]:
        """Open a conversation: object names in, objects out."""
        process = subprocess.Popen(
            self._line(("cat-file", "--batch")),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                yield cast(BinaryIO, process.stdin), process.stdout
            finally:
                process.kill()

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        # Above this size git streams objects instead of holding them in memory.
        return [self._program, "-c", "core.bigFileThreshold=16m", "-c", "pack.threads=1", *arguments]


def _failed(sentence: str, done: subprocess.CompletedProcess[bytes]) -> ArchiveBroken:
    said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
    reason = said[-1].removeprefix("fatal: ")[:200] if said else f"it ended with {done.returncode}"
    return ArchiveBroken(f"{sentence} ({reason}).", advice="Clone it on your own machine, to see whether that works.")


if __name__ == "__main__":
    main()
