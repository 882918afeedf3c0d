"""Password hashes, one at a time in a process: each takes a core for some 100 ms, and an SOS must not wait for it."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 1
NICENESS = 19
PATHS = frozenset(
    {
        "/api/v1/auth/register/",
        "/api/v1/auth/login/",
        "/api/v1/auth/password/change/",
        "/api/v1/auth/password/reset/confirm/",
        "/console/sign-in/",
        "/api/v1/auth/second-factor/enrol/",
    }
)
"""Where anybody can ask for one; a test finds what is missing."""


def _give_way() -> None:
    """Lets every other thread of the machine go first, and keeps to half of the cores: a core that computes a hash is
    slow to come back even to a thread that goes first. Linux knows both for each thread, others do not.
    """
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[len(cores) // 2 :])


_threads = ThreadPoolExecutor(AT_ONCE, "hash", initializer=_give_way)


class QueuedArgon2(Argon2PasswordHasher):
    """Django's, on one core instead of eight, worked out in the thread of the process that gives way to all others."""

    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _threads.submit(super().encode, password, salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        return _threads.submit(super().verify, password, encoded).result()
