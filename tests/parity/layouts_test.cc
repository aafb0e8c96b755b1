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

Result<Program> compile_layout(const ModelConfig& model, const Plan& plan) {
  const OpTable ops;
  BuildOptions options;
  options.seq = kParitySeq;
  TUTTI_ASSIGN(StepGraph step, build_train_step(ops, model, options, OptimizerOptions{}));
  bind_dim(step.graph, "batch", plan.samples_per_microbatch());
  bind_dim(step.graph, "microbatch", plan.microbatches);
  TUTTI_TRY(run_passes(step.graph, {ops, plan}, {}));
  const Schedule schedule = sequential_schedule(static_cast<int>(plan.microbatches));
  CompileOptions how;
  how.schedule = &schedule;
  return compile(step.graph, plan, ops, NoWorkspace(), how);
}

class Layouts : public testing::TestWithParam<ParityModel> {};

TEST_P(Layouts, CompileIntoProgramsThatHold) {
  for (const ParityLayout& layout : parity_layouts(GetParam().config)) {
    const auto program =
        compile_layout(GetParam().config, for_model(layout.plan, GetParam().config));
    ASSERT_TRUE(program.ok()) << layout.name << ": " << program.message();
    const Status status = lint({*program});
    EXPECT_TRUE(status.ok()) << layout.name << ": " << status.message();
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Layouts, testing::Values(parity_gpt2(), parity_llama()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tutti
