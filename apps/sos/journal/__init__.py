"""The journal of every event: `writing` it (these names), and its story as a page."""

from .entries import Data
from .writing import NOTHING, Entry, by, tell, write

__all__ = ["NOTHING", "Data", "Entry", "by", "tell", "write"]
