"""Something that an entry of each kind might hold."""

from apps.sos.journal.entries import DATA, Data
from apps.sos.kinds import JournalKind

ONE, TWO, NOBODY = 1, 2, 999_999_999
"""The ids of two people, and of nobody."""


def example(kind: JournalKind, one: int = ONE, two: int = TWO) -> Data:
    values = {
        "wave": 1, "radius_m": 1500, "helpers": {str(one): 430}, "passed_over": {str(two): "OFF_DUTY"}, "helper": one,
        "told": [two], "stood_down": [one, two], "rung": [two, NOBODY], "contacts": [7, 8], "contact": 7, "to": "103",
        "states": {"c0ffee00-0000-4000-8000-000000000000": "SENT"}, "moved_m": 600, "reason": "UNSAFE", "note": 5,
        "outcome": "HELPED", "dropped": 3, "detected_type": None, "changed": {"repeat_s": [120, 90]},
        "replaces": None, "confirmed_by": "phone", "person": one, "before": two, "device": "of a watch", "remark": 4,
        "model": "user", "row": 3,
    }  # fmt: skip
    shape = DATA.get(kind, Data)
    return shape(**{name: values[name] for name in shape.__dataclass_fields__})
