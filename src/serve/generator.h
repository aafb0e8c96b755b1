// Continues a text token by token, until it ends itself or a limit is reached.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "serve/cached_model.h"
#include "serve/sampler.h"

namespace tutti {

struct GenerationOptions {
  SamplingOptions sampling = {};
  int64_t tokens_max = 256;
  std::vector<int32_t> end_tokens = {};  // the text ends before any of these
  int64_t vocab = 0;                     // only tokens below this are drawn; 0: all of the model's
};

enum class StopReason : uint8_t { kEndOfText, kTokensMax, kContext, kInterrupted };
std::string_view stop_reason_name(StopReason reason);  // "end_of_text", "tokens_max" ...

struct Generation {
  std::vector<int32_t> tokens;  // without the prompt and without the token that ends the text
  StopReason reason = StopReason::kTokensMax;
  double prompt_s = 0;    // until the first token could be drawn
  double generate_s = 0;  // from there on
  int64_t steps = 0;      // tokens that the model read one by one in generate_s: all but the last
};

// Gets each token as it is made; false ends the generation (kInterrupted).
using TokenSink = std::function<bool(int32_t token)>;

// Appends `prompt` to the model's text, then what is drawn. A token's position in the whole text
// keys its random number. kInvalidArgument: an option out of range, a prompt that is empty or does
// not fit into the model's cache. kCorrupt: the model's logits are no numbers.
Result<Generation> generate(CachedModel& model, std::span<const int32_t> prompt,
                            const GenerationOptions& options, Clock& clock, const TokenSink& sink);

}  // namespace tutti
