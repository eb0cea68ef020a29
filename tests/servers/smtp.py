"""An SMTP server on loopback that keeps what it is sent."""

from __future__ import annotations

import asyncio
import email
import email.policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.servers.ports import free_port


class SmtpServer:
    """Listens while its context lasts; ``mails`` are those that arrived, parsed, ``envelopes`` their recipients."""

    def __init__(self, port: int | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[list[str]] = []
        #: What it answers instead of taking the mail, such as "451 later".
        self.refusal: str | None = None
        #: Seconds that it takes to answer.
        self.delay = 0.0
        self.port = port or free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=10)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        await asyncio.sleep(self.delay)
        if self.refusal:
            return self.refusal
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        self.envelopes.append(list(envelope.rcpt_tos))
        return "250 OK"

    def __enter__(self) -> SmtpServer:
        self._controller.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self._controller.stop()
