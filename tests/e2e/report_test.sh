#!/bin/sh
# `tutti report` as a user calls it, of runs as they end up: whole, of one step, killed and torn,
# resumed, diverged, without a config.
#
#   report_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh

# train DIR KEY=VALUE...
train() {
  dir=$1
  shift
  "$tutti" train "$work/tiny.toml" run.dir="$dir" "$@" 2>"$work/err"
}

# The page is well-formed XML, has CHARTS charts, draws no number that is none, and refers to nothing
# outside.
check_page() {
  tools/with_python - "$1" "$2" <<'END' || fail "$1"
import sys
import xml.etree.ElementTree as xml

page, charts = sys.argv[1], int(sys.argv[2])
svg = "{http://www.w3.org/2000/svg}"
root = xml.parse(page).getroot()
found = root.findall(f".//{svg}svg")
assert len(found) == charts, f"{len(found)} charts, expected {charts}"
for element in root.iter():
    for name, value in element.attrib.items():
        assert name not in ("src", "href") and "url(" not in value, f"{name}={value}"
        if name in ("d", "cx", "cy", "x", "y", "transform"):
            assert "nan" not in value and "inf" not in value, f"{name}={value}"
    assert element.tag != "script"
for chart in found:
    words = [text.text for text in chart.iter(f"{svg}text")]
    assert "step" in words and len(words) > 5, words
END
}

report() {
  "$tutti" report "$@" >"$work/out" 2>"$work/err" || fail "report $*: $(cat "$work/err")"
}

train "$work/run" train.steps=40 train.eval_every=10 data.validation="$work/data/train" \
  'run.name=<script>a & b</script>' || fail "train: $(tail -1 "$work/err")"
report "$work/run"
grep -q "^$work/run/report.html: 40 steps, " "$work/out" || fail "said $(cat "$work/out")"
check_page "$work/run/report.html" 5
grep -q '<h1>&lt;script&gt;a &amp; b&lt;/script&gt;</h1>' "$work/run/report.html" ||
  fail 'the name is not escaped'
grep -q '>validation<' "$work/run/report.html" || fail 'no line of the validation loss'
grep -q '<th>optim.lr</th><td>0.01</td>' "$work/run/report.html" || fail 'no config'
report "$work/run/" -o -
cmp -s "$work/out" "$work/run/report.html" || fail '-o - prints another page'
report "$work/run" --out "$work/page.html" --json
tools/with_python - "$work/out" "$work/page.html" <<'END' || fail "--json: $(cat "$work/out")"
import json, os, sys
said = json.load(open(sys.argv[1]))
assert said["file"] == sys.argv[2] and said["bytes"] == os.path.getsize(sys.argv[2])
assert (said["steps"], said["last_step"], said["torn_line"]) == (40, 40, False)
assert said["best_validation_step"] in (10, 20, 30, 40) and said["loss"] > 0
END
"$tutti" report "$work/run" >/dev/full 2>"$work/err" && fail 'a full standard output went unnoticed'
"$tutti" report "$work/run" -o "$work/no/such/page.html" >"$work/out" 2>"$work/err" &&
  fail 'a page in no directory'
grep -q 'no/such/page.html' "$work/err" || fail "the error does not name the page"

train "$work/one" train.steps=1 optim.warmup_steps=0 || fail "one step: $(tail -1 "$work/err")"
report "$work/one"
check_page "$work/one/report.html" 5

# Killed while it ran, with a last line that has no end; then resumed.
"$tutti" train "$work/tiny.toml" run.dir="$work/killed" train.steps=1000000 checkpoint.every=20 \
  2>"$work/err" &
pid=$!
until [ "$(cat "$work/killed/log.jsonl" 2>/dev/null | wc -l)" -ge 30 ]; do
  kill -0 "$pid" 2>"$work/out" || fail "the run ended by itself: $(tail -1 "$work/err")"
  sleep 0.05
done
"$tutti" report "$work/killed" >"$work/out" 2>&1 || fail "while it trains: $(cat "$work/out")"
check_page "$work/killed/report.html" 5
kill -s KILL "$pid"
wait "$pid" 2>"$work/out"
printf '{"step":999999,"lo' >>"$work/killed/log.jsonl"
report "$work/killed"
grep -q 'class="note">The last line of log.jsonl has no end' "$work/killed/report.html" ||
  fail 'a torn line went unnoticed'
check_page "$work/killed/report.html" 5
steps=$(($(wc -l <"$work/killed/log.jsonl") + 30))
train "$work/killed" train.steps="$steps" --resume || fail "resume: $(tail -1 "$work/err")"
report "$work/killed"
grep -q "^$work/killed/report.html: $steps steps, " "$work/out" || fail "said $(cat "$work/out")"
if grep -q 'class="note"' "$work/killed/report.html"; then fail 'a note of a run without faults'; fi

# A gradient that is not finite, ten times in a row.
train "$work/diverged" train.steps=60 optim.lr=10 optim.weight_decay=10 optim.warmup_steps=0 &&
  fail 'a decay of 100 times each weight went well'
grep -q '"loss":"' "$work/diverged/log.jsonl" || fail "no loss is nan: $(cat "$work/diverged/log.jsonl")"
report "$work/diverged"
check_page "$work/diverged/report.html" 5
grep -q 'Skipped steps' "$work/diverged/report.html" || fail 'no skipped steps'
grep -q 'class="mark"' "$work/diverged/report.html" || fail 'no marks of skipped steps'

# What is not there, and what is broken.
echo 'not a config' >"$work/one/config.toml"
report "$work/one"
grep -q 'class="note">The run.* config was not read: .*config.toml' "$work/one/report.html" ||
  fail 'a broken config went unnoticed'
echo 'not a log' >"$work/one/log.jsonl"
"$tutti" report "$work/one" >"$work/out" 2>"$work/err" && fail 'a report of no log'
grep -q "error: $work/one/log.jsonl: none of its 1 lines is a step's record" "$work/err" ||
  fail "said $(cat "$work/err")"
echo passed
