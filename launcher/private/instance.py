"""One instance of the service: its processes, their environment, starting and stopping them."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from launcher.machine import ports, processes
from launcher.machine.processes import wait_for
from launcher.places import PROJECT, Home, write_private
from launcher.private import services, supervision
from launcher.private.supervision import Program
from launcher.progress import Failure, step

PROCESSES = ("web", "worker", "beat", "sweep", "postgres", "redis")
ADMIN_PHONE = "+998900000001"
READY_S = 60
SETTINGS = "mdd_backend.settings"


@dataclass(frozen=True)
class Instance:
    """An instance in `home`.

    `addresses` take the place of private services. `durable`: what PostgreSQL has committed survives a crash of the
    machine. `with_fcm`: the stand-in for Firebase is started too, and used.
    """

    home: Home
    port: int = 8000
    addresses: Mapping[str, str] = field(default_factory=dict)
    durable: bool = True
    with_fcm: bool = False

    @property
    def lock(self) -> Path:
        """Held alone while starting or stopping, shared while using the services."""
        return self.home.path / "lock"

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def fcm_url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.home.recall('fcm_port')}"

    @property
    def fcm_key(self) -> Path:
        return self.home.path / "fcm.json"

    @property
    def database_url(self) -> str:
        return self.addresses.get("DATABASE_URL") or services.postgres_url(self.home)

    @property
    def redis_url(self) -> str:
        return self.addresses.get("REDIS_URL") or services.redis_url(self.home)

    @cached_property
    def private(self) -> tuple[str, ...]:
        """The services that are ours to run."""
        both = {"postgres": "DATABASE_URL", "redis": "REDIS_URL"}
        return tuple(name for name, variable in both.items() if not self.addresses.get(variable))

    def environment(self) -> dict[str, str]:
        """What the processes of this instance find in their environment."""
        unset = {name: value for name, value in self._defaults().items() if not os.environ.get(name)}
        fixed = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "PYTHONUNBUFFERED": "1",
            "MDD_HOME": str(self.home.path),
            "MDD_VENV": sys.prefix,
            "MDD_PORT": str(self.port),
        }
        return {**os.environ, **unset, **fixed, **self._fcm_settings()}

    def start_services(self, *, anew: bool = False) -> None:
        """Starts the private services and waits until they, or those at `addresses`, answer. Makes the database.

        `anew`: private ones are emptied first.
        """
        if not supervision.running(self.home):
            self._end_leftovers()
            programs = self._programs()
            with step(f"starting {' and '.join(self.private) or 'the supervisor'}"):
                supervision.launch(self.home, programs, self._marked(self.environment()))
                self._await_services()
        if anew and "redis" in self.private:
            services.empty_redis(self.redis_url)
        if "postgres" in self.private:
            services.create_database(self.home, anew=anew)

    def prepare(self) -> None:
        """Starts the stand-ins, migrates the database and gathers the static files."""
        if self.with_fcm:
            self._start_fcm()
        with step("bringing the database up to date"):
            self.manage("migrate", "--noinput")
            self.manage("collectstatic", "--no-input", "-v0")

    def start_app(self) -> None:
        """Starts web, worker, beat and sweep, and returns when the service is ready."""
        self.home.remember(web_port=self.port)
        with step("starting web, worker, beat and sweep"):
            supervision.start(self.home, "app")
            if not wait_for(lambda: answers(self.port, "/health/ready"), READY_S):
                raise Failure(f"{self.url}/health/ready does not answer 200; web said last:\n{self._last_log('web')}")

    @property
    def admin_password(self) -> str:
        """What the first ADMIN's password is, or was before somebody changed it."""
        return self.home.secret("admin", size=12)

    def create_admin(self) -> bool:
        """Makes the first ADMIN, unless there is one; returns whether it did."""
        password = self.admin_password
        answer = self.manage("ensure_admin", "--phone", ADMIN_PHONE, DJANGO_SUPERUSER_PASSWORD=password)
        if "created" not in answer:
            return False
        write_private(self.home.admin_file, f"phone: {ADMIN_PHONE}\npassword: {password}\n")
        return True

    def console_link(self) -> str:
        """Signs the first ADMIN in to the console: once, within an hour."""
        return self.manage("console_link", ADMIN_PHONE).split()[-1]

    def manage(self, *arguments: str, **extra: str) -> str:
        """Runs manage.py; returns what it printed. Raises Failure, with its last lines, when it fails."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=PROJECT, env=self.environment() | extra,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise Failure(f"manage.py {arguments[0]} failed:\n{result.stdout[-3000:].strip()}")
        return result.stdout

    def is_up(self) -> bool:
        """Whether the service itself runs, not only what it stands on."""
        return "web" in supervision.started(self.home)

    def pids(self) -> dict[str, int | None]:
        """The pid of each process; None: not running, or not ours."""
        alive = supervision.pids(self.home)
        return {name: alive.get(name) for name in (*PROCESSES, "fcm")}

    def stop(self) -> bool:
        """Stops everything, in order; also what a killed supervisor left. Returns whether anything ran."""
        with processes.handling(signal.SIG_IGN):
            ran = supervision.running(self.home)
            if ran:
                supervision.shutdown(self.home)
                wait_for(lambda: not processes.of_instance(self.home), 30)
            left = self._end_leftovers()
            supervision.remove_socket(self.home)
            return ran or left

    def remove(self) -> None:
        """Deletes the home and the data. The instance must be stopped."""
        services.remove(self.home)
        shutil.rmtree(self.home.path, ignore_errors=True)

    def _programs(self) -> list[Program]:
        python, port = sys.executable, str(self.port)
        uvicorn = ["uvicorn", "mdd_backend.asgi:application", "--host", ports.LOOPBACK, "--port", port]
        worker = ["worker", "--pool", "threads", "--concurrency", "16"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
        celery = ["celery", "-A", "mdd_backend"]
        commands = {
            "web": ["-m", *uvicorn, "--no-access-log", "--timeout-graceful-shutdown", "5"],
            "worker": ["-m", *celery, *worker, *quiet],
            "beat": ["-m", *celery, "beat", "-S", "celery.beat:Scheduler", "--pidfile=", "--loglevel", "INFO"],
            "sweep": ["manage.py", "sweep"],
        }
        app = [Program(name, [python, *command], PROJECT, "app") for name, command in commands.items()]
        return [*self._private_programs(), *self._standins(), *app]

    def _private_programs(self) -> list[Program]:
        programs = []
        if "postgres" in self.private:
            programs.append(services.postgres_program(self.home, durable=self.durable))
        if "redis" in self.private:
            programs.append(services.redis_program(self.home))
        return programs

    def _standins(self) -> list[Program]:
        if not self.with_fcm:
            return []
        port = str(ports.kept_port(self.home, "fcm"))
        command = [sys.executable, "-m", "simulator.standins.fcm", "--port", port, "--key-file", str(self.fcm_key)]
        return [Program("fcm", command, PROJECT, "standins")]

    def _start_fcm(self) -> None:
        with step("starting the stand-in for Firebase"):
            supervision.start(self.home, "standins")
            if not wait_for(lambda: answers(self.home.recall("fcm_port"), "/healthz"), READY_S):
                raise Failure(f"the stand-in for Firebase is not ready; it said last:\n{self._last_log('fcm')}")

    def _fcm_settings(self) -> dict[str, str]:
        if not self.with_fcm:
            return {}
        return {"FCM_ENDPOINT": self.fcm_url, "FCM_SERVICE_ACCOUNT_JSON": str(self.fcm_key)}

    def _defaults(self) -> dict[str, str]:
        is_development = os.environ.get("DEBUG", "true").lower() in {"", "1", "true", "yes", "on"}
        return {
            "DJANGO_SECRET_KEY": self.home.secret("django"),
            "JWT_SIGNING_KEY": self.home.secret("jwt"),
            "DJANGO_ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
            "DEBUG": "true",
            "PUBLIC_URL": self.url,
            "SMS_TRANSPORT": "console" if is_development else "",
            "STATIC_ROOT": str(self.home.path / "static"),
        }

    def _marked(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {processes.MARK: str(self.home.path)}

    def _await_services(self) -> None:
        services.await_postgres(self.database_url)
        services.await_redis(self.redis_url)

    def _end_leftovers(self) -> bool:
        if not processes.of_instance(self.home):
            return False
        processes.end(lambda: processes.of_instance(self.home))
        return True

    def _last_log(self, name: str) -> str:
        try:
            return "\n".join((self.home.logs / f"{name}.log").read_text(errors="replace").splitlines()[-20:])
        except OSError:
            return "(nothing)"


def answers(port: int, path: str) -> bool:
    """Whether GET `path` answers 200 on this machine's `port`; never asks a proxy."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
