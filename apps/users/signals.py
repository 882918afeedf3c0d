"""What other apps may want to know about accounts."""

from django.dispatch import Signal

# Sent inside the transaction that changed a person's role or status, with `user`.
standing_changed = Signal()
