"""What the API's documents show, true to the serializers."""

from typing import Any

PHONE, PASSWORD = "+998901234567", "someStrongPassword123"
REGISTRATION = {"phone_number": PHONE, "full_name": "Full Name", "password": PASSWORD, "password2": PASSWORD}
LOGIN = {"phone_number": PHONE, "password": PASSWORD}
ACCESS = {"access": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.access"}
REFRESH = {"refresh": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.refresh"}
TOKENS = ACCESS | REFRESH
LOGOUT = REFRESH | {"push_token": "fGh1…:APA91b…"}
NEW_ACCOUNT = {
    "uuid": "0d5a1f3e-6a43-4a53-9a0f-5a2f6f0f7c11",
    "full_name": "Full Name",
    "phone_number": PHONE,
    "email": None,
    "role": "USER",
    "status": "ACTIVE",
}
REGISTERED = {"user": NEW_ACCOUNT, **TOKENS}
ACCOUNT: dict[str, Any] = {
    **NEW_ACCOUNT,
    "language": "ru",
    "on_duty": False,
    "wants_to_help": True,
    "phone_confirmed_at": None,
    "second_factor": None,
}
DETAILS: dict[str, Any] = {
    **ACCOUNT,
    "contained_at": None,
    "created_at": "2025-10-28T12:00:00.412000Z",
    "last_login": "2025-10-29T08:30:00.120000Z",
}
PASSWORD_CHANGE = {"old_password": PASSWORD, "new_password": "anotherStrongPassword456"}
PASSWORD_RESET = {"phone_number": PHONE, "sms_code": "04231786", "new_password": "anotherStrongPassword456"}
LOOK: dict[str, Any] = {
    "at": "2025-10-28T12:00:41.003000Z",
    "viewer": {"full_name": "Aziz Rakhimov", "role": "HELPER"},
    "way": "API",
    "event_uid": "c8a2f4b0-77a3-4b5c-9d1e-0f1a2b3c4d5e",
    "reason": "",
}
ENROLMENT = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "url": "otpauth://totp/MDD%3A%2B998901234567?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=MDD&digits=6&period=30",
}
ENROLLED = {**TOKENS, "recovery_codes": ["1f0a3-c2d4e-5f607-18293"]}
SESSION: dict[str, Any] = {
    "id": "b1f0a3c2d4e5f60718293a4b5c6d7e8f",
    "kind": "APP",
    "client": "MDD/1.4.0 (Android 15)",
    "created_at": "2025-10-28T12:00:00.412000Z",
    "last_used_at": "2025-10-29T08:30:00.120000Z",
    "expires_at": "2026-01-26T12:00:00.412000Z",
    "is_current": True,
}
NEW_CONTACT = {"name": "Dilshod Karimov", "phone_number": "+998907654321", "language": "ru"}
CONTACT: dict[str, Any] = {
    "uuid": "6b3c9a52-8f0e-4a7b-9d35-1c2e7f40a9d8",
    **NEW_CONTACT,
    "order": 0,
    "confirmed": False,
    "refused": False,
    "created_at": "2025-10-28T12:00:00.412000Z",
}
BLOCKED: dict[str, Any] = {
    "helper": "0c9f6b52-2a8e-4a39-8b0e-57a2d7e6f3c4",
    "full_name": "Aziz Rakhimov",
    "created_at": "2025-10-28T12:00:00.412000Z",
}
