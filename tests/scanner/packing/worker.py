"""A process for the tests of the jail: does what its request says, as hostile content might."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scanner.errors import LimitExceeded
from scanner.limits import Limits
from scanner.packing.jail import Say, serve


def work(request: dict[str, Any], _limits: Limits, say: Say) -> dict[str, Any]:
    match request["act"]:
        case "answer":
            say(7)
            return {"cwd": os.getcwd(), "environment": sorted(os.environ)}
        case "refuse":
            raise LimitExceeded("Too much.", advice="Take less.")
        case "hang":
            time.sleep(60)
        case "eat":
            return {"size": len(bytearray(int(request["bytes"])))}
        case "fail":
            return {"never": 1 // int(request.get("zero", 0))}
        case "crash":
            os.abort()
        case "write":
            Path(request["path"]).write_text("x")
        case "read":
            return {"text": Path(request["path"]).read_text()}
        case "connect":
            socket.create_connection(("127.0.0.1", request["port"]), timeout=5)
        case "run":
            subprocess.run(["/bin/true"], check=True)
        case "babble":
            sys.stdout.write("x" * 40_000_000)
        case "nonsense":
            sys.stdout.write("no json\n")
            sys.stdout.flush()
    return {}


if __name__ == "__main__":
    serve(work)
