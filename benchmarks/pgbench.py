"""What PostgreSQL by itself can do: a statement again and again, by its own pgbench."""

import os
import re
import subprocess
from tempfile import NamedTemporaryFile

from psycopg.conninfo import conninfo_to_dict

from launcher.machine import finding


def transactions_per_second(database_url: str, script: str, *, clients: int, seconds: int, **values: int) -> float:
    """Of `script`, prepared, by so many clients in one thread; `values` are its variables. Raises RuntimeError."""
    parts = conninfo_to_dict(database_url)
    address = {f"PG{name.upper()}": str(value) for name, value in parts.items()} | {"PGDATABASE": str(parts["dbname"])}
    variables = [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
    with NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [finding.postgres().program("pgbench"), "--no-vacuum", "--protocol=prepared", "--jobs=1"]
        command += [f"--client={clients}", f"--time={seconds}", f"--file={file.name}", *variables]
        result = subprocess.run(command, env=os.environ | address, capture_output=True, text=True, check=False)
    match = re.search(r"^tps = ([\d.]+)", result.stdout, re.MULTILINE)
    if result.returncode or not match:
        raise RuntimeError(f"pgbench: {result.stderr.strip()[-500:]}")
    return float(match[1])
