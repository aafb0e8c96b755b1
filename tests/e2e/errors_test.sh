#!/bin/sh
# What a user can do wrong, and what a machine can: broken files of every kind, a full disk, limits,
# two processes at once, signals. Each time one line that names the place, an exit status that is not
# 0, and all that was there is still there.
#
#   errors_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh
"$tutti" train "$work/tiny.toml" train.steps=20 checkpoint.every=10 >"$work/out" 2>"$work/err" ||
  fail "train: $(tail -1 "$work/err")"
run="$work/run" data="$work/data" tokenizer="$work/tokenizer.json"

# refuse PATTERN ARGUMENT...: `tutti ARGUMENT...` ends with status 1, prints nothing on standard
# output, and its one error line, after warnings at most, matches PATTERN.
refuse() {
  pattern=$1
  shift
  "$tutti" "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
  [ "$status" = 1 ] || fail "$*: status $status, expected 1: $(cat "$work/err")"
  [ ! -s "$work/out" ] || fail "$*: printed $(head -3 "$work/out")"
  [ "$(grep -c ': error: ' "$work/err")" = 1 ] || fail "$*: not one error: $(cat "$work/err")"
  tail -n 1 "$work/err" | grep -q -e "error: .*$pattern" ||
    fail "$*: no '$pattern' at the end of: $(cat "$work/err")"
}

# Configs that are none.
: >"$work/empty.toml"
refuse 'empty.toml: model.layers is not set' plan "$work/empty.toml"
refuse 'no.toml: cannot open: No such file' plan "$work/no.toml"
refuse 'is a directory, expected a file' plan "$work"
refuse '/dev/null: is a pipe or a device' plan /dev/null
head -c 150 "$work/tiny.toml" >"$work/cut.toml"
refuse 'cut.toml:[0-9]*:[0-9]*: ' plan "$work/cut.toml"
printf '[model]\npreset = "\377"\n' >"$work/bytes.toml"
refuse 'bytes.toml:2:.*utf-8' plan "$work/bytes.toml"
printf '[model]\nlayer = 2\n' >"$work/key.toml"
refuse 'key.toml:2:.*model.layer; did you mean "model.layers"' plan "$work/key.toml"
refuse 'train.steps: got the string "10ms".*the unit is steps' plan "$work/tiny.toml" train.steps=10ms
refuse 'more than 64 bits' plan "$work/tiny.toml" train.seed=99999999999999999999

# Tokenizers that are none, and text that is none.
mkdir "$work/dir"
head -c 900 "$tokenizer" >"$work/cut.json"
sed 's/a/\xff/' "$tokenizer" >"$work/bytes.json"
for name in empty.toml:'not JSON: ' cut.json:'not JSON: ' bytes.json:'ill-formed UTF-8' \
  dir:'is a directory' no.json:'cannot open'; do
  refuse "${name%%:*}: .*${name#*:}" tokenizer encode --tokenizer "$work/${name%%:*}" hi
  refuse "${name%%:*}: .*${name#*:}" data prepare "$work/text" --tokenizer "$work/${name%%:*}" \
    --out "$work/never"
  refuse "tokenizer.path: .*${name%%:*}: .*${name#*:}" train "$work/tiny.toml" run.dir="$work/never" \
    tokenizer.path="$work/${name%%:*}"
  [ ! -e "$work/never" ] || fail "a refused command made its directory"
done
refuse 'position 1: token 999999' tokenizer decode --tokenizer "$tokenizer" 1 999999
printf 'abc\377def' >"$work/bytes.txt"
refuse 'bytes.txt: not UTF-8: byte 0xff at offset 3' tokenizer train "$work/bytes.txt" \
  --out "$work/never"
refuse 'bytes.txt: not UTF-8: byte 0xff at offset 3' data prepare "$work/bytes.txt" \
  --tokenizer "$tokenizer" --out "$work/new"
for line in '{"text": 3}:got number' '{"text": "cut:missing closing quote' '[1]:expected an object' \
  '{"txt": "a"}:no such field'; do
  printf '{"text": "good"}\n%s\n' "${line%:*}" >"$work/lines.jsonl"
  refuse "lines.jsonl:2: .*${line##*:}" data prepare "$work/lines.jsonl" --tokenizer "$tokenizer" \
    --out "$work/new"
done
grep -q 'line 1' "$work/err" && fail "a JSON line has two numbers: $(cat "$work/err")"

# Token files. broken COMMAND PATTERN: train, eval and inspect refuse a dataset that COMMAND broke.
broken() {
  rm -rf "$work/broken" && cp -r "$data" "$work/broken" && (cd "$work/broken" && eval "$1")
  refuse "data.train: .*$2" train "$work/tiny.toml" data.train="$work/broken/train" \
    run.dir="$work/never"
  refuse "--data: .*$2" eval "$run" --data "$work/broken/train"
  refuse "$2" data inspect "$work/broken"
}
broken ': >train.idx' 'train.idx: 0 bytes, the header alone has 34'
broken 'truncate -s 40 train.idx' 'train.idx: .*do not fill the 6 bytes'
broken 'printf XXXX | dd of=train.idx conv=notrunc 2>/dev/null' 'train.idx: .*magic'
broken 'printf "\377\377\377\377\377\377\377\177" |
  dd of=train.idx bs=1 seek=18 conv=notrunc 2>/dev/null' 'train.idx: 9223372036854775807 sequences'
broken 'truncate -s 100 train.bin' 'train.idx: sequence 0 ends at byte .*the .bin has 100 bytes'
broken 'rm train.bin' 'train.bin: cannot open'
broken 'printf "\377\377" | dd of=train.bin bs=1 seek=100 conv=notrunc 2>/dev/null' \
  'train.bin: token 65535 at index 50 (byte offset 100)'
refuse 'data.train: .*3[0-9]* tokens are less than one sample' train "$work/tiny.toml" \
  model.context=100000 train.seq_len=99999 run.dir="$work/never"

# Checkpoints. damaged COMMAND PATTERN: the newest one is refused by name; of the run the one before
# it is used, and it is said that it is.
damaged() {
  rm -rf "$work/damaged" && cp -r "$run" "$work/damaged" &&
    (cd "$work/damaged/step-000020" && eval "$1")
  newest="$work/damaged/step-000020"
  refuse "$2" eval "$newest" --data "$data/train"
  refuse "$2" generate "$newest" --prompt x
  "$tutti" ckpt verify "$work/damaged" >"$work/out" 2>"$work/err" && fail "verify finds no fault: $1"
  grep -q "^fault  .*$2" "$work/out" || fail "verify says no '$2': $(cat "$work/out")"
  grep -q '^ok .*step-000010' "$work/out" || fail "verify does not see the good one: $1"
  "$tutti" train "$work/tiny.toml" run.dir="$work/damaged" train.steps=20 --resume >"$work/out" \
    2>"$work/err" || fail "resume after $1: $(tail -1 "$work/err")"
  grep -q "warning skipping a checkpoint: .*$2" "$work/err" || fail "not said: $1: $(cat "$work/err")"
  grep -q '^steps .*10 are done' "$work/err" || fail "not from step 10 after $1"
}
tensors='rank-00000.safetensors'
damaged ': >manifest.json' 'manifest.json: '
damaged 'truncate -s 300 manifest.json' 'manifest.json: .*it was changed or cut'
damaged "truncate -s 1000 $tensors" "$tensors: the header's length is .*only 992 bytes follow"
damaged ": >$tensors" "$tensors: the file has 0 bytes"
damaged "rm $tensors" "$tensors: cannot open"
damaged "printf '\\377\\377\\377\\377\\377\\377\\377\\377' | dd of=$tensors bs=1 conv=notrunc 2>/dev/null" \
  "$tensors: the header's length is 18446744073709551615, the limit is"
damaged "printf '\\1\\2\\3' | dd of=$tensors bs=1 seek=20000 conv=notrunc 2>/dev/null" \
  "$tensors: tensor \"[a-z0-9._]*\": the digest"
for verb in 'ckpt inspect' 'ckpt verify' "eval --data $data/train" 'generate --prompt x'; do
  # shellcheck disable=SC2086  # words of a command
  refuse "$work/dir: .*no checkpoint" $verb "$work/dir"
  # shellcheck disable=SC2086
  refuse "$work/no: cannot list: No such file" $verb "$work/no"
done
refuse "$run holds checkpoints already; name another directory" \
  ckpt reshard "$run" --to "$run" --ranks 2
refuse 'elements do not fill 99999 files' ckpt reshard "$run" --to "$work/never" --ranks 99999

# Disks that are full, by a limit of the process: whatever writes fails with a line, and what was
# there before is there.
limited() {
  pattern=$1 blocks=$2
  shift 2
  before=$(cd "$work" && find data run tokenizer.json -type f -exec cksum {} + | sort)
  (ulimit -f "$blocks" && exec "$tutti" "$@") >"$work/out" 2>"$work/err" </dev/null
  status=$?
  [ "$status" = 1 ] || fail "$* within $blocks blocks: status $status: $(tail -1 "$work/err")"
  tail -n 1 "$work/err" | grep -q "error: .*$pattern.*: cannot write: File too large" ||
    fail "$* within $blocks blocks: $(tail -1 "$work/err")"
  [ "$(cd "$work" && find data run tokenizer.json -type f -exec cksum {} + | sort)" = "$before" ] ||
    fail "$* within $blocks blocks changed what was there"
  left=$(find "$work" -name '*.tmp*')
  [ -z "$left" ] || fail "$* within $blocks blocks left $left"
}
limited tokenizer.json.tmp 2 tokenizer train "$work/text" --vocab 290 --out "$tokenizer"
limited train.bin.tmp 2 data prepare "$work/text" --tokenizer "$tokenizer" --out "$data" \
  --validation 0.4
limited limited/tokenizer.json.tmp 2 train "$work/tiny.toml" run.dir="$work/limited"
limited log.jsonl 40 train "$work/tiny.toml" run.dir="$work/limited-log" train.steps=5000 \
  log.tensorboard=false
limited "step-000005.tmp-[0-9a-f]*/$tensors" 100 train "$work/tiny.toml" \
  run.dir="$work/limited-save" checkpoint.every=5 checkpoint.async=false
for verb in explain 'explain --help' 'plan configs/quickstart.toml' "ckpt inspect $run" \
  "data inspect $data" "tokenizer encode --tokenizer $tokenizer hi" "generate $run --prompt hi"; do
  # shellcheck disable=SC2086
  "$tutti" $verb >/dev/full 2>"$work/err" && fail "$verb: a full standard output went unnoticed"
  [ "$(wc -l <"$work/err")" = 1 ] || fail "$verb >/dev/full: not one line: $(cat "$work/err")"
  grep -q 'standard output: No space left' "$work/err" || fail "$verb >/dev/full: $(cat "$work/err")"
done
mkfifo "$work/pipe"
refuse "$work/pipe: is no regular file" tokenizer train "$work/text" --vocab 300 --out "$work/pipe"
[ -p "$work/pipe" ] || fail 'a pipe was replaced by a file'

# Two runs in one directory: the second is told who has it. A killed one holds nothing.
"$tutti" train "$work/tiny.toml" run.dir="$work/shared" train.steps=1000000 checkpoint.every=20 \
  2>"$work/first" &
pid=$!
until [ -d "$work/shared/step-000020" ]; do
  kill -0 "$pid" 2>"$work/out" || fail "the run ended by itself: $(tail -1 "$work/first")"
  sleep 0.05
done
held="run.dir: $work/shared is in use: $work/shared/lock is held by process $pid on "
refuse "$held" train "$work/tiny.toml" run.dir="$work/shared" --resume train.steps=1000000
refuse "$held" train "$work/tiny.toml" run.dir="$work/shared"
"$tutti" eval "$work/shared" --data "$data/train" --batches 1 >"$work/out" 2>"$work/err" ||
  fail "eval beside a run: $(cat "$work/err")"
kill -s KILL "$pid"
wait "$pid" 2>"$work/out"
[ -e "$work/shared/lock" ] || fail 'the killed run left no lock: then what was tested?'
step=$(wc -l <"$work/shared/log.jsonl")
"$tutti" train "$work/tiny.toml" run.dir="$work/shared" --resume train.steps=$((step + 5)) \
  2>"$work/err" || fail "resume after SIGKILL: $(tail -1 "$work/err")"
[ ! -e "$work/shared/lock" ] || fail 'a run that ended left its lock'

# A preparation that is told to stop leaves what was there, and nothing half-made.
for _ in $(seq 100); do cat docs/*.md; done >"$work/long.txt"
for signal in TERM:143 INT:130; do
  "$tutti" data prepare "$work/long.txt" --tokenizer "$tokenizer" --out "$work/stopped" --threads 1 \
    >"$work/out" 2>"$work/err" &
  pid=$!
  until [ -e "$work/stopped/train.bin.tmp" ]; do
    kill -0 "$pid" 2>"$work/out" || break
  done
  kill -s "${signal%:*}" "$pid" 2>"$work/out"
  wait "$pid"
  status=$?
  [ "$status" = "${signal#*:}" ] || fail "SIG${signal%:*}: status $status: $(cat "$work/err")"
  grep -q "asked to stop: $work/stopped stays" "$work/err" || fail "not said: $(cat "$work/err")"
  [ -z "$(ls "$work/stopped")" ] || fail "SIG${signal%:*} left $(ls "$work/stopped")"
done

# --json: one object on standard output, and nothing else there.
for verb in "tokenizer train $work/text --vocab 290 --out $work/t.json" \
  "tokenizer encode --tokenizer $tokenizer hello" "tokenizer decode --tokenizer $tokenizer 40 41" \
  "data prepare $work/text --tokenizer $tokenizer --out $work/d" "data inspect $data" \
  "train $work/tiny.toml run.dir=$work/json train.steps=12" "eval $run --data $data/train" \
  "plan $work/tiny.toml" "generate $run --prompt hi --tokens 3" explain 'explain optim' \
  'explain optim.lr' "ckpt inspect $run" "ckpt verify $run" \
  "ckpt reshard $run --to $work/three --ranks 3" 'doctor --threads 1'; do
  # shellcheck disable=SC2086
  "$tutti" $verb --json >"$work/out" 2>"$work/err" </dev/null || fail "$verb: $(cat "$work/err")"
  tools/with_python -c 'import json, sys; assert isinstance(json.load(sys.stdin), dict)' \
    <"$work/out" 2>"$work/err" || fail "$verb --json: not one object: $(head -3 "$work/out")"
done
echo 'errors are as they should be'
