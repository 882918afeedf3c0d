"""What a fix may hold beside its place, said once for the intake and for Django: the least and the most of each."""

SPEED = (0, 1000)  # m/s
DIRECTION = (0, 360)  # degrees from north
BATTERY = (0, 100)  # per cent
FIXES_MOST = 1000  # in one report
# What the track of one device takes at once; room for one more comes back each second, so that no disk can be filled.
TRACK_ROOM = 1000
