"""People, and what keeps strangers out."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm, ReadOnlyPasswordHashField
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django_otp.plugins.otp_totp.models import TOTPDevice

from .admin_pages import DispatcherPage, LogPage, name_of, person, signed_in
from .models import Look, Role, Status, User
from .rules import accounts
from .rules.phones import PhoneNotProven
from .rules.rights import SuperuserRequired, may_change

admin.site.site_header = admin.site.site_title = "MDD"

# Registered by the apps before this one. Rights go by role, not by group; axes' two logs are switched off; the secret
# of a second factor is for nobody's eyes.
admin.site.unregister([Group, AccessAttempt, AccessLog, AccessFailureLog, TOTPDevice])

if TYPE_CHECKING:
    _UserAdmin = auth_admin.UserAdmin[Any]
    _ModelForm = forms.ModelForm[User]
    _NewUserForm = BaseUserCreationForm[User]
    _PasswordForm = AdminPasswordChangeForm[User]
else:
    _UserAdmin, _ModelForm = auth_admin.UserAdmin, forms.ModelForm
    _NewUserForm, _PasswordForm = BaseUserCreationForm, AdminPasswordChangeForm


class PersonForm(_ModelForm):
    password = ReadOnlyPasswordHashField()


class NewPersonForm(_NewUserForm):
    class Meta:
        model = User
        fields = ("phone_number", "full_name", "role")


class PasswordForm(_PasswordForm):
    """Sets a password as everywhere: the person's sessions end."""

    actor: ClassVar[ContextVar[User]] = ContextVar("actor")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)
        self.fields["password1"].required = self.fields["password2"].required = True

    def save(self, commit: bool = True) -> User:
        return accounts.change_password(self.user, self.cleaned_data["password1"], actor=self.actor.get())


@admin.register(User)
class PersonPage(DispatcherPage, _UserAdmin):
    """Every change goes through the services that the API uses; nobody is deleted here."""

    form, add_form, change_password_form = PersonForm, NewPersonForm, PasswordForm
    change_user_password_template = "admin/users/user/password.html"  # noqa: S105 - a template
    list_display = ("phone", "full_name", "role", "status", "on_duty", "wants_to_help", "created_at")
    list_filter = ("role", "status", "on_duty", "wants_to_help", "language")
    search_fields = ("phone_number", "full_name", "email")
    uuid_fields = ("uuid",)
    ordering = ("-pk",)
    date_hierarchy = "created_at"
    filter_horizontal = ()
    readonly_fields = (
        "uuid",
        "phone_number",
        "last_login",
        "phone_confirmed_at",
        "contained_at",
        "created_at",
    )
    fieldsets = (
        (None, {"fields": ("phone_number", "password", "full_name", "email", "language")}),
        (
            "Standing",
            {"fields": ("role", "status", "on_duty", "wants_to_help", "contained_at", "devices_most", "is_superuser")},
        ),
        ("Record", {"fields": ("uuid", "phone_confirmed_at", "last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": (*NewPersonForm.Meta.fields, "password1", "password2")}),)
    actions = ("approve", "ban", "unban")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a superuser changes an ADMIN, or any dispatcher could take such an account over."""
        if not request.user.is_staff or obj is None:
            return request.user.is_staff
        return obj.status != Status.ERASED and may_change(signed_in(request), obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody demotes or bans themselves; a phone number is given once. What superusers decide, others see."""
        if obj is None:
            return ()
        own = ("role", "status", "is_superuser") if obj == request.user else ()
        others = () if signed_in(request).is_chief else ("devices_most", "is_superuser")
        return (*self.readonly_fields, *own, *others)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role" and not signed_in(request).is_chief:
            kwargs["choices"] = [(role.value, role.label) for role in Role if role != Role.ADMIN]
        if db_field.name == "status":
            kwargs["choices"] = [(status.value, status.label) for status in (Status.ACTIVE, Status.BANNED)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except accounts.PhoneTaken:
            why = "This phone number is already registered."
        except accounts.AccountErased:
            why = "The account was erased meanwhile."
        except (accounts.LastDispatcher, SuperuserRequired, PhoneNotProven) as reason:
            why = str(reason)
        messages.error(request, why)
        return HttpResponseRedirect(request.get_full_path())

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """By whom the password is set, the form must know."""
        PasswordForm.actor.set(signed_in(request))
        return super().user_change_password(request, id, form_url)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context["subtitle"] = name_of(context["original"]) if context.get("original") else None
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            accounts.change_account(obj, changes, signed_in(request))
            return
        password = form.cleaned_data["password1"]
        made = accounts.make_account(obj.phone_number, obj.full_name, password, obj.role, signed_in(request))
        obj.pk = made.pk
        obj.refresh_from_db()

    @admin.display(description="phone number", ordering="phone_number")
    def phone(self, user: User) -> str:
        return str(user.phone_number or user.get_status_display())

    @admin.action(description="Approve as helpers (those who want to help)")
    def approve(self, request: HttpRequest, people: QuerySet[User]) -> None:
        waiting = people.filter(wants_to_help=True, role=Role.USER, status=Status.ACTIVE)
        self._each(request, waiting, {"role": Role.HELPER}, "are helpers now")

    @admin.action(description="Ban")
    def ban(self, request: HttpRequest, people: QuerySet[User]) -> None:
        others = people.filter(status=Status.ACTIVE).exclude(uuid=signed_in(request).uuid)
        self._each(request, others, {"status": Status.BANNED}, "are banned now")

    @admin.action(description="Unban")
    def unban(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._each(request, people.filter(status=Status.BANNED), {"status": Status.ACTIVE}, "may come back")

    def _each(self, request: HttpRequest, people: QuerySet[User], changes: dict[str, Any], done: str) -> None:
        """Changes everybody of `people` whom the one who asks may change, and says of how many that became true."""
        count = 0
        for user in people.order_by("pk"):
            if self.has_change_permission(request, user):
                try:
                    accounts.change_account(user, changes, signed_in(request))
                    count += 1
                except (accounts.AccountErased, accounts.LastDispatcher, SuperuserRequired, PhoneNotProven) as why:
                    messages.error(request, f"{name_of(user)}: {why}")
        messages.success(request, f"{count} {done}.")


@admin.register(AccessAttempt)
class FailedSignInPage(DispatcherPage):
    """Deleting a row forgives its failures."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "path_info")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "username", "ip_address", "failures_since_start", "path_info")
    date_hierarchy = "attempt_time"
    ordering = ("-attempt_time",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_staff


@admin.register(Look)
class LookPage(LogPage):
    """Who was shown whose exact place, track, note or contact."""

    list_display = ("at", "seen_by", "seen", "way", "reason")
    list_filter = ("way",)
    list_select_related = ("viewer", "person")
    search_fields = ("viewer__phone_number", "viewer__full_name", "person__phone_number", "person__full_name")
    uuid_fields = ("event_uid", "viewer__uuid", "person__uuid")
    fields = ("seen_by", "seen", "way", "event_uid", "reason", "at")

    @admin.display(description="viewer")
    def seen_by(self, look: Look) -> SafeString | str:
        return person(look.viewer)

    @admin.display(description="person")
    def seen(self, look: Look) -> SafeString | str:
        return person(look.person)
