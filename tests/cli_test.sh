#!/bin/sh
# The command line's contract: exit status 0, 1 (the work failed) or 2 (a wrong command line); errors
# are one line on standard error; --json is one JSON object on standard output.
#
#   cli_test.sh PATH_OF_TUTTI
tutti=$1
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME="$work/cache"

fail() {
  echo "FAILED: $1" >&2
  sed 's/^/  out: /' "$work/out" >&2
  sed 's/^/  err: /' "$work/err" >&2
  failures=$((failures + 1))
}

# expect STATUS STREAM PATTERN ARGUMENT...: `tutti ARGUMENT...` ends with STATUS, and STREAM (out or
# err) has a line that the basic regular expression PATTERN matches.
expect() {
  status=$1 stream=$2 pattern=$3
  shift 3
  "$tutti" "$@" >"$work/out" 2>"$work/err"
  got=$?
  [ "$got" = "$status" ] || fail "tutti $*: exit status $got, expected $status"
  grep -q -e "$pattern" "$work/$stream" || fail "tutti $*: no '$pattern' on std$stream"
  if [ "$status" = 1 ] && [ "$(wc -l <"$work/err")" != 1 ]; then
    fail "tutti $*: the error is not one line"
  fi
}

expect_json() {
  expect 0 out '^{' "$@"
  tools/with_python -m json.tool "$work/out" >"$work/err" 2>&1 || fail "tutti $*: not JSON"
}

expect 2 err 'Usage: tutti VERB'
expect 0 out 'Usage: tutti VERB' --help
expect 0 out '^tutti [0-9]*\.[0-9]*\.[0-9]*$' --version
expect 2 err "unknown verb 'docter'; did you mean \"doctor\"" docter
expect 2 err '^tutti explain: error: .*--nonsense.*see tutti explain --help' explain --nonsense
expect 0 out 'Highest learning rate' explain optim.lr
expect 0 out '^\[checkpoint\]' explain
expect 0 out 'warmup_steps' explain optim
expect 1 err 'did you mean "optim.lr"' explain optim.rl
expect 1 err 'did you mean "train.steps"' explain steps
expect_json explain --json
expect_json doctor --json --threads 1
[ -s "$work/cache/tutti/machine.json" ] || fail 'tutti doctor kept no measurement'
expect 0 out '^Measured  *[0-9.]* GFLOP/s' doctor --threads 1
expect 1 err '^tutti doctor: error: .*no/such/place' doctor --dir /no/such/place

expect 0 out '^  total  *[0-9]* B' plan configs/quickstart.toml
expect 0 out '^  fuse_loss  *[0-9]* ' plan configs/quickstart.toml --passes
expect 0 out '^graph train' plan configs/quickstart.toml --dump place
expect 0 out '^program train stage=0' plan configs/quickstart.toml --program
expect 0 out 'Memory of a rank, stage 1 of 2' plan configs/llama3-8b.toml parallel.pp=2
expect_json plan configs/llama3-8b.toml parallel.shard=4 parallel.tp=2 --json
expect 1 err 'no pass called plase; did you mean "place"' plan configs/quickstart.toml --dump plase
expect 0 out 'layers [0-9]*, [0-9]*; ' plan configs/quickstart.toml parallel.pp=2
expect 0 out '^0 |F0 *F1 ' plan configs/gpt2-124m.toml parallel.pp=4 train.global_batch=32 parallel.schedule=zbv --schedule
expect 0 out 'offloaded [0-9]* B (.*); a step fetches [0-9]* B and stores [0-9]* B' \
  plan configs/quickstart.toml parallel.offload=parameters,optimizer
expect 1 err '"weights" is none of parameters, optimizer and activations' \
  plan configs/quickstart.toml parallel.offload=optimizer,weights
expect 1 err 'set parallel.zero = 3' plan configs/quickstart.toml parallel.shard=2 parallel.zero=1 \
  parallel.offload=parameters
expect 1 err 'parallel.offload_dir is for parallel.offload to a file' \
  plan configs/quickstart.toml parallel.offload_dir=/x
expect 1 err 'can be planned; raise train.micro_batch' \
  plan configs/quickstart.toml train.global_batch=1000000
expect 2 err "unknown verb 'prepair'; did you mean \"prepare\".*; expected prepare, inspect" data prepair
expect 2 err 'A subcommand is required' ckpt
expect 0 out 'tutti ckpt reshard runs/quickstart --to' ckpt reshard --help
expect 2 err '--ranks' ckpt reshard runs/none --to "$work/x" --ranks 0
expect 1 err '^tutti ckpt reshard: error: /no/such' ckpt reshard /no/such --to "$work/x" --ranks 2
expect 2 err '--seed: got -1, expected a number from 0 on' generate runs/none --seed -1
expect 1 err '^tutti import: error: /no/such/config.json' import /no/such "$work/x"
expect 1 err '^tutti export: error: ' export /no/such "$work/x"
expect 2 err 'hold no weights' export /no/such "$work/x" --shard-size 0
expect 2 err '--dtype' export /no/such "$work/x" --dtype f8
expect 2 err 'excludes' plan configs/quickstart.toml --program --dump place

expect 1 err '^tutti report: error: /no/such holds no log.jsonl: it is no run' report /no/such
expect 2 err '--json and -o - both write to standard output' report x -o - --json

expect 0 out '300 tokens' tokenizer train docs --vocab 300 --out "$work/t.json"
expect 0 out 'train  *[0-9]* tokens' data prepare docs --tokenizer "$work/t.json" --out "$work/d"
expect 0 out 'unchanged, reused' data prepare docs --tokenizer "$work/t.json" --out "$work/d"
expect 0 out '0 documents of 0 tokens are exact copies' data inspect "$work/d"
expect_json data inspect "$work/d" --json
cp "$work/d/train.bin" "$work/nano.bin"
expect 0 out 'documents  *[0-9]*, of' data inspect "$work/nano.bin" --tokenizer "$work/t.json"
expect 1 err 'no tokens here: .*/none.idx' data inspect "$work/none"
expect 0 out '75.0000 %' data inspect configs/quickstart.toml tokenizer.path= data.train= \
  train.seq_len=64 "data.mixture=[{path='$work/d/train', weight=3}, {path='$work/nano.bin'}]"
expect_json data inspect configs/quickstart.toml tokenizer.path= data.train="$work/d/train" --json
printf 'caf\351 au lait\n' >"$work/latin1.txt"
expect 1 err 'latin1.txt: not UTF-8: byte 0xe9 at offset 3' \
  data prepare "$work/latin1.txt" --tokenizer "$work/t.json" --out "$work/e"
expect 0 out 'train  *[0-9]* tokens' data prepare "$work/latin1.txt" --invalid-utf8 replace \
  --validation 0 --tokenizer "$work/t.json" --out "$work/e"
printf '[model]\npreset = "gpt2-tiny"\n[train]\nseq_len = 64\n[tokenizer]\npath = "%s"\n[data]\n%s\n' \
  "$work/t.json" 'invalid_utf8 = "replace"' >"$work/run.toml"
expect 0 out 'unchanged, reused' data prepare "$work/latin1.txt" --config "$work/run.toml" \
  --validation 0 --out "$work/e"
expect 1 err "invalid_utf8 'ignore': expected error or replace" data prepare docs --out x \
  --invalid-utf8 ignore
printf 'caf\303\251 au lait, caf\303\251' >"$work/text.txt"
printf 'caf\351' >"$work/latin1.txt"
expect 0 out ' tokens from 20 B' tokenizer train "$work/text.txt" --vocab 260 --out "$work/t.json"
expect 0 out '^[0-9 ]*$' tokenizer encode --tokenizer "$work/t.json" --file "$work/text.txt"
expect 1 err 'latin1.txt: the text is not UTF-8: byte 0xe9 at offset 3' \
  tokenizer encode --tokenizer "$work/t.json" --file "$work/latin1.txt"
expect_json tokenizer encode --tokenizer "$work/t.json" --file "$work/latin1.txt" \
  --invalid-utf8 replace --json
expect 1 err 'text.txt: not JSON: ' tokenizer encode --tokenizer "$work/text.txt" x
expect 2 err 'excludes' tokenizer encode --tokenizer "$work/t.json" --file "$work/text.txt" x

# Every verb in the list describes itself and gives an example, and so do those below it.
described() {
  expect 0 out "tutti $*" "$@" --help
  grep -q "^  tutti $*" "$work/out" || fail "tutti $* --help gives no example"
}
for verb in $("$tutti" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
  described "$verb"
  for below in $(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\)  .*/\1/p' "$work/out"); do
    described "$verb" "$below"
  done
done
# The examples of plan and explain work as they are written; those of the other verbs need a corpus
# or a run, and the end-to-end tests give them one.
for verb in plan explain; do
  # What an example writes goes where the test's files are.
  "$tutti" "$verb" --help | sed -n "s|^  tutti ||; T; s|--svg |--svg $work/|; p" >"$work/examples"
  while read -r line; do
    # shellcheck disable=SC2086  # words of a command
    expect 0 out . $line
  done <"$work/examples"
done
grep -q '^</svg>$' "$work/zbv.svg" || fail 'the example of --svg drew nothing'

if "$tutti" explain >/dev/full 2>"$work/err"; then fail 'a full standard output went unnoticed'; fi

[ "$failures" = 0 ] && echo 'the command line behaves' && exit 0
exit 1
