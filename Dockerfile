# One image for web, worker, beat, sweep and backups; `--target dev` adds what tests need.
ARG PYTHON_IMAGE=python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
FROM ${PYTHON_IMAGE} AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app

# The locked packages. Wheels only: no compiler is needed, here or later.
FROM base AS packages
RUN python -m venv /venv
COPY requirements.txt .
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.txt \
    && pip uninstall --yes pip

# pg_dump and psql for backups. dos2unix is in the operators' habits: see scripts/dos2unix.
FROM base AS system
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client dos2unix age \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /tmp mdd \
    && install -d -o mdd -g mdd /backups /app/static
COPY scripts/dos2unix /usr/local/bin/dos2unix

FROM system AS dev
# A developer's machine: the tests start, kill and restart servers of their own.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql postgresql-17-postgis-3 redis-server nginx-light chromium \
        fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
COPY requirements-dev.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . .
CMD ["uvicorn", "mdd_backend.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--reload"]

FROM system AS production
ENV PYTHONDONTWRITEBYTECODE=1 STATIC_HASHED=true
COPY --from=packages /venv /venv
COPY manage.py ./
COPY scripts scripts
COPY mdd_backend mdd_backend
COPY apps apps
RUN python -m compileall -q apps mdd_backend
USER mdd
# Settings want addresses even to gather files; these are used for nothing else.
RUN DJANGO_SECRET_KEY=only-for-gathering-the-static-files-of-the-image \
    DATABASE_URL=postgres://nobody@localhost/nothing REDIS_URL=redis://localhost \
    python manage.py collectstatic --no-input -v0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["uvicorn", "mdd_backend.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "10"]
