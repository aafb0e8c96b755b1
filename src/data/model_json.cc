#include "data/model_json.h"

#include <algorithm>

#include "data/byte_level.h"

namespace tutti {
namespace {

constexpr size_t kAddedTokensMax = 1 << 20;

// Reads an id and refuses one so large that it cannot belong to a vocabulary of `entries`.
Result<int32_t> token_id(const JsonNode& node, size_t entries) {
  if (!node.value.is_integer()) return node.wrong("a token id");
  const int64_t limit = static_cast<int64_t>(2 * entries) + 65536;
  const auto id = node.value.get<int64_t>();
  if (id < 0 || id >= std::min<int64_t>(limit, INT32_MAX)) {
    return corrupt("{}: id {} in a vocabulary of {} tokens", node.path, id, entries);
  }
  return static_cast<int32_t>(id);
}

// Token spellings → ids, with the tokens' bytes by id.
struct Spellings {
  BpeModel::Vocabulary vocabulary;
  const Json& ids;
};

Result<Spellings> read_vocabulary(const JsonNode& model, bool byte_level) {
  if (!model.has("vocab") || !model.at("vocab").value.is_object()) {
    return corrupt("{}: expected an object", model.path_of("vocab"));
  }
  const JsonNode vocab = model.at("vocab");
  Spellings spellings{{}, vocab.value};
  for (const auto& [spelling, id_value] : vocab.value.members()) {
    TUTTI_ASSIGN(const int32_t id,
                 token_id({id_value, vocab.path_of(spelling)}, vocab.value.size()));
    if (id >= static_cast<int32_t>(spellings.vocabulary.size())) {
      spellings.vocabulary.resize(id + 1);
    }
    std::string& text = spellings.vocabulary[id];
    if (spelling.empty()) return corrupt("{}: token {} is empty", vocab.path, id);
    if (!text.empty()) return corrupt("{}.{}: id {} is taken already", vocab.path, spelling, id);
    // A control token stays as it is.
    text = byte_level ? from_byte_level(spelling).value_or(spelling) : spelling;
  }
  return spellings;
}

// A merge is "left right" or ["left", "right"].
Result<std::pair<std::string, std::string>> read_merge(const JsonNode& node) {
  const Json& value = node.value;
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string()) {
    return std::pair(value[0].get<std::string>(), value[1].get<std::string>());
  }
  if (!value.is_string()) return node.wrong("two tokens");
  const auto text = value.get<std::string>();
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
    return corrupt("{}: expected two tokens and a space, got '{}'", node.path, text);
  }
  return std::pair(text.substr(0, space), text.substr(space + 1));
}

Result<std::vector<BpeModel::Merge>> read_merges(const JsonNode& model, const Json& ids) {
  if (!model.has("merges") || !model.at("merges").value.is_array()) {
    return corrupt("{}: expected an array", model.path_of("merges"));
  }
  const JsonNode list = model.at("merges");
  std::vector<BpeModel::Merge> merges;
  merges.reserve(list.value.size());
  for (size_t i = 0; i < list.value.size(); ++i) {
    const JsonNode node = list.at(i);
    TUTTI_ASSIGN(const auto pair, read_merge(node));
    const auto left = ids.find(pair.first), right = ids.find(pair.second);
    if (left == ids.end() || right == ids.end()) {
      return corrupt("{}: token '{}' is not in the vocabulary", node.path,
                     left == ids.end() ? pair.first : pair.second);
    }
    merges.push_back({left->get<int32_t>(), right->get<int32_t>(), static_cast<uint32_t>(i)});
  }
  return merges;
}

Status check_type(const JsonNode& model) {
  // Files of the first versions have no type; they hold BPE when they have merges.
  if (model.has("type") || !model.has("merges")) {
    TUTTI_ASSIGN(const std::string type, model.type());
    if (type != "BPE") return model.unsupported(type, "BPE is");
  }
  if (model.has("dropout") && model.at("dropout").value != 0.0) {
    return invalid("model.dropout: {} is not supported", model.at("dropout").value.dump());
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.has(key) && model.at(key).value != "") {
      return invalid("model.{}: {} is not supported", key, model.at(key).value.dump());
    }
  }
  return Status();
}

Result<BpeOptions> read_options(const JsonNode& model, const Json& ids, bool byte_level) {
  BpeOptions options;
  options.characters = !byte_level;
  TUTTI_ASSIGN(options.whole_words, model.flag("ignore_merges", false));
  TUTTI_ASSIGN(options.byte_fallback, model.flag("byte_fallback", false));
  TUTTI_ASSIGN(options.fuse_unknown, model.flag("fuse_unk", false));
  if (byte_level && options.byte_fallback) {
    return invalid("model.byte_fallback: true is not supported with a ByteLevel pre_tokenizer");
  }
  if (model.has("unk_token")) {
    TUTTI_ASSIGN(const std::string unknown, model.text("unk_token"));
    const auto found = ids.find(unknown);
    if (found == ids.end()) {
      return corrupt("model.unk_token: '{}' is not in the vocabulary", unknown);
    }
    options.unknown = found->get<int32_t>();
  }
  return options;
}

}  // namespace

Result<BpeModel> read_bpe_model(const JsonNode& root, bool byte_level) {
  if (!root.has("model")) return corrupt("model: missing");
  const JsonNode model = root.at("model");
  if (!model.value.is_object()) return model.wrong("an object");
  TUTTI_TRY(check_type(model));
  TUTTI_ASSIGN(Spellings spellings, read_vocabulary(model, byte_level));
  TUTTI_ASSIGN(const auto merges, read_merges(model, spellings.ids));
  TUTTI_ASSIGN(const BpeOptions options, read_options(model, spellings.ids, byte_level));
  Result<BpeModel> bpe = BpeModel::create(std::move(spellings.vocabulary), merges, options);
  if (!bpe.ok()) return Error{bpe.error().kind, "model: " + bpe.message()};
  return bpe;
}

Result<std::vector<AddedToken>> read_added_tokens(const JsonNode& root, int32_t model_size) {
  std::vector<AddedToken> tokens;
  if (!root.has("added_tokens")) return tokens;
  TUTTI_ASSIGN(const auto list, root.list("added_tokens", kAddedTokensMax));
  for (const JsonNode& node : list) {
    if (!node.value.is_object()) return node.wrong("an object");
    AddedToken token;
    TUTTI_ASSIGN(token.content, node.text_not_empty("content"));
    TUTTI_ASSIGN(token.special, node.flag("special", false));
    TUTTI_ASSIGN(token.normalized, node.flag("normalized", !token.special));
    TUTTI_ASSIGN(token.single_word, node.flag("single_word", false));
    TUTTI_ASSIGN(token.left_strip, node.flag("lstrip", false));
    TUTTI_ASSIGN(token.right_strip, node.flag("rstrip", false));
    if (!node.has("id")) return corrupt("{}: missing", node.path_of("id"));
    TUTTI_ASSIGN(token.id, token_id(node.at("id"), model_size + list.size()));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace tutti
