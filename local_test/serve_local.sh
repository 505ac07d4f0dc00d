#!/usr/bin/env bash
# Serve the model that train_local.sh left, until Ctrl-C: local_test/serve_local.sh IMAGE
# It listens on PORT of this machine, 8080 if that is not set.
set -euo pipefail
cd "$(dirname "$0")"

usage="usage: [PORT=8080] $0 IMAGE"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -ne 1 ]; then
  echo "$usage" >&2
  exit 1
fi
if [ ! -f test_dir/model/manifest.json ]; then
  echo "There is no model in local_test/test_dir/model; expected one from local_test/train_local.sh. Run that first." >&2
  exit 1
fi

exec docker run --rm --publish "127.0.0.1:${PORT:-8080}:8080" --volume "$PWD/test_dir/model:/opt/ml/model:ro" "$1" serve
