#include "parity/parity_rank.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "collective/seq_order.h"
#include "execute/program_set.h"
#include "kernels/cpu/kernels.h"

namespace tutti {
namespace {

constexpr uint64_t kSeed = 5;

uint64_t word(const std::string& name, uint64_t step, int64_t index) {
  return philox(rng_key(kSeed, step, stable_hash(name)), static_cast<uint64_t>(index))[0];
}

std::string gradient_buffer(const StoredParameter& parameter) {
  return parameter.buffer + (parameter.bucket_elements > 0 ? ".total" : ".acc");
}

}  // namespace

Result<std::unique_ptr<ParityRank>> ParityRank::create(const ParityModel& model, const Plan& plan,
                                                       World& world) {
  std::unique_ptr<ParityRank> rank(new ParityRank(model, plan, world));
  TUTTI_TRY(rank->prepare());
  return rank;
}

ParityRank::ParityRank(const ParityModel& model, const Plan& plan, World& world)
    : model_(model), plan_(for_model(plan, model.config)), world_(world) {}

Status ParityRank::run_step(int step) {
  fill_inputs(step);
  return executor_->run(0);
}

Result<int64_t> ParityRank::sent() {
  double bytes = static_cast<double>(executor_->sent().total_bytes());
  TUTTI_TRY(all_->all_reduce(&bytes, &bytes, 1, DType::kF64, Reduce::kSum, "sent"));
  return static_cast<int64_t>(bytes);
}

const StoredParameter& ParityRank::stored(const std::string& name) const {
  return *std::find_if(parameters_.begin(), parameters_.end(),
                       [&](const StoredParameter& p) { return p.name == name; });
}

Status ParityRank::prepare() {
  BuildOptions options;
  options.seq = kParitySeq;
  options.seed = kSeed;
  TUTTI_ASSIGN(StepGraph graph, build_train_step(ops_, model_.config, options, OptimizerOptions{}));
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
  step_ = std::move(step.step);
  for (const ParameterInfo& info : step_.model.parameters) set_parameter(info);
  return {};
}

void ParityRank::set_parameter(const ParameterInfo& info) {
  const Value& value = step_.graph.value(info.value);
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
void ParityRank::fill_inputs(int step) {
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

std::vector<int64_t> ParityRank::positions_of(const Operand& tokens) const {
  std::vector<int64_t> positions;
  for (const SeqChunk& chunk :
       seq_chunks(kParitySeq, plan_.seq_order(), tokens.offsets[1], tokens.sizes[1])) {
    for (int64_t i = 0; i < chunk.size; ++i) positions.push_back(chunk.logical + i);
  }
  return positions;
}

Result<ParityStep> ParityRank::read_step() {
  ParityStep step;
  step.loss = loss();
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

}  // namespace tutti
