# What the end-to-end tests of training share: a corpus of a few samples and the config of a tiny
# model. Sourced with the path of tutti as $1; sets $tutti, $work, a directory that goes when the
# test ends, and $disk, and makes $work/data and $work/tiny.toml.

tutti=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A directory on a disk; where temporary files are in memory it is here instead.
disk=$work
case $(stat -f -c %T "$work") in tmpfs | ramfs) disk=. ;; esac

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# Kernels of one thread; and no measurement that an earlier run kept.
export OMP_NUM_THREADS=1
export XDG_CACHE_HOME="$work/cache"

mkdir -p "$work/text"
head -c 5000 docs/adding-an-op.md >"$work/text/a.txt"
head -c 2000 docs/invariance.md >"$work/text/b.txt"
"$tutti" tokenizer train "$work/text" --vocab 300 --out "$work/tokenizer.json" \
  >"$work/out" 2>"$work/err" || fail "tutti tokenizer train: $(cat "$work/err")"
"$tutti" data prepare "$work/text" --tokenizer "$work/tokenizer.json" --out "$work/data" \
  >"$work/out" 2>"$work/err" || fail "tutti data prepare: $(cat "$work/err")"
cat >"$work/tiny.toml" <<END
[model]
architecture = "llama"
layers = 2
embed = 16
heads = 4
kv_heads = 2
mlp = 32
vocab = 300
context = 64
dropout = 0.1
attention_dropout = 0.1
[data]
train = "$work/data/train"
[train]
steps = 60
seq_len = 32
micro_batch = 2
global_batch = 4
[optim]
lr = 1e-2
warmup_steps = 10
[run]
dir = "$work/run"
END

# The results of a run's log: step, loss and gradient norm, without the times.
results() {
  sed 's/^{"step":\([0-9]*\),"loss":\([^,]*\),"grad_norm":\([^,]*\),.*/\1 \2 \3/' "$1/log.jsonl"
}

# Name, sizes and digest of every tensor of a checkpoint.
tensors() {
  "$tutti" ckpt inspect "$1" | sed '1,/^name /d'
}
