# Two images from one file: `train` makes models, `serve` (the default, last) answers predictions.
#
# The same inputs give the same layers: hash-pinned wheels, bytecode that refers to no time, every file dated 1970 and
# each layer copied onto / as a whole, because a copy into a subdirectory would date its parents today. A stage makes
# only the folders that it fills: whether a layer records an empty one that the base has already is up to chance.
# Building needs nothing but the base image and a package index.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# ---- pip, which no image holds ----
FROM ${BASE_IMAGE} AS pip
ENV PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
    PIP_REQUIRE_HASHES=1 PIP_NO_DEPS=1 PIP_ONLY_BINARY=:all:
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/venv && mkdir /out

FROM pip AS serve-packages
# The lock to install: `trace` adds what OTLP_ENDPOINT needs, `grpc` what GRPC_PORT does.
ARG SERVE_LOCK=serve
COPY requirements/${SERVE_LOCK}.txt /requirements/
RUN /pip/bin/pip --python /opt/venv/bin/python install --no-compile --requirement /requirements/${SERVE_LOCK}.txt \
 && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv \
 && mkdir /out/opt && mv /opt/venv /out/opt/ && find /out -exec touch --no-dereference --date=@0 {} +

FROM pip AS train-packages
# The lock to install: `registry` adds MLflow's client, `ray` that and Ray.
ARG TRAIN_LOCK=data
COPY requirements/${TRAIN_LOCK}.txt /requirements/
RUN /pip/bin/pip --python /opt/venv/bin/python install --no-compile --requirement /requirements/${TRAIN_LOCK}.txt \
 && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv \
 && mkdir /out/opt && mv /opt/venv /out/opt/ && find /out -exec touch --no-dereference --date=@0 {} +

# ---- the tree kernel: compiled by a compiler that a lock names, which no image holds ----
FROM pip AS kernel
COPY requirements/kernel.txt /requirements/
RUN /pip/bin/pip install --no-compile --requirement /requirements/kernel.txt
COPY app/kernel/ /srv/app/kernel/
RUN cd /srv && ZIG_GLOBAL_CACHE_DIR=/tmp/zig ZIG_LOCAL_CACHE_DIR=/tmp/zig /pip/bin/python -m app.kernel.build \
 && mkdir -p /out/srv/app/kernel && mv app/kernel/trees.so /out/srv/app/kernel/ \
 && find /out -exec touch --no-dereference --date=@0 {} +

FROM pip AS service
COPY app/ /srv/app/
RUN cd /srv && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash app \
 && mkdir /out/srv && mv app /out/srv/ && find /out -exec touch --no-dereference --date=@0 {} +

FROM pip AS trainer
COPY app/ /srv/app/
COPY training/ /srv/training/
# The expectations that a team has committed; the pattern matches also where there are none yet.
COPY validatio[n]/ /srv/validation/
# Anyone may write artifacts: a volume mounted there takes over these rights, whatever user the container runs as.
RUN cd /srv && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash app training \
 && mkdir /out/srv && mv app training /out/srv/ && if [ -d validation ]; then mv validation /out/srv/; fi && mkdir --mode=1777 /out/srv/artifacts \
 && find /out -exec touch --no-dereference --date=@0 {} +

# ---- the model: the version named, or the one that artifacts/<name>/current points at ----
FROM serve-packages AS model
ARG MODEL_NAME=iris
ARG MODEL_VERSION=
COPY app/ /srv/app/
# The pattern matches also where there are no artifacts yet, so that the message below is what one reads.
COPY artifact[s]/ /artifacts/
RUN version="${MODEL_VERSION:-$(cat "/artifacts/$MODEL_NAME/current")}" && mv "/artifacts/$MODEL_NAME/$version" /model \
 || { echo "no model artifacts/$MODEL_NAME/$MODEL_VERSION: make train first" >&2; exit 1; }
RUN cd /srv && /out/opt/venv/bin/python -c 'import pathlib, app.artifact; app.artifact.load(pathlib.Path("/model"))' \
 && mkdir /model-out && mv /model /model-out/ && find /model-out -exec touch --no-dereference --date=@0 {} +

# ---- of the base: its libraries and Python, no shell, no package manager and no other program ----
FROM pip AS bare
# Scanners read the packages in var/lib/dpkg. The files of /etc removed are the builder's, mounted while this runs.
RUN cd / && mkdir --mode=1777 /out/tmp \
 && cp --archive --parents etc lib* usr/lib* usr/local/lib usr/share/ca-certificates usr/share/common-licenses usr/share/doc \
    usr/share/zoneinfo var/lib/dpkg $(find usr/bin usr/local/bin -regex '.*/python[0-9.]*') /out \
 && cd /out && rm -rf etc/hostname etc/hosts etc/resolv.conf etc/apt usr/libexec usr/lib/apt usr/lib/dpkg usr/lib/*/perl* \
    usr/share/doc/*/examples usr/lib/python3*/ensurepip usr/local/lib/python3*/ensurepip usr/local/lib/python3*/site-packages/* \
 && python3 -m compileall -q -f -j 0 --invalidation-mode unchecked-hash -s /out -x '/tests?/' \
    $(find /out/usr/lib /out/usr/local/lib -maxdepth 1 -name 'python3*') \
 && find /out -exec touch --no-dereference --date=@0 {} +

# ---- what both images share ----
FROM ${BASE_IMAGE} AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
ARG REVISION
ARG SOURCE_DATE_EPOCH
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.revision="${REVISION:-unknown}"

# ---- train ----
FROM base AS train
ENV MPLCONFIGDIR=/tmp/matplotlib
COPY --from=train-packages /out/ /
COPY --from=trainer /out/ /
COPY --from=kernel /out/ /
WORKDIR /srv
LABEL org.opencontainers.image.title="mlplatform training"
USER 10001:10001
ENTRYPOINT ["python", "-m", "training"]

# ---- serve: begins from nothing, since what a later layer removes stays in the layer that it came with ----
FROM scratch AS serve
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    HOST=0.0.0.0 PORT=8000 MODEL_PATH=/model
ARG REVISION
ARG SOURCE_DATE_EPOCH
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.revision="${REVISION:-unknown}"
COPY --from=bare /out/ /
COPY --from=serve-packages /out/ /
COPY --from=service /out/ /
COPY --from=kernel /out/ /
COPY --from=model /model-out/ /
WORKDIR /srv
EXPOSE 8000
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys\n\
connection = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2)\n\
connection.request('GET', '/health')\n\
sys.exit(connection.getresponse().status != 200)"]
CMD ["python", "-m", "app"]
ARG MODEL_NAME=iris
ARG MODEL_VERSION=
LABEL org.opencontainers.image.title="mlplatform ${MODEL_NAME}" org.opencontainers.image.version="${MODEL_VERSION:-current}"
