// Every layout trains as one rank does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "parity/layouts.h"
#include "parity/parity_run.h"

namespace tutti {
namespace {

class Parity : public testing::TestWithParam<ParityModel> {};

TEST_P(Parity, EveryLayoutTrainsAsOneRankDoes) {
  std::map<int64_t, ParityResult> references;  // by layers
  for (const ParityLayout& layout : parity_layouts(GetParam().config)) {
    if (!references.contains(layout.layers)) {
      const ParityLayout one = parity_layout(fmt::format("layers={}", layout.layers));
      const auto reference = run_parity_on_threads(GetParam(), one, kParitySteps);
      ASSERT_TRUE(reference.ok()) << reference.message();
      EXPECT_GT(reference->steps[0].loss, 3.0);
      EXPECT_LT(reference->steps[0].loss, 5.0);
      references[layout.layers] = *reference;
    }
    const auto result = run_parity_on_threads(GetParam(), layout, kParitySteps);
    ASSERT_TRUE(result.ok()) << layout.name << ": " << result.message();
    const ParityDifference difference = compare(*result, references[layout.layers]);
    EXPECT_LE(difference.loss, kParityLoss) << layout.name;
    EXPECT_LE(difference.gradient, kParityGradient) << layout.name << ": " << difference.where;
    EXPECT_EQ(result->sent, result->planned_wire) << layout.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Parity, testing::Values(parity_gpt2(), parity_llama()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tutti
