#include "slice/compiled.h"

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "program/lint.h"

namespace tutti {
namespace {

constexpr int64_t kSeq = 16;
constexpr int64_t kSamples = 2;  // of a microbatch, over all data ranks
constexpr int kMicrobatches = 4;

LogicalValue random_values(uint64_t seed, const std::string& name, int64_t count, double scale,
                           double mean) {
  const RngKey key = rng_key(seed, 0, stable_hash(name));
  LogicalValue values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(mean + scale * normal_at(key, static_cast<uint64_t>(i)));
  }
  return values;
}

void set_parameters(LockStep& ranks, const StepGraph& step, uint64_t seed) {
  for (const ParameterInfo& info : step.model.parameters) {
    const Value& value = step.graph.value(info.value);
    const int64_t count = element_count(value.type.dims);
    const double mean = info.initialisation == Initialisation::kOnes ? 1 : 0;
    LogicalValue values = random_values(seed, value.name, count, 0.1, mean);
    if (info.valid_rows >= 0) {
      const int64_t row = count / value.type.dims[0].size;
      std::fill(values.begin() + info.valid_rows * row, values.end(), 0.0);
    }
    ranks.set_parameter(value.name, values);
  }
}

void set_tokens(LockStep& ranks, int64_t vocab, uint64_t seed) {
  LogicalValue all_labels;
  for (int m = 0; m < kMicrobatches; ++m) {
    LogicalValue tokens, labels, positions;
    const RngKey key = rng_key(seed, static_cast<uint64_t>(m), stable_hash("tokens"));
    for (int64_t i = 0; i < kSamples * kSeq; ++i) {
      const auto words = philox(key, static_cast<uint64_t>(i));
      tokens.push_back(words[0] % static_cast<uint64_t>(vocab));
      // Every ninth label is ignored, so that ranks hold different numbers of labels.
      labels.push_back(i % 9 == m ? -1.0 : static_cast<double>(words[1] % static_cast<uint64_t>(vocab)));
      positions.push_back(static_cast<double>(i % kSeq));
    }
    ranks.set("tokens", tokens, m);
    ranks.set("labels", labels, m);
    ranks.set("positions", positions, m);
    all_labels.insert(all_labels.end(), labels.begin(), labels.end());
  }
  ranks.set("all_labels", all_labels);
}

ModelConfig small_model() {
  ModelConfig config;
  config.layers = 2;
  config.embed = 32;
  config.heads = 4;
  config.head_dim = 8;
  config.vocab = 61;
  config.context = kSeq;
  return config;
}

}  // namespace

ModelConfig small_llama() {
  ModelConfig config = small_model();
  config.architecture = Architecture::kLlama;
  config.kv_heads = 2;
  config.mlp = 48;
  config.tied_embeddings = false;
  return config;
}

ModelConfig small_gpt2() {
  ModelConfig config = small_model();
  config.architecture = Architecture::kGpt2;
  config.kv_heads = 4;
  config.mlp = 64;
  config.tied_embeddings = true;
  return config;
}

Plan slice_plan() {
  Plan plan;
  plan.mesh.size(Axis::kPp) = 2;
  plan.mesh.size(Axis::kShard) = 2;
  plan.mesh.size(Axis::kTp) = 2;
  plan.micro_batch = kSamples / 2;
  plan.microbatches = kMicrobatches;
  plan.zero = 3;
  plan.split_backward = true;
  return plan;
}

Schedule slice_schedule() {
  const Result<Schedule> schedule = parse_schedule_csv(
      "F0,F1,Bi0,Bw0,F2,Bi1,Bw1,F3,Bi2,Bw2,Bi3,Bw3\n"
      "F0,Bi0,F1,Bi1,Bw0,F2,Bi2,Bw1,F3,Bi3,Bw2,Bw3\n");
  TUTTI_CHECK(schedule.ok(), "{}", schedule.message());
  return *schedule;
}

Plan one_rank_plan() {
  Plan plan;
  plan.micro_batch = kSamples;
  plan.microbatches = kMicrobatches;
  return plan;
}

Result<Compiled> compile_step(const ModelConfig& config, Plan plan, const Schedule& schedule,
                              const KernelNeeds& needs, const PassOptions& passes) {
  const OpTable ops;
  BuildOptions options;
  options.seq = kSeq;
  options.seed = 7;
  Compiled compiled;
  TUTTI_ASSIGN(compiled.step, build_train_step(ops, config, options, OptimizerOptions{}));
  Graph& graph = compiled.step.graph;
  bind_dim(graph, "batch", plan.samples_per_microbatch());
  bind_dim(graph, "microbatch", plan.microbatches);
  TUTTI_TRY(run_passes(graph, {ops, plan}, passes));
  for (int stage = 0; stage < plan.mesh.size(Axis::kPp); ++stage) {
    CompileOptions compile_options;
    compile_options.stage = stage;
    compile_options.schedule = &schedule;
    TUTTI_ASSIGN(Program program, compile(graph, plan, ops, needs, compile_options));
    compiled.stages.push_back(std::move(program));
  }
  TUTTI_TRY(lint(compiled.stages));
  return compiled;
}

Result<StepResult> run_step(const std::vector<Program>& stages, const StepGraph& step,
                            const Backend& backend, uint64_t seed) {
  LockStep ranks(stages, backend);
  set_parameters(ranks, step, seed);
  int64_t vocab = 0;
  for (const ParameterInfo& info : step.model.parameters) vocab = std::max(vocab, info.valid_rows);
  set_tokens(ranks, vocab, seed);
  ranks.set("step", {1});
  ranks.set("lr", {1e-3});
  ranks.set("bias_correction1", {0.1});
  ranks.set("bias_correction2", {0.05});
  if (!ranks.run()) return invalid("some ranks wait for ever");
  StepResult result;
  result["loss"] = ranks.get("loss");
  result["grad_norm"] = ranks.get("grad_norm");
  for (const ParameterInfo& info : step.model.parameters) {
    const std::string& name = step.graph.value(info.value).name;
    result[name] = ranks.get_gradient(name);
  }
  return result;
}

double worst_difference(const StepResult& a, const StepResult& b, std::string* worst_name) {
  double worst = 0;
  for (const auto& [name, reference] : b) {
    const auto found = a.find(name);
    double difference = 0, norm = 0;
    if (found == a.end() || found->second.size() != reference.size()) {
      difference = std::numeric_limits<double>::infinity();
    } else {
      for (size_t i = 0; i < reference.size(); ++i) {
        difference += std::pow(found->second[i] - reference[i], 2);
        norm += reference[i] * reference[i];
      }
    }
    // Below this norm a gradient is zero but for rounding (a key's bias).
    double relative = std::sqrt(difference) / std::max(std::sqrt(norm), 1e-3);
    if (std::isnan(relative)) relative = std::numeric_limits<double>::infinity();
    if (relative < worst) continue;
    worst = relative;
    if (worst_name != nullptr) *worst_name = name;
  }
  return worst;
}

}  // namespace tutti
