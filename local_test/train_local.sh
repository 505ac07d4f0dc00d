#!/usr/bin/env bash
# Train in the image as SageMaker would, with test_dir/ as /opt/ml: local_test/train_local.sh IMAGE
# The model comes to test_dir/model/, the metrics and the report to test_dir/output/data/, and on a fault its cause to test_dir/output/failure.
set -euo pipefail
cd "$(dirname "$0")"

usage="usage: $0 IMAGE"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -ne 1 ]; then
  echo "$usage" >&2
  exit 1
fi

mkdir -p test_dir/model test_dir/output
rm -rf test_dir/model/* test_dir/output/*
exec docker run --rm --network none --volume "$PWD/test_dir:/opt/ml" "$1" train
