#include "serve/generator.h"

#include <algorithm>

#include "serve/test_model.h"

namespace tutti {
namespace {

constexpr uint64_t kGenerationSeed = 31;

class GeneratorTest : public testing::Test {
 protected:
  void SetUp() override {
    model_ = make_small_model(config_, {}, kGenerationSeed);
    ASSERT_NE(model_, nullptr);
  }

  Result<Generation> generate_after(std::span<const int32_t> prompt,
                                    const GenerationOptions& options) {
    model_->reset();
    return generate(*model_, prompt, options, clock_, [](int32_t) { return true; });
  }

  std::vector<int32_t> tokens_after(std::span<const int32_t> prompt,
                                    const GenerationOptions& options) {
    const auto generation = generate_after(prompt, options);
    EXPECT_TRUE(generation.ok()) << generation.message();
    return generation->tokens;
  }

  const ModelConfig config_ = small_serving_model(Architecture::kLlama);
  std::unique_ptr<CachedModel> model_;
  VirtualClock clock_;
};

GenerationOptions greedy(int64_t tokens) {
  return {.sampling = {.temperature = 0}, .tokens_max = tokens};
}

TEST_F(GeneratorTest, GreedyTokensAreThoseOfRecomputingEachPrefix) {
  std::vector<int32_t> text = random_tokens(kGenerationSeed, 21, config_.vocab);
  const std::vector<int32_t> generated = tokens_after(text, greedy(30));
  ASSERT_EQ(generated.size(), 30u);
  for (size_t i = 0; i < generated.size(); ++i) {
    model_->reset();
    const auto logits = model_->append(text);
    ASSERT_TRUE(logits.ok());
    const auto best = std::max_element(logits->begin(), logits->end()) - logits->begin();
    EXPECT_EQ(generated[i], best) << "token " << i;
    text.push_back(generated[i]);
  }
}

TEST_F(GeneratorTest, TheSameSeedGivesTheSameText) {
  const std::vector<int32_t> prompt = random_tokens(kGenerationSeed, 10, config_.vocab);
  GenerationOptions options{.sampling = {.seed = 5}, .tokens_max = 40};
  const std::vector<int32_t> tokens = tokens_after(prompt, options);
  EXPECT_EQ(tokens_after(prompt, options), tokens);
  options.sampling.seed = 6;
  EXPECT_NE(tokens_after(prompt, options), tokens);
}

// A text that is stopped and continued is the text that was not stopped.
TEST_F(GeneratorTest, ContinuesWithTheDrawsOfThePosition) {
  std::vector<int32_t> prompt = random_tokens(kGenerationSeed, 10, config_.vocab);
  GenerationOptions options{.sampling = {.temperature = 0.7, .seed = 5}, .tokens_max = 40};
  const std::vector<int32_t> tokens = tokens_after(prompt, options);
  prompt.insert(prompt.end(), tokens.begin(), tokens.begin() + 15);
  options.tokens_max = 25;
  const std::vector<int32_t> rest(tokens.begin() + 15, tokens.end());
  EXPECT_EQ(tokens_after(prompt, options), rest);
}

TEST_F(GeneratorTest, StopsBeforeTheFirstOfTheEndTokens) {
  const std::vector<int32_t> prompt = random_tokens(kGenerationSeed, 10, config_.vocab);
  const std::vector<int32_t> tokens = tokens_after(prompt, {.tokens_max = 60});
  for (const std::vector<int32_t>& ends :
       {std::vector{tokens[7]}, std::vector{tokens[20], tokens[7]}}) {
    const auto generation = generate_after(prompt, {.tokens_max = 60, .end_tokens = ends});
    ASSERT_TRUE(generation.ok());
    EXPECT_EQ(generation->reason, StopReason::kEndOfText);
    const auto first = std::find_first_of(tokens.begin(), tokens.end(), ends.begin(), ends.end());
    EXPECT_EQ(generation->tokens, std::vector<int32_t>(tokens.begin(), first));
  }
}

TEST_F(GeneratorTest, StopsWhenTheContextIsFull) {
  const auto generation = generate_after(random_tokens(1, 90, config_.vocab), greedy(50));
  ASSERT_TRUE(generation.ok());
  EXPECT_EQ(generation->reason, StopReason::kContext);
  EXPECT_EQ(generation->tokens.size(), 7u);  // six that were read again, and what follows them
}

TEST_F(GeneratorTest, APromptThatFillsTheContextGivesOneToken) {
  const auto full = generate_after(random_tokens(1, 96, config_.vocab), greedy(50));
  ASSERT_TRUE(full.ok()) << full.message();
  EXPECT_EQ(full->tokens.size(), 1u);
  const auto longer = generate_after(random_tokens(1, 97, config_.vocab), greedy(50));
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.message(),
            "the prompt has 97 tokens, and the model's context leaves room for 96");
}

TEST_F(GeneratorTest, StopsWhenTheReaderDoes) {
  int64_t seen = 0;
  const auto generation = generate(*model_, random_tokens(1, 5, config_.vocab), {.tokens_max = 50},
                                   clock_, [&](int32_t) { return ++seen < 4; });
  ASSERT_TRUE(generation.ok());
  EXPECT_EQ(generation->reason, StopReason::kInterrupted);
  EXPECT_EQ(generation->tokens.size(), 4u);
}

TEST_F(GeneratorTest, DrawsOnlyBelowTheVocabularyGiven) {
  GenerationOptions options{.sampling = {.temperature = 10}, .tokens_max = 80, .vocab = 7};
  for (const int32_t token : tokens_after(random_tokens(1, 5, config_.vocab), options)) {
    EXPECT_LT(token, 7);
  }
}

TEST_F(GeneratorTest, NoTokensIsNoText) {
  EXPECT_TRUE(tokens_after(random_tokens(1, 5, config_.vocab), greedy(0)).empty());
}

TEST_F(GeneratorTest, RefusesOptionsOutOfRange) {
  const std::vector<int32_t> prompt = {1};
  EXPECT_FALSE(generate_after({}, greedy(5)).ok());
  EXPECT_FALSE(generate_after(prompt, greedy(-1)).ok());
  EXPECT_FALSE(generate_after(prompt, {.vocab = 62}).ok());
  EXPECT_FALSE(generate_after(prompt, {.sampling = {.top_p = 0}}).ok());
}

}  // namespace
}  // namespace tutti
