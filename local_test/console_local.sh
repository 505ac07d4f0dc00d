#!/usr/bin/env bash
# Run the web console of the model that train_local.sh left, until Ctrl-C: local_test/console_local.sh IMAGE
# It scores with the server of serve_local.sh, on SERVER_PORT of this machine (8080), and listens on PORT (8090). Its
# accounts and cases are in test_dir/console; the first time it makes the account `admin` and shows its password.
set -euo pipefail
cd "$(dirname "$0")"

usage="usage: [PORT=8090] [SERVER_PORT=8080] $0 IMAGE"
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

# The machine's own network: that is where the server of serve_local.sh listens.
in_image=(docker run --rm --network host --read-only --user "$(id -u):$(id -g)" --volume "$PWD/test_dir:/opt/ml")
if [ ! -d test_dir/console ]; then
  FRAUD_DETECT_PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  export FRAUD_DETECT_PASSWORD
  mkdir -m 700 test_dir/console
  "${in_image[@]}" --env FRAUD_DETECT_PASSWORD "$1" fraud-detect accounts add admin || { rm -rf test_dir/console; exit 1; }
  echo "Log in as admin with the password $FRAUD_DETECT_PASSWORD"
fi
echo "http://127.0.0.1:${PORT:-8090}"
exec "${in_image[@]}" "$1" console --host 127.0.0.1 --port "${PORT:-8090}" --endpoint "http://127.0.0.1:${SERVER_PORT:-8080}"
