"""What other apps may want to know about messages."""

from django.dispatch import Signal

# A phone has said where its owner is: sent with `user`, `lat` and `lon` (degrees WGS 84), inside the transaction.
place_reported = Signal()
