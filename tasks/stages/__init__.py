"""What a worker does with a job: fetch a scan, scan a batch, put a report together.

Each stage is one plain function of a claimed row. It may be killed at any moment and run again from the start, by
another worker, while the first one still believes that it works. So it writes results under names of its own and makes
them true in one transaction, fenced on the owner.
"""

from __future__ import annotations

from tasks.stages.assembling import assemble
from tasks.stages.common import add_mail, clean_up, remove_files
from tasks.stages.fetching import fetch
from tasks.stages.scanning import scan_batch

__all__ = ["add_mail", "assemble", "clean_up", "fetch", "remove_files", "scan_batch"]
