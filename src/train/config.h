// The configuration of a run: what `tutti VERB CONFIG.toml [section.key=value ...]` reads.
//
// `Config` is a value. Every key, with its type, range, meaning and place in this struct, is one
// row of the table in train/config_keys.h; parsing, checking, `tutti explain` and the resolved
// config all follow from that table. Defaults are the initialisers below. Thread-safe: nothing is
// kept.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/document_stream.h"
#include "data/token_dataset.h"
#include "models/config.h"
#include "optim/lr_schedule.h"
#include "plan/plan.h"
#include "schedule/make_schedule.h"
#include "tensor/dtype.h"

namespace tutti {

enum class OffloadTo { kFile, kHost };

struct TokenizerSection {
  std::string path;
};

// One of several sets that training samples come from.
struct MixtureEntry {
  std::string path;   // as data.train
  double weight = 1;  // of its samples; the sum over all sets is the whole
  friend bool operator==(const MixtureEntry&, const MixtureEntry&) = default;
};

struct DataSection {
  std::string train;                  // see data/token_source.h for what a path may name
  std::vector<MixtureEntry> mixture;  // instead of train
  std::string validation;             // as train; empty: none
  int64_t seed = -1;                  // of the sample order; -1 becomes train.seed
  Packing packing = Packing::kStream;
  bool document_mask = false;
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kError;  // of `tutti data prepare --config`

  // What to train on: the mixture, or `train` alone; empty when neither is set.
  std::vector<MixtureEntry> sets() const;
};

struct TrainSection {
  int64_t steps = 1000;
  int64_t seed = 1234;
  int64_t seq_len = 1024;
  int64_t micro_batch = 1;   // samples a rank holds at once
  int64_t global_batch = 0;  // samples a step; 0 becomes micro_batch x data ranks
  int64_t eval_every = 0;    // steps; 0: never
  int64_t eval_batches = 20;
  int64_t threads = 0;  // 0: every core this process may use
};

struct OptimSection {
  double lr = 6e-4;
  double min_lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double grad_clip = 1.0;  // 0: off
  LrShape schedule = LrShape::kCosine;
  int64_t warmup_steps = 0;
  int64_t decay_steps = 0;  // 0 becomes the schedule's natural length
};

struct PrecisionSection {
  DType compute = DType::kF32;
};

inline constexpr int64_t kMiB = 1 << 20;  // of memory_mib and stash_mib, in bytes

// Sizes of the mesh axes and what is done along them.
struct ParallelSection {
  int64_t pp = 1, dp = 1, shard = 1, ep = 1, cp = 1, tp = 1;
  int64_t zero = 0;
  GradReduce grad_reduce = GradReduce::kAuto;
  int64_t prefetch = 1;  // blocks
  bool reshard_after_forward = true;
  bool sequence_parallel = true;
  ContextParallel context_parallel = ContextParallel::kRing;
  double timeout_s = 600;
  bool check_calls = false;
  PipelineSchedule schedule = PipelineSchedule::k1F1B;
  int64_t chunks = 0;           // of a stage; 0: as the schedule has
  std::string schedule_file;    // of schedule = "file"
  double schedule_memory = 1;   // of schedule = "zero-bubble": times what 1F1B holds
  std::string stages = "cost";  // or "equal", or the layers of each: "7,5"
  std::string stage_speeds;     // "1,0.5"; empty: all alike
  RecomputePolicy recompute = RecomputePolicy::kNone;
  int64_t memory_mib = 0;        // that a rank may take; 0: what the machine has
  int64_t stash_mib = 0;         // of recompute = "budget": activations of a rank
  std::string offload = "none";  // or of "parameters,optimizer,activations"
  OffloadTo offload_to = OffloadTo::kFile;
  std::string offload_dir;  // of the file; empty: run.dir
};

struct CheckpointSection {
  int64_t every = 0;  // steps; 0: only at the end
  int64_t keep = 2;   // 0: all
  bool async = true;
};

struct LogSection {
  int64_t every = 1;  // steps
  bool tensorboard = true;
};

struct RunSection {
  std::string dir = "runs/default";
  std::string name;  // empty becomes the last part of dir
};

struct Config {
  std::string preset;  // model.preset; the sizes are in `model`
  std::string init;    // model.init: where the weights of step 0 come from; empty: random
  ModelConfig model;
  TokenizerSection tokenizer;
  DataSection data;
  TrainSection train;
  OptimSection optim;
  PrecisionSection precision;
  ParallelSection parallel;
  CheckpointSection checkpoint;
  LogSection log;
  RunSection run;

  // Ranks that see different samples: dp x shard x ep.
  int64_t data_ranks() const { return parallel.dp * parallel.shard * parallel.ep; }
  int64_t world_size() const { return data_ranks() * parallel.pp * parallel.cp * parallel.tp; }
  // Microbatches a rank runs in one step. Requires a checked config.
  int64_t accumulation() const { return train.global_batch / (train.micro_batch * data_ranks()); }
  int64_t tokens_per_step() const { return train.global_batch * train.seq_len; }
  LrSchedule lr_schedule() const;
};

// Reads `path`, then applies `overrides` ("section.key=value", the last one wins), fills in what
// follows from other keys, and checks the whole. Errors name file:line:column and the key.
Result<Config> load_config(FileSystem& fs, const std::string& path,
                           std::span<const std::string> overrides);

// The model of what `model.init` names.
using InitialModel = std::function<Result<ModelConfig>(const std::string& path)>;

// The same for text; `source` is the name that errors give it. With `initial` the model section
// comes from what model.init names, and its other keys may only repeat that, but for model.dropout;
// without it model.init is a text like any other.
Result<Config> parse_config(std::string_view text, const std::string& source,
                            std::span<const std::string> overrides,
                            const InitialModel& initial = {});

// The resolved config: every key, as TOML that parse_config reads back to an equal Config.
std::string format_config(const Config& config);

}  // namespace tutti
