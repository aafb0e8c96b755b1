// Where the texts of a model begin and end. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/tokenizer.h"
#include "train/saved_model.h"

namespace tutti {

struct TextBounds {
  // What is put before a prompt. Of a model that was not trained here (a Hugging Face directory, or
  // one that was imported) what its tokenizer puts before a text, as in transformers. Nothing of
  // one that was: no document of its data had anything before it.
  std::vector<int32_t> begin;
  // A text ends before any of these, each once: the tokenizer's end of text, eos_token_id of the
  // config.json and generation_config.json that the model came with, and learned_turn_end().
  std::vector<int32_t> ends;
};

// kCorrupt names the file whose eos_token_id is no id.
Result<TextBounds> find_text_bounds(FileSystem& fs, const SavedModel& saved,
                                    const Tokenizer& tokenizer);

// The token that closes a turn, of a model that was trained here on conversations.
std::optional<int32_t> learned_turn_end(const SavedModel& saved, const Tokenizer& tokenizer);

// Puts bounds.begin before `tokens`, which may begin with it already: spelled out in a prompt.
void begin_text(const TextBounds& bounds, std::vector<int32_t>& tokens);

}  // namespace tutti
