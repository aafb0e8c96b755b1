#!/bin/sh
# `tutti generate` as a user calls it, on a model of a few steps: what it prints where, that a seed
# decides the text, and what it refuses.
#
#   generate_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh
"$tutti" train "$work/tiny.toml" train.steps=20 2>"$work/err" || fail "train: $(tail -1 "$work/err")"

# generate ARGUMENT...: the text to $work/out.
generate() {
  "$tutti" generate "$@" >"$work/out" 2>"$work/err" || fail "generate $*: $(cat "$work/err")"
}

# refuse PATTERN ARGUMENT...: ends with status 1 and one line that matches, and prints no text.
refuse() {
  pattern=$1
  shift
  "$tutti" generate "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ "$status" = 1 ] || fail "generate $*: status $status, expected 1: $(cat "$work/err")"
  [ "$(wc -l <"$work/err")" = 1 ] || fail "generate $*: not one line: $(cat "$work/err")"
  grep -q -e "$pattern" "$work/err" || fail "generate $*: no '$pattern' in: $(cat "$work/err")"
  [ ! -s "$work/out" ] || fail "generate $*: printed $(cat "$work/out")"
}

run="$work/run"
generate "$run" --prompt 'An op is' --tokens 30 --seed 3 --ignore-end
grep -q '30 tokens in .* tokens/s' "$work/err" || fail "no rate: $(cat "$work/err")"
cp "$work/out" "$work/first"
iconv -f UTF-8 -t UTF-8 "$work/first" >"$work/utf8" || fail 'the text is not UTF-8'

# The same from the checkpoint, from standard input, and behind the prompt.
generate "$run/step-000020" --prompt 'An op is' --tokens 30 --seed 3 --ignore-end
cmp -s "$work/out" "$work/first" || fail 'the checkpoint continues otherwise than its run'
printf 'An op is' | "$tutti" generate "$run" --tokens 30 --seed 3 --ignore-end \
  >"$work/out" 2>"$work/err" || fail "generate from standard input: $(cat "$work/err")"
cmp -s "$work/out" "$work/first" || fail 'a prompt from standard input is continued otherwise'
generate "$run" --prompt 'An op is' --tokens 30 --seed 3 --ignore-end --echo
{ printf 'An op is' && cat "$work/first"; } | cmp -s - "$work/out" || fail '--echo: no prompt'
generate "$run" --prompt 'An op is' --tokens 30 --seed 4 --ignore-end
cmp -s "$work/out" "$work/first" && fail 'another seed gives the same text'

# Greedy text has no seed; it stops where the context ends.
generate "$run" --prompt 'An op' --tokens 1000 --temperature 0 --seed 1 --ignore-end --json
grep -q '"stop_reason": "context"' "$work/out" || fail "not at the context: $(cat "$work/out")"
tools/with_python -m json.tool "$work/out" >"$work/json" || fail 'generate --json is not JSON'
sed -n '/"text"/,/"stop_reason"/p' "$work/out" >"$work/greedy"
generate "$run" --prompt 'An op' --tokens 1000 --temperature 0 --seed 2 --ignore-end --json
sed -n '/"text"/,/"stop_reason"/p' "$work/out" | cmp -s - "$work/greedy" ||
  fail 'greedy text depends on the seed'
generate "$run" --prompt '' --tokens 5

# Weights in BF16; rates are numbers above 0.
generate "$run" --prompt 'An op' --tokens 40 --temperature 0 --ignore-end --weights bf16 --threads 1 --json
grep -q '"weights": "bf16"' "$work/out" || fail "not in BF16: $(cat "$work/out")"
grep -q '"threads": 1,' "$work/out" || fail "not one thread: $(cat "$work/out")"
for rate in prompt_tokens_per_s tokens_per_s memory_bytes_per_s; do
  grep -q "\"$rate\": [0-9.e+]*[1-9]" "$work/out" || fail "no $rate: $(cat "$work/out")"
done

refuse 'no/such' "$work/no/such" --prompt x
refuse 'temperature = -1' "$run" --prompt x --temperature -1
refuse 'top-p = 0' "$run" --prompt x --top-p 0
refuse 'top-k = -3' "$run" --prompt x --top-k -3
refuse 'more than model.context = 64' "$run" --prompt "$(head -c 4000 docs/adding-an-op.md)"
rm "$run/tokenizer.json"
refuse 'no tokenizer: ' "$run" --prompt x
echo 'tutti generate behaves'
