#include "train/text_bounds.h"

#include <algorithm>

#include "checkpoint/hugging_face_directory.h"
#include "checkpoint/hugging_face_files.h"
#include "data/chat_layout.h"
#include "models/hugging_face_tokens.h"

namespace tutti {
namespace {

void add(int32_t token, std::vector<int32_t>& tokens) {
  if (std::ranges::find(tokens, token) == tokens.end()) tokens.push_back(token);
}

Status add_ends_of(FileSystem& fs, const std::string& path, std::vector<int32_t>& ends) {
  if (!exists(fs, path)) return {};
  TUTTI_ASSIGN(const std::string text,
               read_hugging_face_file(fs, path, kHuggingFaceConfigBytesMax));
  TUTTI_ASSIGN(const std::vector<int32_t> tokens, hugging_face_end_tokens(text, path));
  for (const int32_t token : tokens) add(token, ends);
  return {};
}

}  // namespace

std::optional<int32_t> learned_turn_end(const SavedModel& saved, const Tokenizer& tokenizer) {
  if (!saved.chat || !tokenizer.end_of_text()) return std::nullopt;
  return ChatLayout(tokenizer).turn_end();
}

Result<TextBounds> find_text_bounds(FileSystem& fs, const SavedModel& saved,
                                    const Tokenizer& tokenizer) {
  TextBounds bounds;
  if (saved.step == 0) bounds.begin = tokenizer.begin_tokens();
  if (const auto end = tokenizer.end_of_text()) add(end->id, bounds.ends);
  if (const auto end = learned_turn_end(saved, tokenizer)) add(*end, bounds.ends);
  for (const char* name : {kHuggingFaceConfigName, kHuggingFaceGenerationName}) {
    TUTTI_TRY(add_ends_of(fs, join_path(saved.hugging_face_files, name), bounds.ends));
  }
  return bounds;
}

void begin_text(const TextBounds& bounds, std::vector<int32_t>& tokens) {
  const std::vector<int32_t>& begin = bounds.begin;
  const bool begins =
      tokens.size() >= begin.size() && std::equal(begin.begin(), begin.end(), tokens.begin());
  if (!begins) tokens.insert(tokens.begin(), begin.begin(), begin.end());
}

}  // namespace tutti
