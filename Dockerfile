# One image that trains, serves and shows: `docker run IMAGE train`, `docker run IMAGE serve`, `docker run IMAGE console --endpoint URL`.

FROM debian:trixie-slim AS builder
# Debian's own pip and setuptools build the wheel, so that nothing outside the hashed list is downloaded.
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends python3 python3-pip python3-setuptools python3-venv \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv --without-pip /opt/fraud-detect
COPY requirements/image.txt /src/requirements/image.txt
# The libraries' own tests are left out: nothing that runs here imports them.
RUN python3 -m pip --python /opt/fraud-detect/bin/python install -q --no-cache-dir --no-compile --only-binary :all: \
        --require-hashes -r /src/requirements/image.txt \
    && find /opt/fraud-detect/lib -type d '(' -name tests -o -path '*/onnx/backend/test' ')' -prune -exec rm -rf {} +
# With `--build-arg CUDA=1` trees can be grown on a GPU, and the image is some 400 MB larger.
ARG CUDA
COPY requirements/cuda.txt /src/requirements/cuda.txt
RUN if [ -n "$CUDA" ]; then \
        python3 -m pip --python /opt/fraud-detect/bin/python uninstall -q -y xgboost-cpu \
        && python3 -m pip --python /opt/fraud-detect/bin/python install -q --no-cache-dir --no-compile --only-binary :all: \
            --no-deps --require-hashes -r /src/requirements/cuda.txt; \
    fi
COPY pyproject.toml README.md LICENSE /src/
COPY container /src/container
RUN python3 -m pip wheel -q --no-cache-dir --no-deps --no-build-isolation --wheel-dir /tmp/wheel /src \
    && python3 -m pip --python /opt/fraud-detect/bin/python install -q --no-cache-dir --no-compile --no-deps /tmp/wheel/*.whl \
    && install -m 755 /src/container/train /src/container/serve /src/container/console /src/container/healthcheck /opt/fraud-detect/bin/
# Bytecode that is trusted without a look at its source: a read-only root cannot write it, and copying may change times.
RUN /opt/fraud-detect/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/fraud-detect/lib

FROM debian:trixie-slim
# LightGBM's wheel takes OpenMP from the system: libgomp1.
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends libgomp1 nginx python3 \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=builder /opt/fraud-detect /opt/fraud-detect
ARG CUDA
# NVIDIA's container runtime gives GPUs where these ask for some.
ENV NVIDIA_VISIBLE_DEVICES=${CUDA:+all} \
    NVIDIA_DRIVER_CAPABILITIES=${CUDA:+compute,utility} \
    PATH=/opt/fraud-detect/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/fraud-detect
EXPOSE 8080
# Healthy while it trains; while it serves, or is the console, as /ping says.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["healthcheck"]
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true \
      com.amazonaws.sagemaker.capabilities.multi-models=true \
      org.opencontainers.image.title=fraud-detect \
      org.opencontainers.image.description="From a labelled CSV of transactions to a fraud model and an endpoint" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
# No ENTRYPOINT: SageMaker's local mode runs the image without a command to train, and with `chmod` to clean up.
CMD ["train"]
