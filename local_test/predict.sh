#!/usr/bin/env bash
# Send a file to the server of serve_local.sh and print the answer: local_test/predict.sh PAYLOAD [TYPE]
# Without TYPE, the media type follows from the extension. PORT is the server's (8080), ACCEPT the wanted media type.
set -euo pipefail

usage="usage: [PORT=8080] [ACCEPT=application/json] $0 PAYLOAD [TYPE]"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "$usage" >&2
  exit 1
fi
if [ ! -r "$1" ]; then
  echo "The file $1 cannot be read; expected a payload such as local_test/payload.csv. Correct its path." >&2
  exit 1
fi

type=${2:-}
if [ -z "$type" ]; then
  case $1 in
    *.csv) type=text/csv ;;
    *.json) type=application/json ;;
    *.jsonl) type=application/jsonlines ;;
    *)
      echo "The extension of $1 is unknown; expected .csv, .json or .jsonl. Give the media type after the file." >&2
      exit 1
      ;;
  esac
fi

exec curl --silent --show-error --fail-with-body --noproxy 127.0.0.1 --header "Content-Type: $type" \
  --header "Accept: ${ACCEPT:-*/*}" --data-binary "@$1" "http://127.0.0.1:${PORT:-8080}/invocations"
