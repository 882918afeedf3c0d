"""What other apps may want to know about accounts. Each is sent with `user`, but for `deed_done`, inside the
transaction it tells of.
"""

from django.dispatch import Signal

# A person's role or status has changed.
standing_changed = Signal()
# Somebody has asked for a code to set a new password.
password_reset_requested = Signal()
# Somebody wants a code by which their phone is proven.
phone_code_requested = Signal()
# Somebody has tried to register with the phone number of a person who has an account.
number_taken = Signal()
# Receivers answer what is attached to a person's account: by kind, a list of what a person is shown of each.
attached = Signal()
# A person keeps of what is attached to their account only `kept`: by kind, ids as `attached` has them. Receivers answer
# the uuids of devices that have gone.
rest_unwanted = Signal()
# A person has signed out of `session`; `push_token`: the app's, if it has named it.
signed_out = Signal()
# A person's password has changed: every session has ended but `kept` (blank: none is).
sessions_ended = Signal()
# A dispatcher has set up a second factor.
second_factor_set = Signal()
# Receivers answer what there is about a person: by file name, rows to be written as JSON.
exporting = Signal()
# A person has proven that they have the phone.
phone_confirmed = Signal()
# A person's emergency contacts have changed.
contacts_changed = Signal()
# Somebody has done something (`actor`, `kind`: a Deed, `facts`) that the journal keeps; nothing is locked after it.
deed_done = Signal()
# A person is about to be erased; a receiver may raise attachments.StillNeeded.
erasing = Signal()
# A person has been erased: other apps erase what they hold.
erased = Signal()
