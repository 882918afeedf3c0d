"""What other apps may want to know about devices."""

from django.dispatch import Signal

# Devices went silent, or low on battery: sent with `kind` and `device_ids` as the last step of the transaction.
trouble_began = Signal()
