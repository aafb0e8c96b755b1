#!/bin/sh
# Runs each command of tokenizer_bench once, briefly: tokenizer_bench_test.sh PATH_OF_TOKENIZER_BENCH
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '["a text and another text", "the last text"]' >"$work/documents.json"
printf '%s\n' "train 260 1 $work/t.json" "load t $work/t.json" 'encode t 1' |
  "$1" "$work/documents.json" >"$work/out"
cat "$work/out"
[ "$(grep -c '"seconds"' "$work/out")" = 2 ] || { echo "expected two answers with seconds" >&2; exit 1; }
