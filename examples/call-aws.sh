#!/bin/sh
# Has Countersign send the request in a file, and prints what it answers.
#
#   SIGNER=http://localhost:8080 KEY=my-flow... examples/call-aws.sh examples/request.json
#
# Exits with 0 when AWS answered with success, with 1 when Countersign or AWS refused, and with the exit code of curl
# when nothing answered. A refusal is on standard error, as a problem document. It needs curl and nothing else.
set -eu

: "${SIGNER:?set SIGNER to the address of Countersign, such as http://localhost:8080}"
: "${KEY:?set KEY to your API key: KEY=\$(countersign key new my-flow)}"

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# The key is read from standard input, so that it does not show in the list of processes.
status=$(printf 'header = "X-API-Key: %s"\n' "$KEY" |
  curl -sS --config - --max-time 120 --output "$answer" --write-out '%{http_code}' \
    --header 'Content-Type: application/json' --data-binary "@${1:?name the file with the request}" "$SIGNER/v1/send")

case $status in
  200) cat "$answer"; echo ;;
  *)
    echo "Countersign answered $status:" >&2
    cat "$answer" >&2
    echo >&2
    exit 1
    ;;
esac
