"""What is done to accounts and devices, as the journal names it."""

from django.db.models import TextChoices


class Way(TextChoices):
    """How somebody was shown an exact place, a track, a note or a contact."""

    API = "API", "over the API"
    FEED = "FEED", "by the feed of a console"
    MAP = "MAP", "on the map"
    ADMIN = "ADMIN", "in the admin"


class Deed(TextChoices):
    ACCOUNT_MADE = "ACCOUNT_MADE", "account made by somebody else"
    ACCOUNT_CHANGED = "ACCOUNT_CHANGED", "account changed"
    ACCOUNT_CONTAINED = "ACCOUNT_CONTAINED", "account contained"
    CONTAINMENT_LIFTED = "CONTAINMENT_LIFTED", "containment lifted"
    ACCOUNT_ERASED = "ACCOUNT_ERASED", "account erased"
    PHONE_PROVEN = "PHONE_PROVEN", "phone proven"
    PASSWORD_CHANGED = "PASSWORD_CHANGED", "password changed"
    SECOND_FACTOR_SET = "SECOND_FACTOR_SET", "second factor set up"
    SECOND_FACTOR_RESET = "SECOND_FACTOR_RESET", "second factor taken away"
    SIGNED_OUT_EVERYWHERE = "SIGNED_OUT_EVERYWHERE", "signed out everywhere"
    DEVICE_ADDED = "DEVICE_ADDED", "device registered"
    DEVICE_MOVED = "DEVICE_MOVED", "device moved to another account"
    DEVICE_REMOVED = "DEVICE_REMOVED", "device removed"
    DEVICE_PROVEN = "DEVICE_PROVEN", "watch and wearer are known to a dispatcher"
    PROOF_TAKEN_BACK = "PROOF_TAKEN_BACK", "watch and wearer are not known any more"
    ADMIN_CHANGED = "ADMIN_CHANGED", "row changed in the admin"
