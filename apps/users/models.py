"""Accounts: wearers, helpers and dispatchers."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils.crypto import salted_hmac
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.validators import validate_international_phonenumber

from mdd_backend import names

from .kinds import Deed, Way
from .signals import deed_done

DEVICES_MOST = 100_000  # of any one account


class Role(models.TextChoices):
    USER = "USER", "wearer"
    HELPER = "HELPER", "helper"
    ADMIN = "ADMIN", "dispatcher"


class Status(models.TextChoices):
    ACTIVE = "ACTIVE", "active"
    BANNED = "BANNED", "banned"
    ERASED = "ERASED", "erased"


# What anybody ever sees or gives; the erased exist for nobody.
STANDINGS = [(status.value, status.label) for status in (Status.ACTIVE, Status.BANNED)]


class Language(models.TextChoices):
    RU = "ru", "русский"
    UZ = "uz", "oʻzbekcha"
    EN = "en", "English"


class UserManager(BaseUserManager["User"]):
    def present(self) -> models.QuerySet["User"]:
        """Everybody but the erased, who are kept only because events point at them."""
        return self.exclude(status=Status.ERASED)

    def create_user(self, phone_number: Any, password: str | None = None, **fields: Any) -> "User":
        """Raises ValidationError when there is no such phone number, IntegrityError when it is taken."""
        if not phone_number:
            raise ValidationError("A person is known by their phone number.")
        user = self.model(phone_number=phone_number, **fields)
        validate_international_phonenumber(user.phone_number)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, phone_number: Any, password: str | None = None, **fields: Any) -> "User":
        """As create_user. It is done at the server: the journal keeps it, without a name."""
        with transaction.atomic():
            user = self.create_user(phone_number, password, role=Role.ADMIN, is_superuser=True, **fields)
            changed = {"role": [Role.USER, Role.ADMIN], "is_superuser": [False, True]}
            facts = {"person": user.pk, "changed": changed}
            deed_done.send(sender=User, kind=Deed.ACCOUNT_MADE, actor=None, facts=facts)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by phone number."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    phone_number = PhoneNumberField(unique=True, null=True)
    full_name = models.CharField(max_length=150, blank=True, validators=[names.refuse_unfit])
    email = models.EmailField(null=True, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.USER)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.RU)
    on_duty = models.BooleanField(default=False)
    wants_to_help = models.BooleanField(default=False)
    devices_most = models.IntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(DEVICES_MOST)],
        help_text="how many devices it may have; else as many as all accounts",
    )
    phone_confirmed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when a code sent to the phone was used last"
    )
    choice_waits = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="a reset took nothing away, since an SOS was open"
    )
    contained_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="since then its signals go to dispatchers first"
    )
    token_version = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="tokens and sessions of an earlier one are no longer valid"
    )
    second_factor_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when the second factor was set up"
    )
    second_factor_due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="until then a dispatcher signs in without one"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "phone_number"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                name="users_helpers_on_duty",
                condition=models.Q(role="HELPER", status="ACTIVE", on_duty=True),
            ),
            models.Index(fields=["id"], name="users_dispatchers", condition=models.Q(role="ADMIN")),
        ]
        constraints = [
            models.CheckConstraint(
                name="users_phone_unless_erased",
                condition=models.Q(phone_number__isnull=False) | models.Q(status="ERASED"),
            )
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Django's and simplejwt's word: tokens, sessions and passwords of the erased are good for nothing."""
        return self.status != Status.ERASED

    @property
    def is_banned(self) -> bool:
        return self.status == Status.BANNED

    @property
    def is_doubted(self) -> bool:
        """Contained or banned: an SOS is taken all the same, and goes to dispatchers before helpers."""
        return self.contained_at is not None or self.is_banned

    @property
    def is_staff(self) -> bool:
        return self.role == Role.ADMIN and self.status == Status.ACTIVE

    @property
    def is_phone_proven(self) -> bool:
        """A code that was sent to the phone has been used by whoever holds the account."""
        return self.phone_confirmed_at is not None

    # Why a dispatcher wants to see what belongs to no open event, in their words.
    look_reason = ""

    # Of a caller whose token was made without the second factor that is asked of them: then they are no dispatcher.
    is_held_back = False

    @property
    def is_dispatcher(self) -> bool:
        """Role ADMIN, and may act as one."""
        return self.role == Role.ADMIN and not self.is_held_back

    @property
    def is_chief(self) -> bool:
        """A superuser who may act as one."""
        return self.is_superuser and self.is_staff and self.is_dispatcher

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's, which a browser's session must match: it changes with the password, and with the version too."""
        version = self.token_version or ""  # of version 0 it is Django's own
        salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
        return salted_hmac(salt, f"{self.password}{version}", secret=secret, algorithm="sha256").hexdigest()


class Session(models.Model):
    """One sign-in of an app. Its tokens are good as long as the row is there; none of them is in it.

    refresh_jti: the id of the one refresh token that is good.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    name = models.CharField(max_length=32, unique=True, help_text="what its tokens call it")
    refresh_jti = models.CharField(max_length=32)
    client = models.CharField(max_length=200, blank=True, help_text="what the app says it is")
    has_factor = models.BooleanField(default=False, db_default=False, help_text="the second factor was given")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(help_text="when a token was last asked for")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"session {self.pk}"


class BrowserSession(AbstractBaseSession):
    """One sign-in at the console or the admin. `session_key` is a digest: only the browser has the key itself."""

    session_key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="browser_sessions")

    def __str__(self) -> str:
        return f"browser session of {self.user_id}"


class RecoveryCode(models.Model):
    """Signs in once in place of the second factor. Only its digest is kept: the code is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="users_recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class EmergencyContact(models.Model):
    """Somebody who is told when `owner` needs help. They need no account."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="emergency_contacts")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=150, validators=[names.refuse_unfit])
    phone_number = PhoneNumberField()
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.RU)
    order = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(null=True, blank=True, help_text="when they were asked whether they want to be one")
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="when they said yes")
    refused_at = models.DateTimeField(null=True, blank=True, help_text="when they said no: nothing is sent to them")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("order", "pk")
        constraints = [models.UniqueConstraint(fields=["owner", "phone_number"], name="users_contact_once")]

    def __str__(self) -> str:
        return f"contact {self.pk}"

    @property
    def is_confirmed(self) -> bool:
        """They have said yes to somebody whose own phone is proven: only then do texts to them hold typed words."""
        return self.confirmed_at is not None and self.owner.phone_confirmed_at is not None


class ContactRefusal(models.Model):
    """Somebody does not want to be a contact of `owner`: kept when the owner removes them, so that none asks again."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    phone_number = PhoneNumberField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "phone_number"], name="users_refusal_once")]

    def __str__(self) -> str:
        return f"refusal {self.pk}"


class BlockedHelper(models.Model):
    """A helper who is never called to `owner`."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocked_helpers")
    helper = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "helper"], name="users_block_once")]

    def __str__(self) -> str:
        return f"{self.owner_id} blocks {self.helper_id}"


class Look(models.Model):
    """Somebody was shown an exact place, a track, a note or a contact of a person, who may know: one row an hour.

    event_uid: in which open event; else `reason` says why.
    """

    viewer = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="looks")
    way = models.CharField(max_length=8, choices=Way.choices)
    event_uid = models.UUIDField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    hour = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["viewer", "person", "way", "hour"], name="users_look_once_an_hour")
        ]
        indexes = [
            models.Index(fields=["person", "-at"], name="users_looks_at"),
            models.Index(fields=["at"], name="users_looks_old"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer_id} saw {self.person_id}"


class Remark(models.Model):
    """Why somebody has decided something about a person, in their words. The journal's entry holds its id."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=500)

    def __str__(self) -> str:
        return f"remark {self.pk}"


class PhoneCode(models.Model):
    """A code that is sent to the phone of `user`. Only the secret key makes a code out of the nonce."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    nonce = models.CharField(max_length=32)
    tries = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"code of {self.user_id}"


class PasswordReset(PhoneCode):
    """By it a new password is set."""


class PhoneProof(PhoneCode):
    """By it a person shows that the phone is theirs."""


class ResetRequest(models.Model):
    """Somebody has asked for a code for this phone; whether anybody has it is looked at elsewhere, soon."""

    phone_number = PhoneNumberField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"request {self.pk}"


class Export(models.Model):
    """A person has taken everything about themselves with them; so many a day are made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"export {self.pk}"


class PasswordTry(models.Model):
    """A password or code being looked at right now: it counts as a failure until it is known to be none."""

    phone = models.CharField(max_length=255, db_index=True)
    began_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"try {self.pk}"


class Registration(models.Model):
    """An account was made from `address`, of IPv6 its /64: how many were lately decides when the next is taken."""

    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["address", "at"], name="users_registrations_from")]

    def __str__(self) -> str:
        return f"registration {self.pk}"
