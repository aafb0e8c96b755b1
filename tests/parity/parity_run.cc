#include "parity/parity_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "base/rng.h"
#include "collective/seq_order.h"
#include "comm/threads/world.h"
#include "execute/executor.h"
#include "execute/program_set.h"
#include "kernels/cpu/kernels.h"
#include "program/calls.h"
#include "program/stored.h"

namespace tutti {
namespace {

constexpr uint64_t kSeed = 5;

uint64_t word(const std::string& name, uint64_t step, int64_t index) {
  return philox(rng_key(kSeed, step, stable_hash(name)), static_cast<uint64_t>(index))[0];
}

ModelConfig small_model() {
  ModelConfig config;
  config.layers = 2;
  config.embed = 32;
  config.heads = 8;
  config.head_dim = 4;
  config.vocab = 61;
  config.context = kParitySeq;
  return config;
}

// One rank of a run.
class ParityRank {
 public:
  ParityRank(const ParityModel& model, const Plan& plan, World& world)
      : model_(model), plan_(plan), world_(world) {
    plan_.tp_kv_heads =
        static_cast<int32_t>(std::gcd<int64_t>(plan.mesh.size(Axis::kTp), model.config.kv_heads));
  }

  Result<ParityResult> run(int steps) {
    TUTTI_TRY(prepare());
    ParityResult result;
    for (int step = 0; step < steps; ++step) {
      fill_inputs(step);
      TUTTI_TRY(executor_->run(0));
      TUTTI_ASSIGN(ParityStep record, read_step());
      result.steps.push_back(std::move(record));
    }
    result.planned_bytes = executor_->program(0).total_bytes();
    result.allocated_bytes = executor_->allocated_bytes();
    result.planned_wire = step_wire_bytes(executor_->program(0)) * steps;
    double sent = static_cast<double>(executor_->sent().total_bytes());
    TUTTI_TRY(all_->all_reduce(&sent, &sent, 1, DType::kF64, Reduce::kSum, "sent"));
    result.sent = static_cast<int64_t>(sent);
    return result;
  }

 private:
  Status prepare() {
    BuildOptions options;
    options.seq = kParitySeq;
    options.seed = kSeed;
    TUTTI_ASSIGN(StepGraph graph,
                 build_train_step(ops_, model_.config, options, OptimizerOptions{}));
    auto backend = make_cpu_backend(cpu::default_kernels(), 1);
    const Schedule schedule = sequential_schedule(static_cast<int>(plan_.microbatches));
    TUTTI_ASSIGN(CompiledStep step,
                 compile_step(std::move(graph), plan_, schedule, ops_, *backend, {}, nullptr));
    std::vector<Program> programs{std::move(step.program)};
    TUTTI_ASSIGN(executor_, Executor::create(std::move(programs), std::move(backend), {&world_}));
    parameters_ = stored_parameters(executor_->program(0));
    std::vector<int> ranks;
    for (int r = 0; r < world_.size(); ++r) ranks.push_back(r);
    TUTTI_ASSIGN(all_, world_.create_group(ranks, "all"));
    for (const ParameterInfo& info : step.step.model.parameters) set_parameter(step.step, info);
    return {};
  }

  // Visits the logical index of each element that this rank holds in `buffer`.
  template <typename Visit>
  void for_each_element(const StoredParameter& parameter, const std::string& buffer, Visit visit) {
    const Program& program = executor_->program(0);
    const Buffer& held = program.buffer(program.find(buffer));
    const StoredRange range = stored_range(program, parameter, held, world_.rank());
    const Operand operand = executor_->operand(0, buffer);
    const char* arena =
        static_cast<const char*>(operand.data) - arena_offset(program, held, world_.rank(), 0, {});
    float* data = reinterpret_cast<float*>(const_cast<char*>(arena) + range.arena_offset);
    for (int64_t i = range.begin; i < range.end; ++i) {
      int64_t rest = i, global = 0, stride = 1;
      for (size_t d = range.sizes.size(); d-- > 0;) {
        global += (rest % range.sizes[d] + range.offsets[d]) * stride;
        rest /= range.sizes[d];
        stride *= parameter.type.dims[d].size;
      }
      visit(data[i - range.begin], global, range.first_replica);
    }
  }

  const StoredParameter& stored(const std::string& name) const {
    return *std::find_if(parameters_.begin(), parameters_.end(),
                         [&](const StoredParameter& p) { return p.name == name; });
  }

  void set_parameter(const StepGraph& step, const ParameterInfo& info) {
    const Value& value = step.graph.value(info.value);
    const StoredParameter& parameter = stored(value.name);
    const RngKey key = rng_key(kSeed, 0, stable_hash(value.name));
    const double mean = info.initialisation == Initialisation::kOnes ? 1 : 0;
    const int64_t row = element_count(value.type.dims) / value.type.dims[0].size;
    for_each_element(parameter, parameter.buffer, [&](float& x, int64_t global, bool) {
      const bool padding = info.valid_rows >= 0 && global >= info.valid_rows * row;
      x = padding ? 0
                  : static_cast<float>(mean + 0.1 * normal_at(key, static_cast<uint64_t>(global)));
    });
  }

  // Labels are ignored unevenly: sample s of a step lacks its last 2 s + 1.
  void fill_inputs(int step) {
    const auto key = static_cast<uint64_t>(step);
    const Operand all = executor_->operand(0, "all_labels");
    const int64_t per_microbatch = plan_.samples_per_microbatch();
    int64_t at = 0;
    for (int64_t m = 0; m < plan_.microbatches; ++m) {
      const int mb = static_cast<int>(m);
      const Operand tokens = executor_->operand(0, "tokens", mb);
      const Operand labels = executor_->operand(0, "labels", mb);
      const Operand positions = executor_->operand(0, "positions", mb);
      int64_t i = 0;
      for (int64_t b = 0; b < tokens.sizes[0]; ++b) {
        const int64_t sample = m * per_microbatch + tokens.offsets[0] + b;
        for (int64_t position : positions_of(tokens)) {
          const int64_t index = sample * kParitySeq + position;
          const auto vocab = static_cast<uint64_t>(model_.config.vocab);
          const bool ignored = position >= kParitySeq - (2 * sample + 1);
          tokens.as<int32_t>()[i] = static_cast<int32_t>(word("tokens", key, index) % vocab);
          labels.as<int32_t>()[i] =
              ignored ? -1 : static_cast<int32_t>(word("labels", key, index) % vocab);
          positions.as<int32_t>()[i] = static_cast<int32_t>(position);
          all.as<int32_t>()[at++] = labels.as<int32_t>()[i++];
        }
      }
    }
    *executor_->operand(0, "lr").as<float>() = 1e-3f;
    *executor_->operand(0, "bias_correction1").as<float>() =
        static_cast<float>(1 - std::pow(0.9, step + 1));
    *executor_->operand(0, "bias_correction2").as<float>() =
        static_cast<float>(1 - std::pow(0.95, step + 1));
    if (executor_->has(0, "step")) *executor_->operand(0, "step").as<int64_t>() = step + 1;
  }

  std::vector<int64_t> positions_of(const Operand& tokens) const {
    std::vector<int64_t> positions;
    for (const SeqChunk& chunk :
         seq_chunks(kParitySeq, plan_.seq_order(), tokens.offsets[1], tokens.sizes[1])) {
      for (int64_t i = 0; i < chunk.size; ++i) positions.push_back(chunk.logical + i);
    }
    return positions;
  }

  Result<ParityStep> read_step() {
    ParityStep step;
    step.loss = *executor_->operand(0, "loss").as<float>();
    step.grad_norm = *executor_->operand(0, "grad_norm").as<float>();
    for (const StoredParameter& parameter : parameters_) {
      std::vector<float>& gradient = step.gradients[parameter.name];
      gradient.resize(static_cast<size_t>(element_count(parameter.type.dims)));
      for_each_element(parameter, gradient_buffer(parameter), [&](float x, int64_t at, bool first) {
        if (first) gradient[static_cast<size_t>(at)] = x;
      });
      TUTTI_TRY(all_->all_reduce(gradient.data(), gradient.data(),
                                 static_cast<int64_t>(gradient.size()), DType::kF32, Reduce::kSum,
                                 parameter.name));
    }
    return step;
  }

  std::string gradient_buffer(const StoredParameter& parameter) const {
    return parameter.buffer + (parameter.bucket_elements > 0 ? ".total" : ".acc");
  }

  const ParityModel& model_;
  Plan plan_;
  World& world_;
  OpTable ops_;
  std::unique_ptr<Executor> executor_;
  std::vector<StoredParameter> parameters_;
  std::unique_ptr<Communicator> all_;
};

// A bias of queries, keys or values goes with the others of its layer: a key's is zero but for
// rounding.
std::string vector_of(const std::string& parameter) {
  for (const char* name : {".q.bias", ".k.bias", ".v.bias"}) {
    const size_t at = parameter.find(name);
    if (at != std::string::npos) return parameter.substr(0, at) + ".qkv.bias";
  }
  return parameter;
}

}  // namespace

ParityModel parity_gpt2() {
  ModelConfig config = small_model();
  config.architecture = Architecture::kGpt2;
  config.kv_heads = 8;
  config.mlp = 64;
  config.tied_embeddings = true;
  config.dropout = 0.1;
  config.attention_dropout = 0.1;
  return {"gpt2", config};
}

ParityModel parity_llama() {
  ModelConfig config = small_model();
  config.architecture = Architecture::kLlama;
  config.kv_heads = 2;
  config.mlp = 48;
  config.tied_embeddings = false;
  return {"llama", config};
}

Result<ParityResult> run_parity(const ParityModel& model, const Plan& plan, World& world,
                                int steps) {
  return ParityRank(model, plan, world).run(steps);
}

Result<ParityResult> run_parity_on_threads(const ParityModel& model, const Plan& plan, int steps) {
  const int ranks = plan.mesh.world_size();
  const auto clock = make_system_clock();
  const auto worlds = make_thread_worlds(ranks, {.timeout_s = 60}, *clock);
  std::vector<Result<ParityResult>> results(static_cast<size_t>(ranks), ParityResult());
  std::vector<std::thread> threads;
  for (size_t r = 0; r < worlds.size(); ++r) {
    threads.emplace_back([&, r] {
      results[r] = run_parity(model, plan, *worlds[r], steps);
      if (!results[r].ok()) worlds[r]->abort(results[r].status());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) {
    TUTTI_TRY(result.status());
    if (result->allocated_bytes != result->planned_bytes) {
      return invalid("{} bytes allocated, {} planned", result->allocated_bytes,
                     result->planned_bytes);
    }
  }
  return results[0];
}

ParityDifference compare(const ParityResult& result, const ParityResult& reference) {
  ParityDifference worst;
  for (size_t s = 0; s < reference.steps.size(); ++s) {
    const ParityStep &a = result.steps[s], &b = reference.steps[s];
    const double loss = std::abs(a.loss - b.loss) / std::abs(b.loss);
    worst.loss = std::isnan(loss) ? HUGE_VAL : std::max(worst.loss, loss);
    std::map<std::string, std::pair<double, double>> norms;
    for (const auto& [name, expected] : b.gradients) {
      auto& [difference, norm] = norms[vector_of(name)];
      const std::vector<float>& actual = a.gradients.at(name);
      for (size_t i = 0; i < expected.size(); ++i) {
        difference += std::pow(double{actual[i]} - double{expected[i]}, 2);
        norm += std::pow(double{expected[i]}, 2);
      }
    }
    for (const auto& [name, entry] : norms) {
      double relative = std::sqrt(entry.first / entry.second);
      if (std::isnan(relative)) relative = HUGE_VAL;
      if (relative < worst.gradient) continue;
      worst.gradient = relative;
      worst.where = fmt::format("{} at step {}", name, s + 1);
    }
  }
  return worst;
}

}  // namespace tutti
