"""Text messages in the log, in place of a gateway."""

import structlog

from .base import Message

log = structlog.get_logger(__name__)


class Console:
    """A development aid: it shows phone numbers and texts to whoever reads the log, so it is not for production."""

    async def prepare(self) -> None:
        """Nothing to get ready."""

    async def send(self, message: Message) -> str:
        """Writes the message to the log."""
        log.info("text message", to=message.address, text=message.text)
        return "console"
