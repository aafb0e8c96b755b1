#include "serve/generator.h"

#include <algorithm>
#include <array>

namespace tutti {
namespace {

constexpr std::array<std::string_view, 4> kReasonNames = {"end_of_text", "tokens_max", "context",
                                                          "interrupted"};

Status check(const CachedModel& model, std::span<const int32_t> prompt,
             const GenerationOptions& options) {
  TUTTI_TRY(check_sampling(options.sampling));
  if (options.tokens_max < 0) {
    return invalid("{} tokens to generate, expected at least 0", options.tokens_max);
  }
  if (options.vocab < 0 || options.vocab > model.vocab()) {
    return invalid("a vocabulary of {} tokens for a model of {}", options.vocab, model.vocab());
  }
  if (prompt.empty()) return invalid("the prompt is empty");
  const int64_t room = model.capacity() - model.length();
  if (std::ssize(prompt) > room) {
    return invalid("the prompt has {} tokens, and the model's context leaves room for {}",
                   prompt.size(), room);
  }
  return {};
}

}  // namespace

std::string_view stop_reason_name(StopReason reason) {
  return kReasonNames[static_cast<size_t>(reason)];
}

Result<Generation> generate(CachedModel& model, std::span<const int32_t> prompt,
                            const GenerationOptions& options, Clock& clock, const TokenSink& sink) {
  TUTTI_TRY(check(model, prompt, options));
  Sampler sampler(options.sampling);
  const auto vocab = static_cast<size_t>(options.vocab == 0 ? model.vocab() : options.vocab);
  Generation result;
  const double start_s = clock.monotonic_s();
  TUTTI_ASSIGN(std::span<const float> logits, model.append(prompt));
  const double prompt_end_s = clock.monotonic_s();
  result.prompt_s = prompt_end_s - start_s;
  while (std::ssize(result.tokens) < options.tokens_max) {
    TUTTI_ASSIGN(const int32_t token, sampler.draw(logits.first(vocab), model.length()));
    if (std::ranges::find(options.end_tokens, token) != options.end_tokens.end()) {
      result.reason = StopReason::kEndOfText;
      break;
    }
    result.tokens.push_back(token);
    if (!sink(token)) {
      result.reason = StopReason::kInterrupted;
      break;
    }
    if (std::ssize(result.tokens) == options.tokens_max) break;
    if (model.length() == model.capacity()) {
      result.reason = StopReason::kContext;
      break;
    }
    TUTTI_ASSIGN(logits, model.append({&token, 1}));
    ++result.steps;
  }
  result.generate_s = clock.monotonic_s() - prompt_end_s;
  return result;
}

}  // namespace tutti
