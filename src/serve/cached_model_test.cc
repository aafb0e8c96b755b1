#include "serve/cached_model.h"

#include <cmath>

#include "base/test_file_system.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/save.h"
#include "execute/program_set.h"
#include "serve/test_model.h"
#include "tensor/float_conversion.h"

namespace tutti {
namespace {

constexpr uint64_t kModelSeed = 20;

std::vector<float> copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

// Logits after the last of `tokens`, read in pieces of `piece`.
std::vector<float> logits_by_pieces(CachedModel& model, std::span<const int32_t> tokens,
                                    size_t piece) {
  model.reset();
  std::vector<float> logits;
  while (!tokens.empty()) {
    const size_t count = std::min(piece, tokens.size());
    const auto result = model.append(tokens.first(count));
    EXPECT_TRUE(result.ok()) << result.message();
    logits = copy(*result);
    tokens = tokens.subspan(count);
  }
  return logits;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& expected,
                 const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], 2e-4) << what << ", token " << i;
  }
}

class CachedModelTest : public testing::TestWithParam<Architecture> {};

INSTANTIATE_TEST_SUITE_P(Architectures, CachedModelTest,
                         testing::Values(Architecture::kGpt2, Architecture::kLlama),
                         [](const auto& info) {
                           return info.param == Architecture::kGpt2 ? "Gpt2" : "Llama";
                         });

// The training graph knows no cache: -log p(token) by it, and by the logits after the same prefix.
double loss_of_last(const ModelConfig& config, std::span<const int32_t> tokens, int32_t next) {
  const OpTable ops;
  BuildOptions build;
  build.seq = std::ssize(tokens);
  auto step = build_evaluation_step(ops, config, build);
  EXPECT_TRUE(step.ok()) << step.message();
  auto backend = make_cpu_backend(cpu::default_kernels(), 1);
  auto compiled = compile_step(std::move(*step), Plan{}, forward_schedule(1), ops, *backend,
                               PassOptions{}, nullptr);
  EXPECT_TRUE(compiled.ok()) << compiled.message();
  std::vector<Program> programs;
  programs.push_back(std::move(compiled->stages[0]));
  auto executor = Executor::create(std::move(programs), std::move(backend));
  EXPECT_TRUE(executor.ok()) << executor.message();
  Executor& e = **executor;
  set_random_parameters(compiled->step, kModelSeed,
                        [&](const std::string& name) { return e.operand(0, name); });
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool last = i + 1 == tokens.size();
    e.operand(0, "tokens").as<int32_t>()[i] = tokens[i];
    e.operand(0, "positions").as<int32_t>()[i] = static_cast<int32_t>(i);
    e.operand(0, "labels").as<int32_t>()[i] = last ? next : -1;
    e.operand(0, "all_labels").as<int32_t>()[i] = last ? next : -1;
  }
  EXPECT_TRUE(e.run(0).ok());
  return *e.operand(0, "loss").as<float>();
}

TEST_P(CachedModelTest, GivesTheProbabilitiesOfTheTrainingGraph) {
  const ModelConfig config = small_serving_model(GetParam());
  auto model = make_small_model(config, {}, kModelSeed);
  ASSERT_NE(model, nullptr);
  for (const int64_t count : {1, 7, 40}) {
    const std::vector<int32_t> tokens = random_tokens(kModelSeed, count, config.vocab);
    const std::vector<float> logits = logits_by_pieces(*model, tokens, 5);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    for (const int32_t next : {0, 31, 60}) {
      const double loss = std::log(sum) - logits[static_cast<size_t>(next)];
      EXPECT_NEAR(loss, loss_of_last(config, tokens, next), 2e-4) << count << " tokens";
    }
  }
}

TEST_P(CachedModelTest, PiecesOfAnySizeGiveTheSameLogits) {
  const ModelConfig config = small_serving_model(GetParam());
  auto model = make_small_model(config, {}, kModelSeed);
  ASSERT_NE(model, nullptr);
  // To the end of the cache, where padding has no room.
  for (const int64_t count : {1, 2, 15, 16, 17, 70, 95, 96}) {
    const std::vector<int32_t> tokens = random_tokens(kModelSeed, count, config.vocab);
    const std::vector<float> one_by_one = logits_by_pieces(*model, tokens, 1);
    for (const size_t piece : {2, 3, 16, 33, 96}) {
      expect_near(logits_by_pieces(*model, tokens, piece), one_by_one,
                  fmt::format("{} tokens by {}", count, piece));
    }
  }
}

// A long text before leaves nothing behind that a shorter one reads.
TEST_P(CachedModelTest, ForgetsWhatWasReset) {
  const ModelConfig config = small_serving_model(GetParam());
  auto model = make_small_model(config, {}, kModelSeed);
  ASSERT_NE(model, nullptr);
  const std::vector<int32_t> tokens = random_tokens(1, 9, config.vocab);
  const std::vector<float> fresh = logits_by_pieces(*model, tokens, 4);
  logits_by_pieces(*model, random_tokens(2, 96, config.vocab), 96);
  EXPECT_EQ(logits_by_pieces(*model, tokens, 4), fresh);
}

TEST_P(CachedModelTest, GoesBackToAPrefix) {
  const ModelConfig config = small_serving_model(GetParam());
  auto model = make_small_model(config, {}, kModelSeed);
  ASSERT_NE(model, nullptr);
  const std::vector<int32_t> tokens = random_tokens(3, 30, config.vocab);
  const std::vector<float> expected = logits_by_pieces(*model, tokens, 1);
  ASSERT_TRUE(model->append(random_tokens(4, 20, config.vocab)).ok());
  model->rewind(29);
  const auto logits = model->append(std::span(tokens).last(1));
  ASSERT_TRUE(logits.ok());
  EXPECT_EQ(copy(*logits), expected);
}

TEST(CachedModel, LeavesPaddingRowsOutOfTheLogits) {
  const ModelConfig config = small_serving_model(Architecture::kLlama);
  auto model = make_small_model(config, {}, kModelSeed);
  ASSERT_NE(model, nullptr);
  const auto logits = model->append(random_tokens(kModelSeed, 3, config.vocab));
  ASSERT_TRUE(logits.ok());
  EXPECT_EQ(std::ssize(*logits), config.vocab);
}

TEST(CachedModel, RefusesWhatDoesNotFit) {
  const ModelConfig config = small_serving_model(Architecture::kLlama);
  auto model = make_small_model(config, {.capacity = 20}, kModelSeed);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->append(random_tokens(1, 21, config.vocab)).message(),
            "21 tokens after 0 do not fit into 20 positions");
  ASSERT_TRUE(model->append(random_tokens(1, 12, config.vocab)).ok());
  EXPECT_FALSE(model->append(random_tokens(1, 9, config.vocab)).ok());
  EXPECT_EQ(model->length(), 12);
  EXPECT_TRUE(model->append(random_tokens(1, 8, config.vocab)).ok());
  model->reset();
  const std::vector<int32_t> unknown = {5, 61};
  EXPECT_EQ(model->append(unknown).message(), "token 61 is not below model.vocab = 61");
  EXPECT_EQ(model->length(), 0);
}

TEST(CachedModel, RefusesACacheLongerThanTheContext) {
  const ModelConfig config = small_serving_model(Architecture::kGpt2);
  const auto create = [&](const CachedModelOptions& options) {
    return CachedModel::create(config, options, make_cpu_backend(cpu::default_kernels(), 1));
  };
  EXPECT_EQ(create({.capacity = 97}).message(),
            "a cache of 97 positions, expected 1 to model.context = 96");
  EXPECT_FALSE(create({.capacity = -1}).ok());
  EXPECT_FALSE(create({.capacity = 0, .prefill_sizes = {16, 16}}).ok());
}

// The logits of BF16 weights are those of the same numbers in FP32: nothing else is rounded.
TEST_P(CachedModelTest, Bf16WeightsAreRoundedOnce) {
  const ModelConfig config = small_serving_model(GetParam());
  auto wide = make_small_model(config, {}, kModelSeed);
  auto narrow = make_small_model(config, {.weights = DType::kBF16}, kModelSeed);
  ASSERT_TRUE(wide && narrow);
  int rounded = 0;
  for (const ParameterInfo& info : wide->step().model.parameters) {
    const std::string& name = wide->step().graph.value(info.value).name;
    const Operand from = narrow->parameter(name), to = wide->parameter(name);
    EXPECT_EQ(from.dtype == DType::kBF16, info.decayed) << name;
    if (from.dtype != DType::kBF16) continue;
    for (int64_t i = 0; i < to.count(); ++i) {
      const float number = bf16_to_f32(from.as<uint16_t>()[i]);
      rounded += number != to.as<float>()[i];
      to.as<float>()[i] = number;
    }
  }
  EXPECT_GT(rounded, 1000);
  const std::vector<int32_t> tokens = random_tokens(kModelSeed, 50, config.vocab);
  for (const size_t piece : {1, 7, 50}) {
    expect_near(logits_by_pieces(*narrow, tokens, piece), logits_by_pieces(*wide, tokens, piece),
                fmt::format("pieces of {}", piece));
  }
}

TEST(CachedModel, Bf16WeightsTakeHalfTheMemory) {
  const ModelConfig config = small_serving_model(Architecture::kLlama);
  const auto wide = make_small_model(config, {}, kModelSeed);
  const auto narrow = make_small_model(config, {.weights = DType::kBF16}, kModelSeed);
  ASSERT_TRUE(wide && narrow);
  int64_t matrices = 0, vectors = 0, embedding = 0;
  for (const ParameterInfo& info : wide->step().model.parameters) {
    const Value& value = wide->step().graph.value(info.value);
    const int64_t count = element_count(value.type.dims);
    (info.decayed ? matrices : vectors) += count;
    if (value.name == "embed.weight") embedding = count;  // not tied: a token looks up one row
  }
  // Keys and values of 2 layers, 2 heads of 8.
  const int64_t position = 2 * 2 * 2 * 8 * 4;
  EXPECT_EQ(wide->token_bytes(10), 4 * (matrices - embedding + vectors) + 10 * position);
  EXPECT_EQ(narrow->token_bytes(10), 2 * (matrices - embedding) + 4 * vectors + 10 * position);
  const int64_t saved = wide->allocated_bytes() - narrow->allocated_bytes();
  EXPECT_GT(saved, matrices * 2 * 8 / 10);  // the widened panels of prompts take some back
}

TEST(CachedModel, RefusesWeightsInAnotherDtype) {
  const auto created =
      CachedModel::create(small_serving_model(Architecture::kLlama), {.weights = DType::kF16},
                          make_cpu_backend(cpu::default_kernels(), 1));
  EXPECT_EQ(created.message(), "weights in f16: expected f32, or bf16 in generation");
}

// What a checkpoint of `model` would hold, but that `changed` lacks its last row.
Status save(FileSystem& fs, const CachedModel& model, const std::string& changed) {
  Snapshot snapshot;
  for (const ParameterInfo& info : model.step().model.parameters) {
    const std::string& name = model.step().graph.value(info.value).name;
    const Operand operand = model.parameter(name);
    SnapshotTensor tensor{.name = name, .sizes = {operand.sizes.begin(), operand.sizes.end()}};
    if (info.valid_rows >= 0) tensor.sizes[0] = info.valid_rows;
    if (name == changed) --tensor.sizes[0];
    tensor.bytes = {operand.as<char>(), static_cast<size_t>(element_count(tensor.sizes)) * 4};
    snapshot.tensors.push_back(std::move(tensor));
  }
  return save_checkpoint(fs, "/run", snapshot).status();
}

TEST(CachedModel, LoadsACheckpoint) {
  const ModelConfig config = small_serving_model(Architecture::kGpt2);
  auto model = make_small_model(config, {}, kModelSeed);
  auto other = make_small_model(config, {}, kModelSeed + 1);
  ASSERT_TRUE(model && other);
  TestFileSystem fs;
  ASSERT_TRUE(save(fs, *model, "").ok());
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  const Status loaded = other->load(*checkpoint);
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  const std::vector<int32_t> tokens = random_tokens(kModelSeed, 20, config.vocab);
  EXPECT_EQ(logits_by_pieces(*other, tokens, 20), logits_by_pieces(*model, tokens, 20));
}

TEST(CachedModel, RoundsWhatACheckpointHolds) {
  const ModelConfig config = small_serving_model(Architecture::kLlama);
  auto model = make_small_model(config, {}, kModelSeed);
  auto expected = make_small_model(config, {.weights = DType::kBF16}, kModelSeed);
  auto loaded = make_small_model(config, {.weights = DType::kBF16}, kModelSeed + 1);
  ASSERT_TRUE(model && expected && loaded);
  TestFileSystem fs;
  ASSERT_TRUE(save(fs, *model, "").ok());
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  const Status status = loaded->load(*checkpoint);
  ASSERT_TRUE(status.ok()) << status.message();
  const std::vector<int32_t> tokens = random_tokens(kModelSeed, 20, config.vocab);
  EXPECT_EQ(logits_by_pieces(*loaded, tokens, 20), logits_by_pieces(*expected, tokens, 20));
}

TEST(CachedModel, NamesTheTensorThatACheckpointHasOtherwise) {
  auto model = make_small_model(small_serving_model(Architecture::kGpt2), {}, kModelSeed);
  ASSERT_NE(model, nullptr);
  TestFileSystem fs;
  ASSERT_TRUE(save(fs, *model, "layers.1.mlp.up.weight").ok());
  auto checkpoint = load_checkpoint(fs, "/run");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.message();
  const Status loaded = model->load(*checkpoint);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.message().find("layers.1.mlp.up.weight"), std::string::npos) << loaded.message();
}

}  // namespace
}  // namespace tutti
