"""The journal of every event: `writing` it (these names), and its story as a page."""

from .writing import Entry, by, tell, write

__all__ = ["Entry", "by", "tell", "write"]
