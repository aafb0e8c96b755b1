// The vertical slice: a 2-layer Llama and a tied GPT-2 compiled for 8 ranks, as golden text, run in
// lock-step against one rank.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "execute/null_backend.h"
#include "kernels/cpu/kernels.h"
#include "program/lint.h"
#include "program/report.h"
#include "program/text.h"
#include "slice/compiled.h"

namespace tutti {
namespace {

constexpr uint64_t kSeed = 11;

struct Case {
  const char* name;
  ModelConfig config;
};

std::vector<Case> cases() { return {{"llama", small_llama()}, {"gpt2", small_gpt2()}}; }

std::unique_ptr<Backend> oracle() { return make_cpu_backend(cpu::oracle_kernels(), 1); }

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Slice, ProgramsEqualTheGoldenText) {
  for (const Case& c : cases()) {
    const auto compiled =
        compile_step(c.config, slice_plan(), slice_schedule(), *make_null_backend());
    ASSERT_TRUE(compiled.ok()) << compiled.message();
    for (const Program& program : compiled->stages) {
      const std::string path = fmt::format("{}/tests/golden/{}_pp2_shard2_tp2.stage{}.txt",
                                           TUTTI_SOURCE_DIR, c.name, program.stage);
      if (std::getenv("TUTTI_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << print(program);
      EXPECT_TRUE(file_text(path) == print(program))
          << path << " differs; TUTTI_UPDATE_GOLDEN=1 writes it anew";
    }
  }
}

TEST(Slice, ProgramsSurviveTheirText) {
  for (const Case& c : cases()) {
    const auto compiled = compile_step(c.config, slice_plan(), slice_schedule(), *oracle());
    ASSERT_TRUE(compiled.ok()) << compiled.message();
    for (const Program& program : compiled->stages) {
      const auto parsed = parse_program(print(program));
      ASSERT_TRUE(parsed.ok()) << parsed.message();
      EXPECT_EQ(print(*parsed), print(program));
      EXPECT_EQ(parsed->total_bytes(), program.total_bytes());
    }
  }
}

TEST(Slice, EightRanksGiveOneRanksLossAndGradients) {
  const auto backend = oracle();
  for (const Case& c : cases()) {
    const auto one = compile_step(c.config, one_rank_plan(), sequential_schedule(4), *backend);
    ASSERT_TRUE(one.ok()) << one.message();
    const auto eight = compile_step(c.config, slice_plan(), slice_schedule(), *backend);
    ASSERT_TRUE(eight.ok()) << eight.message();
    const auto reference = run_step(one->stages, one->step, *backend, kSeed);
    ASSERT_TRUE(reference.ok()) << reference.message();
    const auto result = run_step(eight->stages, one->step, *backend, kSeed);
    ASSERT_TRUE(result.ok()) << result.message();
    std::string worst;
    EXPECT_LT(worst_difference(*result, *reference, &worst), 1e-5) << c.name << ": " << worst;
    EXPECT_GT(reference->at("loss")[0], 3.0);
  }
}

// The waits of a program from which an instruction was removed.
void forget_instruction(Program& program, int body, int index) {
  for (Body& other : program.bodies) {
    for (Instruction& i : other.instructions) {
      std::erase(i.waits, InstructionRef{body, index});
      for (InstructionRef& ref : i.waits)
        ref.index -= ref.body == body && ref.index > index ? 1 : 0;
    }
  }
}

// Without the instruction at this line, does the step still give one rank's results?
bool survives_without(std::vector<Program> stages, size_t stage, size_t body, size_t instruction,
                      const StepGraph& step, const Backend& backend, const StepResult& reference) {
  // Every rank of the stage loses the instruction, as when its line is deleted from the text.
  auto& instructions = stages[stage].bodies[body].instructions;
  instructions.erase(instructions.begin() + static_cast<int64_t>(instruction));
  forget_instruction(stages[stage], static_cast<int>(body), static_cast<int>(instruction));
  const auto parsed = parse_program(print(stages[stage]));
  TUTTI_CHECK(parsed.ok(), "{}", parsed.message());
  stages[stage] = *parsed;
  if (!lint(stages).ok()) return false;
  const auto result = run_step(stages, step, backend, kSeed);
  return result.ok() && worst_difference(*result, reference, nullptr) < 1e-5;
}

TEST(Slice, EveryCollectiveIsNeeded) {
  const auto backend = oracle();
  int deleted = 0;
  for (const Case& c : cases()) {
    const auto one = compile_step(c.config, one_rank_plan(), sequential_schedule(4), *backend);
    const auto eight = compile_step(c.config, slice_plan(), slice_schedule(), *backend);
    ASSERT_TRUE(one.ok() && eight.ok());
    const auto reference = run_step(one->stages, one->step, *backend, kSeed);
    ASSERT_TRUE(reference.ok());
    for (size_t s = 0; s < eight->stages.size(); ++s) {
      const Program& program = eight->stages[s];
      for (size_t b = 0; b < program.bodies.size(); ++b) {
        for (size_t i = 0; i < program.bodies[b].instructions.size(); ++i) {
          const Instruction& instruction = program.bodies[b].instructions[i];
          if (!is_communication(instruction.kind)) continue;
          ++deleted;
          EXPECT_FALSE(survives_without(eight->stages, s, b, i, one->step, *backend, *reference))
              << c.name << " stage " << s << ": " << op_name(instruction.kind) << " %"
              << program.buffer(instruction.outputs[0]).name << " in " << program.bodies[b].name;
        }
      }
    }
  }
  EXPECT_GT(deleted, 40);
}

// What a rank of 4 has at rest, by ZeRO stage.
MemoryReport at_rest(const ModelConfig& config, int stage) {
  Plan plan = one_rank_plan();
  plan.mesh.size(Axis::kShard) = 4;
  plan.micro_batch = 1;
  plan.zero = stage;
  const auto compiled = compile_step(config, plan, sequential_schedule(4), *make_null_backend());
  TUTTI_CHECK(compiled.ok(), "{}", compiled.message());
  return memory_report(compiled->stages[0]);
}

// Whether `held` is `whole` over `parts`, but for the padding of a few buckets.
void expect_part(int64_t held, int64_t whole, int parts, const std::string& what) {
  constexpr double kPadding = 4096;
  EXPECT_NEAR(static_cast<double>(held), static_cast<double>(whole) / parts, kPadding) << what;
}

TEST(ZeroStages, HoldAtRestWhatTheySay) {
  for (const Case& c : cases()) {
    const MemoryReport whole = at_rest(c.config, 0);
    for (int stage : {1, 2, 3}) {
      const MemoryReport cut = at_rest(c.config, stage);
      const std::string where = fmt::format("{}, stage {}", c.name, stage);
      expect_part(cut.optimizer, whole.optimizer, 4, where + ": optimizer");
      expect_part(cut.gradients, whole.gradients, stage >= 2 ? 4 : 1, where + ": gradients");
      expect_part(cut.parameters, whole.parameters, stage >= 3 ? 4 : 1, where + ": parameters");
    }
  }
}

}  // namespace
}  // namespace tutti
