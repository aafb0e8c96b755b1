#include "data/tokenizer_json.h"

#include <algorithm>

#include "base/json.h"
#include "data/json_node.h"
#include "data/model_json.h"
#include "data/stages_json.h"

namespace tutti {
namespace {

// Requires the rest of `parts`.
Status check_surroundings(const TokenizerParts& parts) {
  int32_t size = parts.model.size();
  for (const AddedToken& token : parts.added) size = std::max(size, token.id + 1);
  for (const auto* ids : {&parts.before, &parts.after}) {
    for (const int32_t id : *ids) {
      if (id >= size) {
        return corrupt("post_processor: token {}, but the vocabulary has ids 0 to {}", id,
                       size - 1);
      }
    }
  }
  return Status();
}

Result<Tokenizer> read_tokenizer(const JsonNode& root) {
  if (!root.value.is_object()) return root.wrong("an object");
  TokenizerParts parts;
  TUTTI_ASSIGN(PreTokenizerStages stages, read_pre_tokenizer(root));
  parts.pre_tokenizer = std::move(stages.pre_tokenizer);
  TUTTI_ASSIGN(parts.model, read_bpe_model(root, stages.byte_level));
  TUTTI_ASSIGN(parts.normalizer, read_normalizer(root));
  TUTTI_ASSIGN(parts.decoder, read_decoder(root, stages.byte_level));
  TUTTI_ASSIGN(parts.added, read_added_tokens(root, parts.model.size()));
  TUTTI_ASSIGN(Surroundings around, read_post_processor(root));
  parts.before = std::move(around.before);
  parts.after = std::move(around.after);
  TUTTI_TRY(check_surroundings(parts));
  return Tokenizer::create(std::move(parts));
}

}  // namespace

Result<Tokenizer> parse_tokenizer_json(std::string_view json, const std::string& name) {
  TUTTI_ASSIGN(const Json root, parse_json(json, name));
  Result<Tokenizer> tokenizer = read_tokenizer({root, ""});
  if (!tokenizer.ok()) return Error{tokenizer.error().kind, name + ": " + tokenizer.message()};
  return tokenizer;
}

}  // namespace tutti
