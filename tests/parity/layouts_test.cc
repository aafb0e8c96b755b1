// Every layout of the parity suite compiles into a program that the linter accepts. Without kernels
// and ranks: small enough for the address sanitizer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/test_sanitized.h"
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

// The most microbatches that are between the forward pass and a backward pass of a chunk at once.
int most_held(const std::vector<ScheduledPass>& passes, int chunk, PassKind last) {
  int held = 0, most = 0;
  for (const ScheduledPass& pass : passes) {
    if (pass.chunk != chunk) continue;
    if (pass.kind == PassKind::kForward) most = std::max(most, ++held);
    if (pass.kind == last) --held;
  }
  return most;
}

// What a stage keeps for backward is as many copies as its schedule's theory says, no more. Returns
// how many slot classes were checked.
int check_slots(const ParityLayout& layout, const Program& program) {
  int checked = 0;
  const auto& passes = layout.schedule.stages[static_cast<size_t>(program.stage)];
  for (int chunk = 0; chunk < layout.plan.chunks; ++chunk) {
    const std::string suffix = chunk == 0 ? "" : fmt::format(".{}", chunk);
    for (const SlotClass& slots : program.slot_classes) {
      const auto between = [&](const char* end) {
        return slots.name == fmt::format("F{}-{}{}", suffix, end, suffix);
      };
      if (!between("B") && !between("Bi") && !between("Bw")) continue;
      const PassKind last = between("Bw")   ? PassKind::kBackwardWeight
                            : between("Bi") ? PassKind::kBackwardInput
                                            : PassKind::kBackward;
      EXPECT_EQ(slots.count, most_held(passes, chunk, last))
          << layout.name << ", stage " << program.stage << ": " << slots.name;
      ++checked;
    }
  }
  return checked;
}

class Layouts : public testing::TestWithParam<ParityModel> {};

TEST_P(Layouts, CompileIntoProgramsThatHold) {
  constexpr size_t kEvery = kSanitized ? 9 : 1;
  const std::vector<ParityLayout> layouts = parity_layouts(GetParam().config);
  int checked = 0;
  for (size_t i = 0; i < layouts.size(); i += kEvery) {
    const auto stages = compile_layout(GetParam().config, layouts[i]);
    ASSERT_TRUE(stages.ok()) << layouts[i].name << ": " << stages.message();
    const Status status = lint(*stages);
    EXPECT_TRUE(status.ok()) << layouts[i].name << ": " << status.message();
    for (const Program& program : *stages) {
      if (stages->size() > 1) checked += check_slots(layouts[i], program);
    }
  }
  EXPECT_GT(checked, kSanitized ? 5 : 20);
}

INSTANTIATE_TEST_SUITE_P(Models, Layouts, testing::Values(parity_gpt2(), parity_llama()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tutti
