"""Which messages there are, and why dispatchers are alarmed."""

from django.db.models import TextChoices


class MessageKind(TextChoices):
    """What a message is about: `kind` in a push, whose words are the app's, and in the log."""

    SOS_ALERT = "SOS_ALERT", "a helper is called"
    ASSIGNED = "ASSIGNED", "a dispatcher sends a helper"
    STAND_DOWN = "STAND_DOWN", "a helper is needed no more"
    STILL_COMING = "STILL_COMING", "a helper who comes no nearer is asked"
    RELEASED = "RELEASED", "a helper who came no nearer is released"
    WEARER_MOVED = "WEARER_MOVED", "the place has changed, to those who come"
    PLACE_UNSAFE = "PLACE_UNSAFE", "the place is unsafe, to those who come"
    HELP_COMING = "HELP_COMING", "somebody comes, to the wearer"
    ALL_CLEAR = "ALL_CLEAR", "it is over, to the wearer and the contacts who were alarmed"
    TEST_ARRIVED = "TEST_ARRIVED", "a test signal has arrived"
    CONTACT_ALARM = "CONTACT_ALARM", "the wearer needs help, to a contact"
    DISPATCHER_ALARM = "DISPATCHER_ALARM", "an event asks for a dispatcher"
    OPERATORS_ALARM = "OPERATORS_ALARM", "the service needs somebody"
    CONTACT_ASKED = "CONTACT_ASKED", "whether they want to be somebody's emergency contact"
    CONTACTS_CHANGED = "CONTACTS_CHANGED", "one's emergency contacts were changed"
    PASSWORD_RESET = "PASSWORD_RESET", "the code for a new password"
    PHONE_CODE = "PHONE_CODE", "the code that proves one's phone"
    SECOND_FACTOR_SET = "SECOND_FACTOR_SET", "one's second factor was set up"
    NUMBER_TAKEN = "NUMBER_TAKEN", "somebody has tried to register with one's number"
    DEVICE_OFFLINE = "DEVICE_OFFLINE", "a device is silent"
    BATTERY_LOW = "BATTERY_LOW", "a device's battery is low"


class AlarmReason(TextChoices):
    """Why a dispatcher is alarmed; those of a halt have its name."""

    NO_CONSOLE = "NO_CONSOLE", "no console is connected"
    NOT_ACKNOWLEDGED = "NOT_ACKNOWLEDGED", "nobody has acknowledged it"
    PLACE_UNKNOWN = "PLACE_UNKNOWN", "the place is unknown"
    NOBODY_NEAR = "NOBODY_NEAR", "no helper is near"
    UNSAFE = "UNSAFE", "a helper found it unsafe"
    REPORTED_UNSAFE = "REPORTED_UNSAFE", "a helper far away reports it unsafe"
    ALL_DONE = "ALL_DONE", "the helpers are done"
    WEARER_FINE = "WEARER_FINE", "the wearer says they are fine"
    MANY_EVENTS = "MANY_EVENTS", "one of many of the same account"
    DOUBTED_ACCOUNT = "DOUBTED_ACCOUNT", "of a contained or banned account"
    STALE_CREDENTIAL = "STALE_CREDENTIAL", "sent with a sign-in that has ended"
