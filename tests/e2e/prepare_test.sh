#!/bin/sh
# `tutti data prepare`, killed (SIGKILL) at random moments and called again, gives the bytes of a
# preparation that was left alone, and does not start over: its journal only grows. Lines of JSON and
# text files, in turn.
#
#   prepare_test.sh PATH_OF_TUTTI [KILLS] [KILOBYTES] [SEED]
#
# The full test: prepare_test.sh build/release/cli/tutti 100 200000
set -u
tutti=$1
kills=${2:-20}
kilobytes=${3:-10000}
seed=${4:-$(date +%s)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "seed $seed"

fail() {
  echo "FAILED (seed $seed): $1" >&2
  exit 1
}

mkdir -p "$work/text"
cat docs/*.md docs/*/*.md README.md >"$work/some"
awk -v want=$((kilobytes * 1000)) -v seed="$seed" -v out="$work" '
  BEGIN { srand(seed) }
  { gsub(/[\\"\t]/, " "); line[NR] = $0 }
  END {
    for (bytes = 0; bytes < want; ++n) {
      words = int(rand() * 20) + 1
      text = ""
      for (i = 0; i < words; ++i) text = text " " line[int(rand() * NR) + 1]
      bytes += length(text)
      if (n % 2) printf "{\"text\": \"%s\"}\n", text >(out "/lines.jsonl")
      else print text >(out "/text/" n % 5 ".txt")
    }
  }' "$work/some"
"$tutti" tokenizer train "$work/some" --format text --vocab 400 --out "$work/tokenizer.json" \
  >"$work/out" 2>"$work/err" || fail "tokenizer train: $(cat "$work/err")"

# The command for INPUT and OUT; called without a function around it, $! is the program itself.
arguments() {
  echo "data prepare $1 --out $2 --tokenizer $work/tokenizer.json --validation 0.1" \
    "--commit-bytes 100000 --json"
}
prepare() { # INPUT OUT
  # shellcheck disable=SC2046
  "$tutti" $(arguments "$1" "$2")
}

outputs() { (cd "$1" && cat train.bin train.idx validation.bin validation.idx dataset.json); }

points() { if [ -f "$1/prepare.journal" ]; then wc -l <"$1/prepare.journal"; else echo 0; fi; }

for input in text lines.jsonl; do
  start=$(date +%s%N)
  prepare "$work/$input" "$work/whole-$input" >"$work/out" 2>"$work/err" ||
    fail "the whole of $input: $(cat "$work/err")"
  echo "$(($(date +%s%N) - start))" >"$work/nanoseconds-$input"
  outputs "$work/whole-$input" >"$work/all-$input"
done

killed=0 completed=0 resumed=0 round=0
while [ "$killed" -lt "$kills" ]; do
  round=$((round + 1))
  [ $((round % 2)) = 0 ] && input=text || input=lines.jsonl
  cut="$work/cut-$round"
  before=0 tries=0 kills_left=$((round % 5 + 1))
  while [ ! -f "$cut/dataset.json" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 100 ] || fail "$input was not done after $tries calls"
    # shellcheck disable=SC2046
    "$tutti" $(arguments "$work/$input" "$cut") >"$work/out" 2>"$work/err" &
    process=$!
    if [ "$kills_left" = 0 ]; then
      wait "$process" || fail "$input: $(cat "$work/err")"
      break
    fi
    # Somewhere within the time that the whole takes.
    sleep "$(awk -v seed="$seed" -v n="$round$tries" -v whole="$(cat "$work/nanoseconds-$input")" \
      'BEGIN { srand(seed * 1000 + n); printf "%.3f", rand() * whole / 1e9 }')"
    if kill -9 "$process" 2>"$work/err-kill"; then
      wait "$process" 2>"$work/err-kill"
      [ $? = 137 ] && killed=$((killed + 1)) kills_left=$((kills_left - 1))
    fi
    if [ ! -f "$cut/dataset.json" ]; then
      now=$(points "$cut")
      [ "$now" -ge "$before" ] || fail "the journal of $input shrank from $before to $now lines"
      before=$now
    fi
  done
  # The last call may have been killed between dataset.json and its end.
  prepare "$work/$input" "$cut" >"$work/out" 2>"$work/err" || fail "$(cat "$work/err")"
  outputs "$cut" | cmp - "$work/all-$input" || fail "$input: other bytes after $tries calls"
  left=$(ls "$cut" | grep -c -e tmp -e journal)
  [ "$left" = 0 ] || fail "$input: left behind: $(ls "$cut")"
  completed=$((completed + 1))
  [ "$before" -gt 1 ] && resumed=$((resumed + 1))
  rm -r "$cut"
done
[ "$resumed" -gt 0 ] || fail "no preparation went on: all of them were killed before their first point"
echo "$killed kills, $completed preparations ($resumed went on from a point): the same bytes each time"
