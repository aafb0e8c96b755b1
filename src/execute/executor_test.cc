#include "execute/executor.h"

#include <gtest/gtest.h>

#include <cstring>

#include "execute/initialise.h"
#include "execute/null_backend.h"
#include "execute/program_set.h"
#include "kernels/cpu/kernels.h"
#include "program/report.h"

namespace tutti {
namespace {

constexpr int64_t kSeq = 16;

ModelConfig tiny(Architecture architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.layers = 2;
  config.embed = 32;
  config.heads = config.kv_heads = 4;
  config.head_dim = 8;
  config.mlp = 64;
  config.vocab = 61;
  config.context = kSeq;
  config.dropout = 0.1;
  config.tied_embeddings = architecture == Architecture::kGpt2;
  return config;
}

Plan two_microbatches() {
  Plan plan;
  plan.micro_batch = 2;
  plan.microbatches = 2;
  return plan;
}

CompiledStep compiled(const ModelConfig& config, const KernelNeeds& needs,
                      const PassOptions& passes = {}) {
  const OpTable ops;
  BuildOptions options;
  options.seq = kSeq;
  options.seed = 5;
  Result<StepGraph> step = build_train_step(ops, config, options, OptimizerOptions{});
  TUTTI_CHECK(step.ok(), "{}", step.message());
  const Schedule schedule = sequential_schedule(2);
  Result<CompiledStep> result =
      compile_step(std::move(*step), two_microbatches(), schedule, ops, needs, passes, nullptr);
  TUTTI_CHECK(result.ok(), "{}", result.message());
  return std::move(result).value();
}

void set_inputs(Executor& executor, int64_t vocab) {
  const Operand all = executor.operand(0, "all_labels");
  for (int m = 0; m < 2; ++m) {
    const Operand tokens = executor.operand(0, "tokens", m),
                  labels = executor.operand(0, "labels", m);
    for (int64_t i = 0; i < tokens.count(); ++i) {
      const int64_t token = (i * 7 + m * 3) % vocab;
      tokens.as<int32_t>()[i] = static_cast<int32_t>(token);
      labels.as<int32_t>()[i] = static_cast<int32_t>((token + 1) % vocab);
      all.as<int32_t>()[m * tokens.count() + i] = labels.as<int32_t>()[i];
      // Rotary and learned positions alike; Llama without rope would not declare them.
      executor.operand(0, "positions", m).as<int32_t>()[i] = static_cast<int32_t>(i % kSeq);
    }
  }
  *executor.operand(0, "lr").as<float>() = 1e-2f;
  *executor.operand(0, "bias_correction1").as<float>() = 0.1f;
  *executor.operand(0, "bias_correction2").as<float>() = 0.05f;
}

// The losses of a few steps and, after them, every byte that lasts.
struct Outcome {
  std::vector<float> losses;
  std::string persistent;
};

Outcome train(const ModelConfig& config, int threads, const PassOptions& passes = {}) {
  auto backend = make_cpu_backend(cpu::default_kernels(), threads);
  const CompiledStep step = compiled(config, *backend, passes);
  auto executor = Executor::create({step.stages[0]}, std::move(backend));
  TUTTI_CHECK(executor.ok(), "{}", executor.message());
  Executor& e = **executor;
  EXPECT_EQ(e.allocated_bytes(), step.stages[0].total_bytes());
  EXPECT_EQ(e.allocated_bytes(), memory_report(step.stages[0]).total());
  EXPECT_TRUE(initialise_parameters(e, 0, step.step, 3, cpu::default_kernels(), threads).ok());
  set_inputs(e, config.vocab);
  Outcome outcome;
  for (int64_t s = 0; s < 8; ++s) {
    *e.operand(0, "step").as<int64_t>() = s;
    EXPECT_TRUE(e.run(0).ok());
    outcome.losses.push_back(*e.operand(0, "loss").as<float>());
  }
  for (const ParameterInfo& info : step.step.model.parameters) {
    const Operand x = e.operand(0, step.step.graph.value(info.value).name);
    outcome.persistent.append(x.as<char>(), static_cast<size_t>(x.count()) * sizeof(float));
  }
  return outcome;
}

TEST(Executor, TrainsWithTheSameBitsTwice) {
  for (Architecture architecture : {Architecture::kGpt2, Architecture::kLlama}) {
    const Outcome first = train(tiny(architecture), 2), second = train(tiny(architecture), 2);
    EXPECT_LT(first.losses.back(), 0.8f * first.losses.front());
    EXPECT_EQ(first.losses, second.losses);
    EXPECT_EQ(first.persistent, second.persistent);
  }
}

TEST(Executor, EachOptionalPassKeepsTheLosses) {
  const Outcome reference = train(tiny(Architecture::kGpt2), 1);
  for (const Pass& pass : all_passes()) {
    if (pass.required) continue;
    const Outcome without = train(tiny(Architecture::kGpt2), 1, {{std::string(pass.name)}, {}});
    for (size_t i = 0; i < reference.losses.size(); ++i) {
      EXPECT_NEAR(without.losses[i], reference.losses[i], 2e-4f * reference.losses[i])
          << "without " << pass.name << ", step " << i;
    }
  }
}

TEST(Executor, RefusesAProgramThatMemoryDoesNotHold) {
  auto backend = make_null_backend();
  CompiledStep step = compiled(tiny(Architecture::kLlama), *backend);
  step.stages[0].persistent_bytes = int64_t{1} << 50;
  const auto executor = Executor::create({step.stages[0]}, std::move(backend));
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.error().kind, ErrorKind::kResource);
}

}  // namespace
}  // namespace tutti
