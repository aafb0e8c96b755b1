#include "train/config_keys.h"

namespace tutti {
namespace {

constexpr double kCount = 9007199254740992.0;  // 2^53: exact in the double that ranges are kept in
constexpr double kSteps = 1e12;
constexpr double kAxis = 65536;
constexpr KeyRange kNone = {};
constexpr KeyRange kFraction = {.min = 0, .max = 1, .below_max = true};

constexpr std::string_view kArchitectures[] = {"gpt2", "llama"};
constexpr std::string_view kRopeScalings[] = {"llama3", "linear"};
constexpr std::string_view kPackings[] = {"stream", "documents", "padded"};
constexpr std::string_view kInvalidUtf8[] = {"error", "replace"};
constexpr std::string_view kLrShapes[] = {"cosine", "linear", "wsd", "constant"};
constexpr std::string_view kComputeTypes[] = {"f32"};
constexpr DType kComputeDTypes[] = {DType::kF32};
constexpr std::string_view kRecompute[] = {"none", "selective", "full", "budget"};
constexpr std::string_view kGradReduce[] = {"auto", "end", "microbatch"};
constexpr std::string_view kContextParallel[] = {"ring", "gather", "ulysses"};
constexpr std::string_view kOffloadTo[] = {"file", "host"};

size_t compute_index(const Config& config) {
  size_t index = 0;
  while (kComputeDTypes[index] != config.precision.compute) ++index;
  return index;
}

// The member that a key sets.
#define TUTTI_MEMBER(path) \
  [](Config & c) -> auto& { return c.path; }
// An enum whose values are in the order of `words`.
#define TUTTI_ENUM(path, words)                                                \
  ChoiceField {                                                                \
    words, [](const Config& c) { return static_cast<size_t>(c.path); },        \
        [](Config& c, size_t i) { c.path = static_cast<decltype(c.path)>(i); } \
  }

// clang-format off
constexpr ConfigKey kKeys[] = {
    {"model.preset", TUTTI_MEMBER(preset), kNone, "",
     "Published sizes to start from; the other model keys override them", "\"gpt2-124m\""},
    {"model.init", TUTTI_MEMBER(init), kNone, "path",
     "Whose weights step 0 has: a checkpoint, a run's directory or a Hugging Face directory; the "
     "model section then comes from it. Empty: random weights", "\"models/smollm2\""},
    {"model.architecture", TUTTI_ENUM(model.architecture, kArchitectures), kNone, "",
     "How the layers are built", "\"llama\""},
    {"model.layers", TUTTI_MEMBER(model.layers), {1, 10000}, "layers",
     "Transformer blocks", "12"},
    {"model.embed", TUTTI_MEMBER(model.embed), {1, 1 << 20}, "elements",
     "Width of the residual stream (hidden size)", "768"},
    {"model.heads", TUTTI_MEMBER(model.heads), {1, 65536}, "heads",
     "Query heads of attention", "12"},
    {"model.kv_heads", TUTTI_MEMBER(model.kv_heads), {1, 65536}, "heads",
     "Key and value heads; fewer than heads is grouped-query attention. Default: heads", "4"},
    {"model.head_dim", TUTTI_MEMBER(model.head_dim), {1, 65536}, "elements",
     "Width of one head. Default: embed / heads", "64"},
    {"model.mlp", TUTTI_MEMBER(model.mlp), {1, 1 << 24}, "elements",
     "Width inside the MLP", "3072"},
    {"model.vocab", TUTTI_MEMBER(model.vocab), {2, 1 << 24}, "tokens",
     "Rows of the embedding; at least the size of the tokenizer", "50257"},
    {"model.context", TUTTI_MEMBER(model.context), {1, 1 << 24}, "tokens",
     "Longest sequence the model can see", "1024"},
    {"model.window", TUTTI_MEMBER(model.window), {0, 1 << 24}, "tokens",
     "Last tokens that a token sees, itself included (sliding window of Mistral); 0 is all", "4096"},
    {"model.tied_embeddings", TUTTI_MEMBER(model.tied_embeddings), kNone, "",
     "Whether the output projection is the embedding", "true"},
    {"model.qkv_bias", TUTTI_MEMBER(model.qkv_bias), kNone, "",
     "Biases on query, key and value projections; always on in gpt2", "false"},
    {"model.output_bias", TUTTI_MEMBER(model.output_bias), kNone, "",
     "Bias on attention's output projection; always on in gpt2", "false"},
    {"model.mlp_bias", TUTTI_MEMBER(model.mlp_bias), kNone, "",
     "Biases in the MLP; always on in gpt2", "false"},
    {"model.qk_norm", TUTTI_MEMBER(model.qk_norm), kNone, "",
     "RMS norm of each query and key head before rotary positions (Qwen3; llama)", "true"},
    {"model.norm_epsilon", TUTTI_MEMBER(model.norm_epsilon), {0, 1, true}, "",
     "Added to the variance in normalisation", "1e-5"},
    {"model.rope_theta", TUTTI_MEMBER(model.rope_theta), {1, 1e12}, "",
     "Base of the rotary position frequencies (llama)", "500000.0"},
    {"model.rope_scaling", TUTTI_ENUM(model.rope_scaling.type, kRopeScalings), kNone, "",
     "Which rotary frequencies rope_factor divides: llama3 the low ones, linear all", "\"linear\""},
    {"model.rope_factor", TUTTI_MEMBER(model.rope_scaling.factor), {1, 1e6}, "",
     "What rotary frequencies are divided by, for a longer context; 1 is off", "8.0"},
    {"model.rope_low_freq_factor", TUTTI_MEMBER(model.rope_scaling.low_freq_factor), {0, 1e6, true},
     "", "Llama 3 frequency scaling: waves longer than original_context / this are stretched", "1.0"},
    {"model.rope_high_freq_factor", TUTTI_MEMBER(model.rope_scaling.high_freq_factor),
     {0, 1e6, true}, "",
     "Llama 3 frequency scaling: waves shorter than original_context / this stay", "4.0"},
    {"model.rope_original_context", TUTTI_MEMBER(model.rope_scaling.original_context),
     {1, 1 << 24}, "tokens", "Llama 3 frequency scaling: context before stretching", "8192"},
    {"model.dropout", TUTTI_MEMBER(model.dropout), kFraction, "",
     "Probability of zeroing after the embedding and each residual branch", "0.1"},
    {"model.attention_dropout", TUTTI_MEMBER(model.attention_dropout), kFraction, "",
     "Probability of zeroing each weight of attention's softmax", "0.1"},
    {"model.init_std", TUTTI_MEMBER(model.init_std), {0, 10, true}, "",
     "Standard deviation of initial weights; residual projections get 1/sqrt(2 layers) of it",
     "0.02"},

    {"tokenizer.path", TUTTI_MEMBER(tokenizer.path), kNone, "path",
     "Hugging Face tokenizer.json or sentencepiece .model", "\"data/tokenizer.json\""},

    {"data.train", TUTTI_MEMBER(data.train), kNone, "path",
     "Training tokens: the prefix of a .bin/.idx pair (Megatron-LM), or a .bin of llm.c or nanoGPT",
     "\"data/train\""},
    {"data.mixture", TUTTI_MEMBER(data.mixture), kNone, "",
     "Instead of data.train: several sets, each with its share of the samples; in a file also as "
     "[[data.mixture]]",
     "[{path = \"data/web/train\", weight = 3}, {path = \"data/code/train\", weight = 1}]"},
    {"data.validation", TUTTI_MEMBER(data.validation), kNone, "path",
     "Validation tokens, named like data.train; empty for none", "\"data/validation\""},
    {"data.seed", TUTTI_MEMBER(data.seed), {-1, kCount}, "",
     "Seed of the order of samples; -1 takes train.seed", "7"},
    {"data.packing", TUTTI_ENUM(data.packing, kPackings), kNone, "",
     "How documents become samples: one stream that is cut anywhere; whole documents, as many as "
     "fit; or one document a sample, padded", "\"documents\""},
    {"data.document_mask", TUTTI_MEMBER(data.document_mask), kNone, "",
     "Whether the documents within a sample are kept apart: attention, positions, labels", "true"},
    {"data.invalid_utf8", TUTTI_ENUM(data.invalid_utf8, kInvalidUtf8), kNone, "",
     "What `tutti data prepare --config` does with bytes that are not UTF-8: an error, or U+FFFD",
     "\"replace\""},

    {"train.steps", TUTTI_MEMBER(train.steps), {1, kSteps}, "steps",
     "Optimizer updates in the whole run", "20000"},
    {"train.seed", TUTTI_MEMBER(train.seed), {0, kCount}, "",
     "Seed of initial weights and dropout", "1234"},
    {"train.seq_len", TUTTI_MEMBER(train.seq_len), {1, 1 << 24}, "tokens",
     "Length of a sample", "1024"},
    {"train.micro_batch", TUTTI_MEMBER(train.micro_batch), {1, 1 << 14}, "samples",
     "Samples that a rank computes at once: sets the memory of activations", "4"},
    {"train.global_batch", TUTTI_MEMBER(train.global_batch), {0, kGlobalBatchMax}, "samples",
     "Samples in one update, over all ranks; 0 is micro_batch x data ranks", "512"},
    {"train.eval_every", TUTTI_MEMBER(train.eval_every), {0, kSteps}, "steps",
     "Steps from one evaluation to the next; 0 is never", "250"},
    {"train.eval_batches", TUTTI_MEMBER(train.eval_batches), {1, 1e9}, "microbatches",
     "Microbatches of validation data in one evaluation", "20"},
    {"train.threads", TUTTI_MEMBER(train.threads), {0, 4096}, "threads",
     "Threads for kernels; 0 is every core this process may use", "8"},

    {"optim.lr", TUTTI_MEMBER(optim.lr), {0, 10, true}, "",
     "Highest learning rate", "6e-4"},
    {"optim.min_lr", TUTTI_MEMBER(optim.min_lr), {0, 10}, "",
     "Learning rate at the end of the decay", "6e-5"},
    {"optim.beta1", TUTTI_MEMBER(optim.beta1), kFraction, "",
     "AdamW: decay of the mean of gradients", "0.9"},
    {"optim.beta2", TUTTI_MEMBER(optim.beta2), kFraction, "",
     "AdamW: decay of the mean of squared gradients", "0.95"},
    {"optim.epsilon", TUTTI_MEMBER(optim.epsilon), {0, 1, true}, "",
     "AdamW: added to the denominator", "1e-8"},
    {"optim.weight_decay", TUTTI_MEMBER(optim.weight_decay), {0, 10}, "",
     "AdamW: decay of matrices (not of biases and norms), times lr each step", "0.1"},
    {"optim.grad_clip", TUTTI_MEMBER(optim.grad_clip), {0, 1e9}, "",
     "Largest norm of the whole gradient; 0 is off", "1.0"},
    {"optim.schedule", TUTTI_ENUM(optim.schedule, kLrShapes), kNone, "",
     "How the learning rate falls after warm-up", "\"cosine\""},
    {"optim.warmup_steps", TUTTI_MEMBER(optim.warmup_steps), {0, kSteps}, "steps",
     "Steps of linear warm-up", "700"},
    {"optim.decay_steps", TUTTI_MEMBER(optim.decay_steps), {0, kSteps}, "steps",
     "Length of the decay: from warm-up on (cosine, linear) or back from the end (wsd); "
     "0 is all steps after warm-up, for wsd a tenth of the run", "19300"},

    {"precision.compute",
     ChoiceField{kComputeTypes, compute_index,
                 [](Config& c, size_t i) { c.precision.compute = kComputeDTypes[i]; }},
     kNone, "", "Element type of activations and matrix products", "\"f32\""},

    {"parallel.pp", TUTTI_MEMBER(parallel.pp), {1, kAxis}, "ranks",
     "Pipeline stages", "4"},
    {"parallel.dp", TUTTI_MEMBER(parallel.dp), {1, kAxis}, "ranks",
     "Data parallel replicas", "8"},
    {"parallel.shard", TUTTI_MEMBER(parallel.shard), {1, kAxis}, "ranks",
     "Data parallel ranks that share one sharded copy (ZeRO, FSDP)", "8"},
    {"parallel.ep", TUTTI_MEMBER(parallel.ep), {1, kAxis}, "ranks",
     "Ranks that experts are spread over", "8"},
    {"parallel.cp", TUTTI_MEMBER(parallel.cp), {1, kAxis}, "ranks",
     "Ranks that a sequence is spread over", "2"},
    {"parallel.tp", TUTTI_MEMBER(parallel.tp), {1, kAxis}, "ranks",
     "Ranks that heads, MLP and vocabulary are spread over", "8"},
    {"parallel.zero", TUTTI_MEMBER(parallel.zero), {0, 3}, "stage",
     "What is sharded at rest: 1 optimizer state, 2 and gradients, 3 and parameters", "1"},
    {"parallel.grad_reduce", TUTTI_ENUM(parallel.grad_reduce, kGradReduce), kNone, "",
     "When gradients are reduced: once at the end of a step, or over the ranks that shard them "
     "behind each microbatch; auto is end for zero 0 and 1", "\"end\""},
    {"parallel.prefetch", TUTTI_MEMBER(parallel.prefetch), {0, 1024}, "blocks",
     "How far gathers and fetches run ahead, and reductions and stores may lag behind", "2"},
    {"parallel.reshard_after_forward", TUTTI_MEMBER(parallel.reshard_after_forward), kNone, "",
     "With zero = 3, gather parameters again in backward instead of keeping them", "false"},
    {"parallel.sequence_parallel", TUTTI_MEMBER(parallel.sequence_parallel), kNone, "",
     "Cut the residual stream over tp between the matrix products", "false"},
    {"parallel.context_parallel", TUTTI_ENUM(parallel.context_parallel, kContextParallel), kNone,
     "", "How attention meets keys of other cp ranks: in a ring, gathered, or by exchanging "
     "positions for heads", "\"gather\""},
    {"parallel.timeout_s", TUTTI_MEMBER(parallel.timeout_s), {0, 1e6, true}, "s",
     "How long a rank waits for the others before the run ends with who is missing", "60"},
    {"parallel.check_calls", TUTTI_MEMBER(parallel.check_calls), kNone, "",
     "Compare every call between ranks with the others' before data moves", "true"},
    {"parallel.schedule", TUTTI_ENUM(parallel.schedule, kPipelineSchedules), kNone, "",
     "Order of microbatches in the pipeline", "\"1f1b\""},
    {"parallel.chunks", TUTTI_MEMBER(parallel.chunks), {0, 64}, "chunks",
     "Parts of the model that each pipeline stage holds, for interleaved-1f1b and file; 0 is 2 for "
     "interleaved-1f1b, else as the schedule has", "2"},
    {"parallel.schedule_file", TUTTI_MEMBER(parallel.schedule_file), kNone, "path",
     "CSV of schedule = \"file\": a line for each stage, passes such as F0,F1,Bi0,Bw0", "\"my.csv\""},
    {"parallel.schedule_memory", TUTTI_MEMBER(parallel.schedule_memory), {1, 64}, "",
     "Activations that zero-bubble may hold on a stage, in times of what 1f1b holds", "2.0"},
    {"parallel.stages", TUTTI_MEMBER(parallel.stages), kNone, "layers",
     "How layers are cut into stages (and chunks): \"cost\" as evenly as can be with embedding and "
     "head counted, \"equal\" numbers, or the numbers of layers in pipeline order", "\"7,5\""},
    {"parallel.stage_speeds", TUTTI_MEMBER(parallel.stage_speeds), kNone, "",
     "How fast the devices of each stage are, for stages = \"cost\"; empty: all alike", "\"1,0.5\""},
    {"parallel.recompute", TUTTI_ENUM(parallel.recompute, kRecompute), kNone, "",
     "Activations that backward computes again instead of keeping: selective those of attention, "
     "full all of a layer, budget the cheapest that fit stash_mib", "\"full\""},
    {"parallel.memory_mib", TUTTI_MEMBER(parallel.memory_mib), {0, 1e9}, "MiB",
     "Memory that a rank may plan for: stages are cut so that each fits, and a plan that takes more "
     "is refused; 0 is what the machine has", "40960"},
    {"parallel.stash_mib", TUTTI_MEMBER(parallel.stash_mib), {0, 1e9}, "MiB",
     "Activations that a rank may keep for backward, for recompute = \"budget\"", "4096"},
    {"parallel.offload", TUTTI_MEMBER(parallel.offload), kNone, "",
     "What is kept outside of a rank's memory and fetched when it is needed: a list of "
     "\"parameters\", \"optimizer\" (its state) and \"activations\" (what backward needs), or "
     "\"none\"", "\"parameters,optimizer\""},
    {"parallel.offload_to", TUTTI_ENUM(parallel.offload_to, kOffloadTo), kNone, "",
     "Where that is: in a file on a disk, or in the host's memory", "\"host\""},
    {"parallel.offload_dir", TUTTI_MEMBER(parallel.offload_dir), kNone, "path",
     "Directory on a disk for the file, which has no name and goes with the run; empty is where "
     "run.dir is", "\"/scratch\""},

    {"checkpoint.every", TUTTI_MEMBER(checkpoint.every), {0, kSteps}, "steps",
     "Steps from one checkpoint to the next; 0 is only at the end", "500"},
    {"checkpoint.keep", TUTTI_MEMBER(checkpoint.keep), {0, 1e6}, "checkpoints",
     "Newest checkpoints that are kept; 0 is all", "3"},
    {"checkpoint.async", TUTTI_MEMBER(checkpoint.async), kNone, "",
     "Whether training goes on while a checkpoint is written; not where the state is offloaded",
     "true"},

    {"log.every", TUTTI_MEMBER(log.every), {1, kSteps}, "steps",
     "Steps from one logged line to the next", "10"},
    {"log.tensorboard", TUTTI_MEMBER(log.tensorboard), kNone, "",
     "Whether TensorBoard event files are written too", "true"},

    {"run.dir", TUTTI_MEMBER(run.dir), kNone, "path",
     "Directory of logs and checkpoints; a run that stopped resumes there", "\"runs/gpt2-124m\""},
    {"run.name", TUTTI_MEMBER(run.name), kNone, "",
     "Name in logs; empty is the last part of run.dir", "\"baseline\""},
};
// clang-format on

#undef TUTTI_MEMBER
#undef TUTTI_ENUM

constexpr std::string_view kSections[] = {"model",     "tokenizer", "data",       "train", "optim",
                                          "precision", "parallel",  "checkpoint", "log",   "run"};

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

std::span<const std::string_view> config_sections() { return kSections; }

const ConfigKey* find_config_key(std::string_view name) {
  for (const ConfigKey& key : kKeys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

}  // namespace tutti
