#include "parity/parity_rank.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "collective/seq_order.h"
#include "execute/program_set.h"
#include "kernels/cpu/kernels.h"
#include "program/calls.h"

namespace tutti {
namespace {

constexpr uint64_t kSeed = 5;

uint64_t word(const std::string& name, uint64_t step, int64_t index) {
  return philox(rng_key(kSeed, step, stable_hash(name)), static_cast<uint64_t>(index))[0];
}

// Where the sum of a parameter's gradients is after the step. The second use of a tied parameter
// has an accumulator of its own, which on another stage than the first is the only one.
std::string gradient_buffer(const Program& program, const StoredParameter& parameter) {
  if (parameter.bucket_elements > 0) return parameter.buffer + ".total";
  const std::string first = parameter.buffer + ".acc";
  return program.find(first).valid() ? first : first + "#2";
}

}  // namespace

Result<std::unique_ptr<ParityRank>> ParityRank::create(const ParityModel& model,
                                                       const ParityLayout& layout, World& world) {
  std::unique_ptr<ParityRank> rank(new ParityRank(model, layout, world));
  TUTTI_TRY(rank->prepare());
  return rank;
}

ParityRank::ParityRank(const ParityModel& model, const ParityLayout& layout, World& world)
    : model_(model.config),
      plan_(for_model(layout.plan, model.config)),
      schedule_(layout.schedule),
      world_(world) {
  model_.layers = layout.layers;
}

Status ParityRank::run_step(int step) {
  fill_inputs(step);
  return executor_->run(0);
}

Result<int64_t> ParityRank::sent() {
  double bytes = static_cast<double>(executor_->sent().total_bytes());
  TUTTI_TRY(all_->all_reduce(&bytes, &bytes, 1, DType::kF64, Reduce::kSum, "sent"));
  return static_cast<int64_t>(bytes);
}

bool ParityRank::has(const std::string& name) const {
  return std::any_of(parameters_.begin(), parameters_.end(),
                     [&](const StoredParameter& p) { return p.name == name && !p.replica; });
}

const StoredParameter& ParityRank::stored(const std::string& name) const {
  return *std::find_if(parameters_.begin(), parameters_.end(),
                       [&](const StoredParameter& p) { return p.name == name && !p.replica; });
}

Status ParityRank::prepare() {
  BuildOptions options;
  options.seq = kParitySeq;
  options.seed = kSeed;
  TUTTI_ASSIGN(StepGraph graph, build_train_step(ops_, model_, options, OptimizerOptions{}));
  auto backend = make_cpu_backend(cpu::default_kernels(), 1);
  TUTTI_ASSIGN(CompiledStep step,
               compile_step(std::move(graph), plan_, schedule_, ops_, *backend, {}, nullptr));
  planned_wire_ = step_wire_bytes(step.stages);
  const int stage = plan_.mesh.coordinate(world_.rank(), Axis::kPp);
  std::vector<Program> programs{std::move(step.stages[static_cast<size_t>(stage)])};
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
  const RngKey key = rng_key(kSeed, 0, stable_hash(value.name));
  const double mean = info.initialisation == Initialisation::kOnes ? 1 : 0;
  const int64_t row = element_count(value.type.dims) / value.type.dims[0].size;
  for (const StoredParameter& parameter : parameters_) {
    if (parameter.name != value.name) continue;
    for_each_element(parameter, parameter.buffer, [&](float& x, int64_t global, bool) {
      const bool padding = info.valid_rows >= 0 && global >= info.valid_rows * row;
      x = padding ? 0
                  : static_cast<float>(mean + 0.1 * normal_at(key, static_cast<uint64_t>(global)));
    });
  }
}

// Labels are ignored unevenly: sample s of a step lacks its last 2 s + 1.
void ParityRank::fill_inputs(int step) {
  const auto key = static_cast<uint64_t>(step);
  const auto vocab = static_cast<uint64_t>(model_.vocab);
  const Operand all = executor_->operand(0, "all_labels");
  const int64_t per_microbatch = plan_.samples_per_microbatch();
  int64_t at = 0;
  for (int64_t m = 0; m < plan_.microbatches; ++m) {
    const auto set = [&](const char* name, int64_t i, int64_t value) {
      if (!executor_->has(0, name)) return;  // another stage's
      const Operand input = executor_->operand(0, name, static_cast<int>(m));
      input.as<int32_t>()[i] = static_cast<int32_t>(value);
    };
    int64_t i = 0;
    for (int64_t b = 0; b < all.sizes[1]; ++b) {
      const int64_t sample = m * per_microbatch + all.offsets[1] + b;
      for (int64_t position : positions_of(all)) {
        const int64_t index = sample * kParitySeq + position;
        const bool ignored = position >= kParitySeq - (2 * sample + 1);
        const auto label = ignored ? -1 : static_cast<int64_t>(word("labels", key, index) % vocab);
        set("tokens", i, static_cast<int64_t>(word("tokens", key, index) % vocab));
        set("labels", i, label);
        set("positions", i++, position);
        all.as<int32_t>()[at++] = static_cast<int32_t>(label);
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

std::vector<int64_t> ParityRank::positions_of(const Operand& labels) const {
  std::vector<int64_t> positions;
  for (const SeqChunk& chunk :
       seq_chunks(kParitySeq, plan_.seq_order(), labels.offsets[2], labels.sizes[2])) {
    for (int64_t i = 0; i < chunk.size; ++i) positions.push_back(chunk.logical + i);
  }
  return positions;
}

Result<ParityStep> ParityRank::read_step() {
  ParityStep step;
  step.loss = loss();
  step.grad_norm = *executor_->operand(0, "grad_norm").as<float>();
  std::vector<float> all;  // gradients, one behind the other
  for (const ParameterInfo& info : step_.model.parameters) {
    const Value& value = step_.graph.value(info.value);
    const size_t begin = all.size();
    all.resize(begin + static_cast<size_t>(element_count(value.type.dims)));
    if (!has(value.name)) continue;
    const StoredParameter& parameter = stored(value.name);
    for_each_element(parameter, gradient_buffer(executor_->program(0), parameter),
                     [&](float x, int64_t at, bool first) {
                       if (first) all[begin + static_cast<size_t>(at)] = x;
                     });
  }
  TUTTI_TRY(all_->all_reduce(all.data(), all.data(), static_cast<int64_t>(all.size()), DType::kF32,
                             Reduce::kSum, "gradients"));
  auto from = all.begin();
  for (const ParameterInfo& info : step_.model.parameters) {
    const Value& value = step_.graph.value(info.value);
    const auto to = from + element_count(value.type.dims);
    step.gradients[value.name].assign(from, to);
    from = to;
  }
  return step;
}

}  // namespace tutti
