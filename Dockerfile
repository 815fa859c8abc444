# Receiptwatch as an image: docker build -t receiptwatch:0.1.0 .
# (podman and buildah need --format docker, or they drop the HEALTHCHECK)
# Runs as uid 10001 with a read-only root; only /var/lib/receiptwatch is written to.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

COPY requirements.txt requirements-dev.txt ./
RUN python -m venv --without-pip /opt/receiptwatch \
 && python -m pip --python /opt/receiptwatch/bin/python install \
      --require-hashes -r requirements.txt

# The build backend with what it needs, by the same hashes as on a developer's machine.
RUN sed -nE '/^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/,/[^\\]$/p' \
      requirements-dev.txt > requirements-build.txt \
 && python -m venv --without-pip /opt/build \
 && python -m pip --python /opt/build/bin/python install \
      --require-hashes -r requirements-build.txt

COPY pyproject.toml README.md LICENSE ./
COPY probes probes
COPY daemon daemon
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
 && python -m pip --python /opt/receiptwatch/bin/python install --no-deps --no-index /dist/*.whl


FROM python:3.13-slim
LABEL org.opencontainers.image.title="Receiptwatch" \
      org.opencontainers.image.description="Watches whether a shop's order receipts reach the customer's eyes" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/receiptwatch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

RUN groupadd --gid 10001 receiptwatch \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/receiptwatch \
      --shell /usr/sbin/nologin receiptwatch \
 && install -d -m 0755 /etc/receiptwatch \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/receiptwatch

COPY --from=build /opt/receiptwatch /opt/receiptwatch

USER 10001:10001
WORKDIR /var/lib/receiptwatch
VOLUME /var/lib/receiptwatch
EXPOSE 2525 8025 9725
STOPSIGNAL SIGTERM

# http.client, because urllib would ask through a proxy of the environment.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9725, timeout=4); c.request('GET', '/-/healthy'); raise SystemExit(c.getresponse().status != 200)"]

CMD ["receiptwatch", "run", "--config", "/etc/receiptwatch/receiptwatch.yaml"]
