"""Where files that visitors send lie until their form was read."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

import flask

from tasks import workspaces

#: Smaller ones stay in memory, bytes.
IN_MEMORY = 500_000


class Request(flask.Request):
    """Keeps what is sent on the disk whose room was asked for, not in /tmp, which is often a part of the memory."""

    def _get_file_stream(self, *_args: Any, **_kwargs: Any) -> IO[bytes]:
        return cast(IO[bytes], SpooledTemporaryFile(IN_MEMORY, dir=str(workspaces.scratch_folder())))
