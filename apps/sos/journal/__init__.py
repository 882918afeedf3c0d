"""The journal of every event: `writing` it (these names), and its story as a page."""

from .writing import SEQUENCE, Entry, by, tell, write

__all__ = ["SEQUENCE", "Entry", "by", "tell", "write"]
