// Every layout of the parity suite compiles into a program that the linter accepts. Without kernels
// and ranks: small enough for the address sanitizer.
#include <gtest/gtest.h>

#include "models/step_graph.h"
#include "parity/layouts.h"
#include "parity/models.h"
#include "partition/pass.h"
#include "program/compile.h"
#include "program/lint.h"

namespace tutti {
namespace {

class NoWorkspace : public KernelNeeds {
 public:
  size_t workspace_bytes(const KernelCall&) const override { return 0; }
};

Result<std::vector<Program>> compile_layout(ModelConfig model, const ParityLayout& layout) {
  const OpTable ops;
  BuildOptions options;
  options.seq = kParitySeq;
  model.layers = layout.layers;
  const Plan plan = for_model(layout.plan, model);
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, model, options, OptimizerOptions{}));
  bind_dim(step.graph, "batch", plan.samples_per_microbatch());
  bind_dim(step.graph, "microbatch", plan.microbatches);
  TUTTI_TRY(run_passes(step.graph, {ops, plan}, {}));
  std::vector<Program> stages;
  for (int stage = 0; stage < plan.pipeline().stages; ++stage) {
    CompileOptions how;
    how.stage = stage;
    how.schedule = &layout.schedule;
    TUTTI_ASSIGN(Program program, compile(step.graph, plan, ops, NoWorkspace(), how));
    stages.push_back(std::move(program));
  }
  return stages;
}

class Layouts : public testing::TestWithParam<ParityModel> {};

TEST_P(Layouts, CompileIntoProgramsThatHold) {
  for (const ParityLayout& layout : parity_layouts(GetParam().config)) {
    const auto stages = compile_layout(GetParam().config, layout);
    ASSERT_TRUE(stages.ok()) << layout.name << ": " << stages.message();
    const Status status = lint(*stages);
    EXPECT_TRUE(status.ok()) << layout.name << ": " << status.message();
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Layouts, testing::Values(parity_gpt2(), parity_llama()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tutti
