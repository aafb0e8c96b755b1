// Holds gradients and loss curves to what PyTorch computed in double precision, recorded by
// tests/interop/reference.py --record.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/fs.h"
#include "base/json.h"
#include "reference/gradient_sketch.h"
#include "reference/reference_run.h"

namespace tutti {
namespace {

// ||difference|| / ||reference|| of a parameter's gradient, and |difference| / loss of each step.
constexpr double kGradientTolerance = 1e-5;
constexpr double kLossTolerance = 1e-4;

struct Recorded {
  ReferenceCase c;
  Json values;
};

Recorded read_recorded(const std::string& name) {
  const auto fs = make_posix_file_system();
  const std::string path = std::string(TUTTI_SOURCE_DIR) + "/tests/reference/" + name + ".json";
  const Result<std::string> text = read_file(*fs, path);
  TUTTI_CHECK(text.ok(), "{}", text.message());
  Recorded recorded;
  recorded.values = parse_json(*text, "text").value();
  const auto c = parse_reference_case(recorded.values["case"], path);
  TUTTI_CHECK(c.ok(), "{}", c.message());
  recorded.c = *c;
  return recorded;
}

std::vector<double> numbers(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list) values.push_back(value.get<double>());
  return values;
}

GradientSketch recorded_sketch(const Json& object) {
  GradientSketch sketch;
  sketch.norm = object["norm"].get<double>();
  std::ranges::copy(numbers(object["projections"]), sketch.projections.begin());
  return sketch;
}

// A shift of all scores of a query changes nothing, so in exact arithmetic GPT-2's key bias has no
// gradient: the three biases are compared as one vector.
std::string group_of(const ReferenceCase& c, const std::string& name) {
  const size_t at = name.find(".attn.");
  const bool one_of_three =
      name.ends_with(".q.bias") || name.ends_with(".k.bias") || name.ends_with(".v.bias");
  const bool gpt2 = c.model.architecture == Architecture::kGpt2;
  return gpt2 && one_of_three ? name.substr(0, at) + ".attn.qkv.bias" : name;
}

struct Distance {
  double squared = 0, norm_squared = 0;
  double relative() const { return std::sqrt(squared / norm_squared); }
};

std::map<std::string, Distance> gradient_distances(const Recorded& recorded,
                                                   const ReferenceRun& run) {
  std::map<std::string, Distance> distances;
  for (const ReferenceRun::Parameter& parameter : run.parameters()) {
    const GradientSketch expected = recorded_sketch(recorded.values["gradients"][parameter.name]);
    const GradientSketch actual =
        sketch_gradient(recorded.c.seed, parameter.name, run.gradient(parameter));
    Distance& distance = distances[group_of(recorded.c, parameter.name)];
    distance.squared += squared_distance(actual, expected);
    distance.norm_squared += expected.norm * expected.norm;
  }
  return distances;
}

std::unique_ptr<ReferenceRun> start(const ReferenceCase& c, const cpu::Kernels& kernels) {
  Result<std::unique_ptr<ReferenceRun>> run = ReferenceRun::create(c, kernels, 1);
  TUTTI_CHECK(run.ok(), "{}", run.message());
  for (const ReferenceRun::Parameter& parameter : (*run)->parameters()) {
    const std::span<float> weights = (*run)->weights(parameter);
    const std::vector<float> values =
        reference_weights(c, parameter.name, static_cast<int64_t>(weights.size()));
    std::copy(values.begin(), values.end(), weights.begin());
  }
  return std::move(run).value();
}

std::vector<const cpu::Kernels*> kernels_of_this_machine() {
  std::vector<const cpu::Kernels*> tables{&cpu::oracle_kernels()};
  for (const cpu::Isa isa : {cpu::Isa::kPortable, cpu::Isa::kV3, cpu::Isa::kV4}) {
    if (cpu::has_isa(isa)) tables.push_back(&cpu::fast_kernels(isa));
  }
  return tables;
}

class Reference : public testing::TestWithParam<const char*> {};

TEST_P(Reference, GradientsOfEveryParameterAreThoseOfPyTorch) {
  const Recorded recorded = read_recorded(GetParam());
  for (const cpu::Kernels* kernels : kernels_of_this_machine()) {
    SCOPED_TRACE(kernels->name);
    const auto run = start(recorded.c, *kernels);
    const ReferenceRun::StepResult result = run->step(reference_batch(recorded.c, 0), 0, 0.0);
    const auto loss = recorded.values["loss"].get<double>();
    const auto norm = recorded.values["grad_norm"].get<double>();
    EXPECT_NEAR(result.loss, loss, kGradientTolerance * loss);
    EXPECT_NEAR(result.grad_norm, norm, kGradientTolerance * norm);
    EXPECT_EQ(recorded.values["gradients"].size(), run->parameters().size());
    for (const auto& [name, distance] : gradient_distances(recorded, *run)) {
      EXPECT_LE(distance.relative(), kGradientTolerance) << name;
    }
  }
}

TEST_P(Reference, LossesOfTrainingAreThoseOfPyTorch) {
  const Recorded recorded = read_recorded(GetParam());
  const ReferenceCase& c = recorded.c;
  const std::vector<double> losses = numbers(recorded.values["losses"]);
  ASSERT_EQ(static_cast<int64_t>(losses.size()), c.steps);
  ASSERT_LT(losses.back(), 0.9 * losses.front()) << "the recorded run does not learn";
  const auto run = start(c, cpu::default_kernels());
  for (int64_t s = 0; s < c.steps; ++s) {
    const ReferenceBatch batch = reference_batch(c, s % c.batches);
    const double loss = run->step(batch, s, learning_rate(c.schedule, s)).loss;
    const double expected = losses[static_cast<size_t>(s)];
    ASSERT_NEAR(loss, expected, kLossTolerance * expected) << "step " << s;
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Reference, testing::Values("gpt2", "llama", "qwen2", "qwen3"),
                         [](const auto& info) { return info.param; });

TEST(GradientSketch, SeesASmallChangeOfOneElement) {
  std::vector<float> gradient(1000, 1.0f), changed = gradient;
  changed[17] += 0.01f;
  const double exact = changed[17] - gradient[17];
  const double estimate = std::sqrt(
      squared_distance(sketch_gradient(7, "w", gradient), sketch_gradient(7, "w", changed)));
  EXPECT_NEAR(estimate, exact, 1e-9);
}

TEST(GradientSketch, EstimatesTheDistanceOfDenseChanges) {
  std::vector<float> gradient, changed;
  double squares = 0;
  for (int i = 0; i < 4000; ++i) {
    gradient.push_back(std::sin(static_cast<float>(i)));
    changed.push_back(gradient.back() + 1e-3f * std::cos(static_cast<float>(3 * i)));
    squares += std::pow(double{changed.back()} - gradient.back(), 2);
  }
  const double estimate =
      squared_distance(sketch_gradient(7, "w", gradient), sketch_gradient(7, "w", changed));
  EXPECT_GT(estimate, 0.4 * squares);
  EXPECT_LT(estimate, 1.8 * squares);
}

}  // namespace
}  // namespace tutti
