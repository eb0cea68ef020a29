"""The system calls that no parser of files needs, refused with EPERM (classic BPF, made by hand).

A list of what is refused, not of what is allowed: the C libraries below Python use new calls with every release, and
Landlock and the rest already guard what matters most. This closes what they leave open: datagrams (Landlock knows TCP
only), signals where Landlock does not know them, programs, and the parts of the kernel that are rich in bugs.
Numbers are from the kernel's own tables (asm/unistd_64.h, asm-generic/unistd.h).
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from functools import cache

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_EPERM = 0x00050000 | 1
_ENOSYS = 0x00050000 | 38
_CLONE_THREAD = 0x00010000
#: What stands for the number of the process until that is known: no process has it, and no call or answer.
_OWN_NUMBER = 0xFFFFFFFF
_STEP_BYTES = 8

# BPF: load a word of seccomp_data, compare and jump, test bits and jump, answer.
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16

#: From 424 on numbers are the same everywhere.
_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
}

# name: (x86_64, aarch64); None where the architecture has no such call.
_REFUSED: dict[str, tuple[int | None, int]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "mknod": (133, 33),
    "mknodat": (259, 33),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "personality": (135, 92),
    "memfd_create": (319, 279),
}
_PROGRAMS: dict[str, tuple[int | None, int]] = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, -1),
    "vfork": (58, -1),
}
# Landlock leaves these alone: modes, owners and times of any file that is this user's.
_METADATA: dict[str, tuple[int | None, int]] = {
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_KILL_CALL, _TGKILL, _CLONE, _CLONE3 = (62, 129), (234, 131), (56, 220), 435


def install(*, programs: bool, metadata: bool) -> None:
    """Refuse those calls to this process for good.

    ``programs``: it may still fork and start programs. ``metadata``: it may still set modes and times of files.
    Needs no_new_privs. Raises OSError where the kernel has no seccomp or the architecture is not in the table.
    """
    code = struct.pack("=I", os.getpid()).join(program(programs=programs, metadata=metadata))
    instructions = ctypes.create_string_buffer(code, len(code))
    filter_ = struct.pack("HxxxxxxP", len(code) // _STEP_BYTES, ctypes.addressof(instructions))
    if _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filter_, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter")


@cache
def program(*, programs: bool, metadata: bool) -> tuple[bytes, ...]:
    """Return the filter for ``install``, in pieces: between them belongs the number of the process.

    Made once: a process that calls this spares all its children the work. Raises OSError as ``install`` does.
    """
    if platform.machine() not in _ARCHITECTURES:
        raise OSError(38, f"no table of system calls for {platform.machine()}")
    column, architecture = _ARCHITECTURES[platform.machine()]
    refused = [*_EVERYWHERE.values(), *(numbers[column] for numbers in _REFUSED.values())]
    if not programs:
        refused += [numbers[column] for numbers in _PROGRAMS.values()]
    if not metadata:
        refused += [numbers[column] for numbers in _METADATA.values()]
    code = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_JUMP_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
    ]
    # The x32 calls of x86_64 are the same ones under other numbers.
    code += [_step(_JUMP_GREATER_EQUAL, 0x40000000, 0, 1), _step(_RETURN, _EPERM)]
    for number in sorted({number for number in refused if number is not None and number >= 0}):
        code += [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _EPERM)]
    if not programs:
        # A process may start threads and signal itself (abort does), nobody else.
        for numbers in (_KILL_CALL, _TGKILL):
            code += _first_argument(numbers[column], _step(_JUMP_EQUAL, _OWN_NUMBER, 0, 1))
        code += _first_argument(_CLONE[column], _step(_JUMP_SET, _CLONE_THREAD, 0, 1))
        # Its flags lie in memory, out of a filter's sight; the C library falls back to clone.
        code += [_step(_JUMP_EQUAL, _CLONE3, 0, 1), _step(_RETURN, _ENOSYS)]
    return tuple(b"".join([*code, _step(_RETURN, _ALLOW)]).split(struct.pack("=I", _OWN_NUMBER)))


def _first_argument(number: int, condition: bytes) -> list[bytes]:
    """Allow the call where the condition on its first argument holds, refuse it otherwise."""
    return [
        _step(_JUMP_EQUAL, number, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        condition,
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _EPERM),
    ]


def _step(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)
