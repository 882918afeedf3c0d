"""What a fix may hold beside its place, said once for the intake and for Django: the least and the most of each."""

from datetime import timedelta

SPEED = (0, 1000)  # m/s
DIRECTION = (0, 360)  # degrees from north
BATTERY = (0, 100)  # per cent
FIXES_MOST = 1000  # in one report
# What the track of one device takes at once; room for one more comes back each second, so that no disk can be filled.
TRACK_ROOM = 1000

FASTEST_KMH = 300
"""Nobody is faster: a phone that is has been moved by hand."""
JUMP_FREE_S = 30
"""So much of a jump is not looked at, as seconds at that speed (2.5 km): a fix may be far off, or late."""
JUMPED_FOR = timedelta(hours=1)
"""So long a helper whose phone has jumped is called last."""
