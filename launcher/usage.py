"""The commands and what they are for."""

USAGE = """\
usage: ./mdd COMMAND

  up [--detach]     start everything and show its log; Ctrl-C ends it all
  down              end what `up` started
  status [--json]   the addresses and the processes
  demo [ARGS…]      a city of watches and helpers on an instance of its own:
                    --people N, --minutes M (or --once), --seed S; --help tells more
  test [ARGS…]      the tests, on a throwaway PostgreSQL and Redis; ARGS go to pytest
  bench [ARGS…]     how fast it is, against what it stands on: --short, --only NAME…,
                    --json FILE; on a throwaway PostgreSQL with fsync
  check             lint, types, layers, missing migrations, stale translations
  fix               mends and formats the code, compiles the translations
  manage ARGS…      Django's manage.py
  backup [FOLDER]   a dump of the database, with its checksum, in .mdd/backups
  restore FILE      a backup in the place of the database; --yes does it
  screenshots       the console's pictures in docs/images, taken anew
  help              this

settings, from the environment or from .env:
  MDD_PORT          the port of `up` and `demo` (8000)
  MDD_HOME          where data, logs and secrets live (.mdd)
  DATABASE_URL      a PostgreSQL with PostGIS in place of the private one
  REDIS_URL         a Redis in place of the private one
"""
COMMANDS = (
    "up", "down", "status", "demo", "test", "bench", "check", "fix", "manage", "backup", "restore", "screenshots",
)  # fmt: skip
