"""What a child process may do: read its input, write into its own folder, and nothing else.

The child calls ``enter`` after it was forked, or first thing after it was started, before it touches what a stranger
sent. Nothing here needs a helper program, so that a child can be forked from a process that holds a gigabyte of index:

- Landlock: which files may be read and written, no TCP, no signals to and no abstract sockets of anybody else
- an empty network namespace, where this user may make one
- seccomp: system calls that no parser needs fail with EPERM (see ``scanner.seccomp``)
- no capabilities, no new privileges, resource limits, a session of its own, and death with its parent

What the kernel does not offer is left out; ``capabilities`` says what it offers, for the log and for ``/readyz``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import stat
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from scanner import seccomp

_libc = ctypes.CDLL(None, use_errno=True)
#: What this process has given up already, or the one that it was forked from.
_left_network = _bounded = False

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522

# Landlock's system calls have the same numbers on all architectures (linux/landlock.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_CONNECT_AND_BIND_TCP = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

#: Scanners take what others leave of the processors: a tenth of one that a page wants, too.
SCANS_NICENESS = 10

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
#: What an interpreter, its libraries and libmagic read while they work, besides the interpreter's own folders.
_SYSTEM = (
    *_LIBRARIES,
    "/usr/share",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/magic",
    "/dev/null",
    "/dev/urandom",
    "/proc/self",
)


@dataclass(frozen=True)
class Capabilities:
    """What this kernel lets this user do to its own children."""

    landlock: int  #: the ABI's number; 0 without Landlock, 4 and more also refuses TCP, 6 and more signals
    network_namespace: bool
    seccomp: bool

    def as_dict(self) -> dict[str, int | bool]:
        return asdict(self)

    def missing(self) -> list[str]:
        """Return a sentence for each protection that is not to be had here."""
        sentences = []
        if not self.landlock:
            sentences.append("Landlock is missing (Linux 5.13 has it): scanners can read what this user can read.")
        if not self.network_namespace and self.landlock < 4 and not self.seccomp:
            sentences.append("Neither network namespaces nor seccomp: scanners can reach the network.")
        if not self.seccomp:
            sentences.append("seccomp is missing: scanners can make every system call.")
        return sentences


@cache
def capabilities() -> Capabilities:
    """Find out what the kernel offers, by trying it in a child that ends at once."""
    abi = max(0, _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1))
    return Capabilities(abi, _works_in_child(_leave_network), _works_in_child(_try_seccomp))


def lower_priority(niceness: int) -> None:
    """Make this process at least so nice, 0 to 19."""
    os.setpriority(os.PRIO_PROCESS, 0, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))


def enter(
    *,
    readable: Iterable[Path | str] = (),
    writable: Iterable[Path | str] = (),
    symlinks: bool = False,
    metadata: bool = True,
    memory: int | None = None,
    file_bytes: int | None = None,
    cpu_seconds: int | None = None,
    open_files: int = 256,
    programs: Iterable[Path | str] = (),
    parent: int | None = None,
) -> None:
    """Give up all rights that the rest of this process's life does not need. There is no way back.

    ``readable`` and ``writable`` are files and folders with all below them; the interpreter's own files are always
    readable. ``writable`` is readable too; links can be made there only with ``symlinks``. Without ``metadata``, modes,
    owners and times of files cannot be changed, which Landlock would allow anywhere. ``memory`` is in bytes, on top of
    what the process has now; ``file_bytes`` is the most that any one file may grow to. ``programs`` are files and
    folders of programs that may be started; without any, neither ``fork`` nor ``exec`` works any more. ``parent`` is
    the process with which this one dies, by default the one that is its parent now: where the parent may end before
    this call, it passes its own id on. Open files stay open: see ``close_all_but``.

    Raises OSError if something that ``capabilities`` promises is refused.
    """
    readable, writable, programs = list(readable), list(writable), list(programs)
    have = capabilities()
    if os.getsid(0) != os.getpid() and os.getpgrp() != os.getpid():
        os.setsid()
    _limit(memory, file_bytes, cpu_seconds, open_files)
    leave_network()
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if have.landlock:
        _restrict_files(have.landlock, [*_interpreter(), *readable], writable, programs, symlinks)
    _drop_capabilities()
    # A change of credentials clears the parent-death signal, so this comes after all of them.
    die_with_parent(parent)
    if have.seccomp:
        seccomp.install(programs=bool(programs), metadata=metadata)


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent (by default: the present one) ends."""
    if parent is None:
        parent = os.getppid()
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def close_all_but(keep: Iterable[int]) -> None:
    """Close every open file of this process but those."""
    low = 0
    for fd in sorted(set(keep)):
        if fd > low:  # Python 3.11 takes the empty range (0, 0) for all there is.
            os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


@cache
def _interpreter() -> tuple[str, ...]:
    own = Path(__file__).parent
    return (*_SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, str(own))


def _limit(memory: int | None, file_bytes: int | None, cpu_seconds: int | None, open_files: int) -> None:
    if memory is not None:
        # Not as text: a fresh fork copies each page that more than this would touch.
        with open("/proc/self/statm", "rb", buffering=0) as statm:  # noqa: PTH123
            pages = [int(number) for number in statm.read().split()]
        page = resource.getpagesize()
        _lower(resource.RLIMIT_DATA, pages[5] * page + memory)
        # Files that are mapped for reading count here and cost little, so this bound is only against the absurd.
        _lower(resource.RLIMIT_AS, pages[0] * page + 4 * memory)
    if file_bytes is not None:
        # Beyond it a write fails with EFBIG, once the signal that would come first is ignored.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _lower(resource.RLIMIT_FSIZE, file_bytes)
    if cpu_seconds is not None:
        _lower(resource.RLIMIT_CPU, cpu_seconds)
    _lower(resource.RLIMIT_NOFILE, open_files)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_MSGQUEUE, 0)
    _lower(resource.RLIMIT_MEMLOCK, 0)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _restrict_files(
    abi: int,
    readable: Iterable[Path | str],
    writable: Iterable[Path | str],
    programs: Iterable[Path | str],
    symlinks: bool,
) -> None:
    handled = (1 << 13) - 1
    handled |= _REFER if abi >= 2 else 0
    handled |= _TRUNCATE if abi >= 3 else 0
    handled |= _IOCTL_DEV if abi >= 5 else 0
    attributes = struct.pack("=Q", handled)
    if abi >= 4:
        attributes += struct.pack("=Q", _CONNECT_AND_BIND_TCP)
    if abi >= 6:
        attributes += struct.pack("=Q", _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = _check(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        for path in readable:
            _allow(ruleset, path, _READ & handled)
        for path in writable:
            _allow(ruleset, path, (_WRITE | (_MAKE_SYM if symlinks else 0)) & handled)
        # A program that is linked dynamically is started by the loader, which lies among the libraries.
        for path in [*programs, *(_LIBRARIES if programs else ())]:
            _allow(ruleset, path, (_READ | _EXECUTE) & handled)
        _allow(ruleset, "/dev/null", (_READ_FILE | _WRITE_FILE) & handled)
        _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path | str, rights: int) -> None:
    """Add one path to the ruleset; one that is not there, or not for this user, needs no rule."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, beneath)
        _check(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(beneath)


def prepare() -> None:
    """Do now what each child that this process forks would else do when it enters.

    That is to leave the network, to rule capabilities out for programs, and to put the lists together.
    """
    leave_network()
    _bound_capabilities()
    _interpreter()
    if capabilities().seccomp:
        seccomp.program(programs=False, metadata=False)


def leave_network() -> None:
    """Give up the network for this process and all that it forks, where that can be had; once is enough."""
    global _left_network
    if capabilities().network_namespace and not _left_network:
        _leave_network()
        _left_network = True


def _leave_network() -> None:
    """Move to a network namespace of our own, which has no way out (and its loopback is down)."""
    if _libc.unshare(_CLONE_NEWNET) == 0:
        return
    # Whoever may not do that may do it inside a user namespace of his own; root must not, for he would lose the
    # right to read other users' files there.
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    # Names for the ids, for those who ask; a process that changed its user before may not write them, and needs not.
    with suppress(PermissionError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _drop_capabilities() -> None:
    """Drop all capabilities; root keeps the right to read what belongs to others, within Landlock's bounds."""
    kept = 1 << _CAP_DAC_READ_SEARCH if os.geteuid() == 0 else 0
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    now = ctypes.create_string_buffer(24)
    _check(_libc.capget(header, now))
    permitted = struct.unpack("=6I", now.raw)[1]
    _bound_capabilities()
    kept &= permitted
    _check(_libc.capset(header, struct.pack("=6I", kept, kept, 0, 0, 0, 0)))


def _bound_capabilities() -> None:
    """Rule out that a program which is started from here gains a capability; once is enough."""
    global _bounded
    if _bounded:
        return
    for capability in range(64):
        # The bounding set can be lowered only with CAP_SETPCAP; without it there is nothing to gain from exec either.
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    _bounded = True


def _try_seccomp() -> None:
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    seccomp.install(programs=False, metadata=False)


def _works_in_child(attempt: Callable[[], None]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            attempt()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _check(answer: int) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} ({errno.errorcode.get(code, code)}) while entering the sandbox")
    return answer
