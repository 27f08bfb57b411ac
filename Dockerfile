# SPDX-License-Identifier: Apache-2.0
# Two images from one file: `sidecar` (sidecar, read side, gate's Job) and `service` (one model version: its bundle is
# the last layer, so one digest pins code and model). `make images` builds both; docs/images.md says what is in them.

# A slim Python by digest: docker.io/library/python:3.12-slim@sha256:… There is no default, for a tag is moved by others.
ARG PYTHON_IMAGE

FROM ${PYTHON_IMAGE} AS build
# Nothing of the time or the order of a build gets into its layers: two builds of one commit are the same image.
ENV SOURCE_DATE_EPOCH=0 PYTHONHASHSEED=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1
WORKDIR /src
RUN ["python3", "-m", "venv", "/build"]
COPY requirements/build.txt requirements/
# Where packages come from is the builder's own: its pip configuration is lent to the steps that need it.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf ["/build/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements/build.txt"]
COPY pyproject.toml README.md LICENSE ./
COPY contracts contracts
COPY service service
COPY audit_sidecar audit_sidecar
COPY policies policies
COPY training training
COPY infra_pulumi infra_pulumi
COPY countersign countersign
RUN ["/build/bin/python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "/wheels", "."]
COPY requirements requirements
COPY scripts/assemble_image.py scripts/

FROM build AS sidecar-files
RUN --mount=type=secret,id=pip,target=/etc/pip.conf ["python3", "scripts/assemble_image.py", "/app", "sidecar", "postgresql", "aws", "verdict"]

FROM build AS service-files
RUN --mount=type=secret,id=pip,target=/etc/pip.conf ["python3", "scripts/assemble_image.py", "/app", "service"]

FROM ${PYTHON_IMAGE} AS program
ARG REVISION
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /
USER 65532:65532
ENTRYPOINT ["countersign"]

FROM program AS sidecar
COPY --from=sidecar-files --chown=0:0 /app /app
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["countersign", "probe", "http://127.0.0.1:8081/livez"]
CMD ["sidecar", "--help"]

FROM program AS service
COPY --from=service-files --chown=0:0 /app /app
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["countersign", "probe", "http://127.0.0.1:8080/healthz"]
CMD ["serve", "--help"]
ARG BUNDLE
COPY --chown=0:0 ${BUNDLE} /bundle
