#include "reference/reference_run.h"

#include <algorithm>
#include <cmath>

#include "execute/program_set.h"

namespace tutti {

Result<std::unique_ptr<ReferenceRun>> ReferenceRun::create(const ReferenceCase& c,
                                                           const cpu::Kernels& kernels,
                                                           int threads) {
  const OpTable ops;
  std::unique_ptr<Backend> backend = make_cpu_backend(kernels, threads);
  BuildOptions build;
  build.seq = c.seq;
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, c.model, build, c.optimizer));
  Plan plan;
  plan.micro_batch = c.batch;
  plan.microbatches = c.microbatches;
  const Schedule schedule = sequential_schedule(static_cast<int>(c.microbatches));
  TUTTI_ASSIGN(CompiledStep compiled,
               compile_step(std::move(step), plan, schedule, ops, *backend, {}, nullptr));

  std::unique_ptr<ReferenceRun> run(new ReferenceRun());
  run->case_ = c;
  for (const ParameterInfo& info : compiled.step.model.parameters) {
    const Value& value = compiled.step.graph.value(info.value);
    Parameter parameter{value.name, {}};
    for (const Dim& dim : value.type.dims) parameter.sizes.push_back(dim.size);
    if (info.valid_rows >= 0) parameter.sizes[0] = info.valid_rows;
    run->parameters_.push_back(std::move(parameter));
  }
  std::vector<Program> programs;
  programs.push_back(std::move(compiled.stages[0]));
  TUTTI_ASSIGN(run->executor_, Executor::create(std::move(programs), std::move(backend)));
  return run;
}

std::span<float> ReferenceRun::weights(const Parameter& parameter) {
  // Padding is at the end: rows of the first dim.
  const auto count = static_cast<size_t>(element_count(parameter.sizes));
  return {executor_->operand(0, parameter.name).as<float>(), count};
}

std::span<const float> ReferenceRun::gradient(const Parameter& parameter) const {
  const auto count = static_cast<size_t>(element_count(parameter.sizes));
  return {executor_->operand(0, parameter.name + ".acc").as<float>(), count};
}

void ReferenceRun::set_scalar(std::string_view name, double value) {
  *executor_->operand(0, name).as<float>() = static_cast<float>(value);
}

ReferenceRun::StepResult ReferenceRun::step(const ReferenceBatch& batch, int64_t step, double lr) {
  const int64_t samples = case_.batch * case_.seq;
  TUTTI_CHECK(static_cast<int64_t>(batch.tokens.size()) == case_.tokens());
  TUTTI_CHECK(batch.labels.size() == batch.tokens.size());
  for (int64_t m = 0; m < case_.microbatches; ++m) {
    const int microbatch = static_cast<int>(m);
    std::copy_n(batch.tokens.data() + m * samples, samples,
                executor_->operand(0, "tokens", microbatch).as<int32_t>());
    std::copy_n(batch.labels.data() + m * samples, samples,
                executor_->operand(0, "labels", microbatch).as<int32_t>());
    auto* positions = executor_->operand(0, "positions", microbatch).as<int32_t>();
    for (int64_t i = 0; i < samples; ++i) positions[i] = static_cast<int32_t>(i % case_.seq);
  }
  std::copy(batch.labels.begin(), batch.labels.end(),
            executor_->operand(0, "all_labels").as<int32_t>());
  const auto update = static_cast<double>(step + 1);
  set_scalar("lr", lr);
  set_scalar("bias_correction1", 1 - std::pow(case_.optimizer.beta1, update));
  set_scalar("bias_correction2", 1 - std::pow(case_.optimizer.beta2, update));
  const Status status = executor_->run(0);
  TUTTI_CHECK(status.ok(), "{}", status.message());
  return {*executor_->operand(0, "loss").as<float>(),
          *executor_->operand(0, "grad_norm").as<float>()};
}

}  // namespace tutti
