#!/bin/sh
# `tutti export` and `tutti import` as a user calls them: a trained model goes out, comes back in,
# generates the same text, is fine-tuned, and nothing that is there is replaced.
#
#   hugging_face_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh

# tutti_ok ARGUMENT...: must succeed; its output is in $work/out.
tutti_ok() {
  "$tutti" "$@" >"$work/out" 2>"$work/err" || fail "tutti $*: $(tail -1 "$work/err")"
}

# refuse PATTERN ARGUMENT...: ends with status 1 and one line that matches.
refuse() {
  pattern=$1
  shift
  "$tutti" "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ "$status" = 1 ] || fail "tutti $*: status $status, expected 1: $(cat "$work/err")"
  [ "$(wc -l <"$work/err")" = 1 ] || fail "tutti $*: not one line: $(cat "$work/err")"
  grep -q -e "$pattern" "$work/err" || fail "tutti $*: no '$pattern' in: $(cat "$work/err")"
}

# text_of MODEL: what it generates.
text_of() {
  "$tutti" generate "$1" --prompt 'An op is' --tokens 30 --temperature 0 --ignore-end \
    2>"$work/err" || fail "generate $1: $(cat "$work/err")"
}

tutti_ok train "$work/tiny.toml" train.steps=20
tutti_ok export "$work/run" "$work/hf"
for file in config.json generation_config.json model.safetensors tokenizer.json \
  tokenizer_config.json; do
  [ -s "$work/hf/$file" ] || fail "the export has no $file"
done
refuse 'is there already; --force replaces it' export "$work/run" "$work/hf"
tutti_ok export "$work/run" "$work/hf2"
diff -r "$work/hf" "$work/hf2" >"$work/diff" || fail "a second export differs: $(cat "$work/diff")"
tutti_ok export "$work/run" "$work/hf2" --force --shard-size 10KB --json
[ -e "$work/hf2/model.safetensors.index.json" ] || fail 'not sharded'
[ ! -e "$work/hf2/model.safetensors" ] || fail 'the weights of the first export are still there'
tools/with_python -m json.tool "$work/out" >"$work/json" || fail 'export --json is not JSON'

tutti_ok import "$work/hf2" "$work/imported"
refuse 'holds a run already (config.toml); import into another' import "$work/hf" "$work/imported"
refuse 'holds a run (config.toml); export into another' export "$work/run" "$work/imported" --force
refuse 'holds a Hugging Face model (config.json)' train "$work/tiny.toml" run.dir="$work/hf"
tutti_ok ckpt verify "$work/imported"
text_of "$work/run" >"$work/expected"
for model in hf hf2 imported; do
  text_of "$work/$model" >"$work/said"
  cmp -s "$work/expected" "$work/said" || fail "$model generates another text than the run"
done
loss() {
  "$tutti" eval "$1" --data "$work/data/train" --json | sed -n 's/.*"loss": \([0-9.]*\),$/\1/p'
}
before=$(loss "$work/imported")
[ -n "$before" ] && [ "$before" = "$(loss "$work/hf")" ] || fail 'eval of the directory differs'
tutti_ok ckpt reshard "$work/imported" --to "$work/resharded" --ranks 3
tutti_ok ckpt verify "$work/resharded"
[ "$before" = "$(loss "$work/resharded")" ] || fail 'eval of three shards differs'

tutti_ok train "$work/imported/config.toml" data.train="$work/data/train" train.steps=20 \
  optim.lr=1e-2 train.micro_batch=4
after=$(loss "$work/imported-tuned")
awk -v a="$after" -v b="$before" 'BEGIN { exit !(a < b) }' || fail "tuning: $before, then $after"
refuse 'model.layers = 5, but model.init' train "$work/imported/config.toml" model.layers=5 \
  data.train="$work/data/train" run.dir="$work/other"

# What is not as it should be is one line that says so.
refuse 'no/such/config.json\|no/such: ' import "$work/no/such" "$work/x"
sed -i 's/"hidden_act": "silu"/"hidden_act": "relu"/' "$work/hf/config.json"
refuse 'hidden_act = "relu" is not supported' import "$work/hf" "$work/x"
rm "$work/hf2/model-00002-of-"*
refuse 'model-00002-of-.* is not there' generate "$work/hf2" --prompt x
[ ! -e "$work/x" ] || fail 'a refused import left a directory'
echo 'models go out and come back'
