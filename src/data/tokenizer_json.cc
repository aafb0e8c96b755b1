#include "data/tokenizer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "data/byte_level.h"
#include "data/json_error.h"

namespace tutti {
namespace {

using Json = nlohmann::json;

constexpr size_t kStepsMax = 16;  // of a pre-tokenizer

// A JSON value and where it is, for errors.
struct Node {
  const Json& value;
  std::string path;

  bool has(const char* key) const { return value.contains(key) && !value[key].is_null(); }
  Node at(const char* key) const { return {value[key], path.empty() ? key : path + "." + key}; }
  Node at(size_t i) const { return {value[i], fmt::format("{}[{}]", path, i)}; }
  Error wrong(std::string_view expected) const {
    return corrupt("{}: expected {}, got {}", path, expected, value.type_name());
  }
};

Result<std::string> text_at(const Node& node, const char* key) {
  if (!node.has(key)) return corrupt("{}.{}: missing", node.path, key);
  const Node child = node.at(key);
  if (!child.value.is_string()) return child.wrong("a string");
  return child.value.get<std::string>();
}

Result<bool> flag_at(const Node& node, const char* key, bool otherwise) {
  if (!node.has(key)) return otherwise;
  const Node child = node.at(key);
  if (!child.value.is_boolean()) return child.wrong("true or false");
  return child.value.get<bool>();
}

// Refuses a flag that changes how text is encoded in a way that is not implemented.
Status refuse_flag(const Node& node, const char* key) {
  TUTTI_ASSIGN(const bool set, flag_at(node, key, false));
  if (set) return invalid("{}.{}: true is not supported", node.path, key);
  return Status();
}

Result<std::string> type_of(const Node& node) {
  if (!node.value.is_object()) return node.wrong("an object");
  return text_at(node, "type");
}

Status add_byte_level(const Node& node, PreTokenizer& pre_tokenizer) {
  TUTTI_ASSIGN(const bool prefix, flag_at(node, "add_prefix_space", true));
  TUTTI_ASSIGN(const bool use_regex, flag_at(node, "use_regex", true));
  if (prefix) pre_tokenizer.add_prefix_space();
  if (!use_regex) return Status();
  TUTTI_ASSIGN(Regex regex, Regex::compile(std::string(kGpt2Pattern)));
  pre_tokenizer.add_split(std::move(regex), SplitBehavior::kIsolated);
  return Status();
}

// Characters that mean something in a pattern, escaped: a literal string as a pattern.
std::string escape_literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(R"(\^$.[]|()?*+{}-#)").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

Result<Regex> split_pattern(const Node& node) {
  if (!node.has("pattern") || !node.value["pattern"].is_object()) {
    return corrupt("{}.pattern: expected an object with 'Regex' or 'String'", node.path);
  }
  const Node pattern = node.at("pattern");
  const bool literal = pattern.has("String");
  TUTTI_ASSIGN(const std::string text, text_at(pattern, literal ? "String" : "Regex"));
  Result<Regex> regex = Regex::compile(literal ? escape_literal(text) : text);
  if (!regex.ok()) return Error{regex.error().kind, pattern.path + ": " + regex.message()};
  return regex;
}

Status add_split(const Node& node, PreTokenizer& pre_tokenizer) {
  TUTTI_ASSIGN(Regex regex, split_pattern(node));
  TUTTI_ASSIGN(const std::string behavior, text_at(node, "behavior"));
  TUTTI_ASSIGN(const bool invert, flag_at(node, "invert", false));
  if (behavior == "Isolated") {
    pre_tokenizer.add_split(std::move(regex), SplitBehavior::kIsolated);
  } else if (behavior == "Removed") {
    pre_tokenizer.add_split(std::move(regex),
                            invert ? SplitBehavior::kRemovedGaps : SplitBehavior::kRemovedMatches);
  } else {
    return invalid("{}.behavior: '{}' is not supported (Isolated and Removed are)", node.path,
                   behavior);
  }
  return Status();
}

// `byte_level` is set once a ByteLevel step was seen; it must be the last.
Status add_step(const Node& node, PreTokenizer& pre_tokenizer, bool& byte_level) {
  TUTTI_ASSIGN(const std::string type, type_of(node));
  if (byte_level) return invalid("{}: a step after ByteLevel is not supported", node.path);
  if (type == "ByteLevel") {
    byte_level = true;
    return add_byte_level(node, pre_tokenizer);
  }
  if (type == "Split") return add_split(node, pre_tokenizer);
  return invalid("{}.type: '{}' is not supported (ByteLevel, Split and a Sequence of them are)",
                 node.path, type);
}

Result<PreTokenizer> read_pre_tokenizer(const Node& root) {
  PreTokenizer pre_tokenizer;
  if (!root.has("pre_tokenizer")) {
    return invalid("pre_tokenizer: none; a byte-level model needs a ByteLevel pre_tokenizer");
  }
  const Node node = root.at("pre_tokenizer");
  TUTTI_ASSIGN(const std::string type, type_of(node));
  bool byte_level = false;
  if (type == "Sequence") {
    if (!node.has("pretokenizers") || !node.value["pretokenizers"].is_array()) {
      return corrupt("{}.pretokenizers: expected an array", node.path);
    }
    const Node steps = node.at("pretokenizers");
    if (steps.value.size() > kStepsMax) {
      return invalid("{}: {} steps, at most {} are allowed", steps.path, steps.value.size(),
                     kStepsMax);
    }
    for (size_t i = 0; i < steps.value.size(); ++i) {
      TUTTI_TRY(add_step(steps.at(i), pre_tokenizer, byte_level));
    }
  } else {
    TUTTI_TRY(add_step(node, pre_tokenizer, byte_level));
  }
  if (!byte_level) return invalid("{}: no ByteLevel step, which this model needs", node.path);
  return pre_tokenizer;
}

// Reads an id and refuses one so large that it cannot belong to a vocabulary of `entries`.
Result<int32_t> token_id(const Node& node, size_t entries) {
  if (!node.value.is_number_integer()) return node.wrong("a token id");
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

Result<Spellings> read_vocabulary(const Node& model) {
  if (!model.has("vocab") || !model.value["vocab"].is_object()) {
    return corrupt("{}.vocab: expected an object", model.path);
  }
  const Node vocab = model.at("vocab");
  Spellings spellings{{}, vocab.value};
  for (const auto& [spelling, id_value] : vocab.value.items()) {
    TUTTI_ASSIGN(const int32_t id,
                 token_id({id_value, vocab.path + "." + spelling}, vocab.value.size()));
    if (id >= static_cast<int32_t>(spellings.vocabulary.size()))
      spellings.vocabulary.resize(id + 1);
    std::string& bytes = spellings.vocabulary[id];
    if (spelling.empty()) return corrupt("{}: token {} is empty", vocab.path, id);
    if (!bytes.empty()) return corrupt("{}.{}: id {} is taken already", vocab.path, spelling, id);
    bytes = from_byte_level(spelling).value_or(spelling);  // a control token stays as it is
  }
  return spellings;
}

// A merge is "left right" or ["left", "right"].
Result<std::pair<std::string, std::string>> read_merge(const Node& node) {
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

Result<std::vector<std::pair<int32_t, int32_t>>> read_merges(const Node& model, const Json& ids) {
  if (!model.has("merges") || !model.value["merges"].is_array()) {
    return corrupt("{}.merges: expected an array", model.path);
  }
  const Node list = model.at("merges");
  std::vector<std::pair<int32_t, int32_t>> merges;
  merges.reserve(list.value.size());
  for (size_t i = 0; i < list.value.size(); ++i) {
    const Node node = list.at(i);
    TUTTI_ASSIGN(const auto pair, read_merge(node));
    const auto left = ids.find(pair.first), right = ids.find(pair.second);
    if (left == ids.end() || right == ids.end()) {
      return corrupt("{}: token '{}' is not in the vocabulary", node.path,
                     left == ids.end() ? pair.first : pair.second);
    }
    merges.emplace_back(left->get<int32_t>(), right->get<int32_t>());
  }
  return merges;
}

Result<BpeModel> read_model(const Node& root) {
  if (!root.has("model")) return corrupt("model: missing");
  const Node model = root.at("model");
  if (!model.value.is_object()) return model.wrong("an object");
  // Files of the first versions have no type; they hold BPE when they have merges.
  if (model.has("type") || !model.has("merges")) {
    TUTTI_ASSIGN(const std::string type, type_of(model));
    if (type != "BPE") return invalid("model.type: '{}' is not supported (BPE is)", type);
  }
  for (const char* key : {"byte_fallback", "fuse_unk"}) TUTTI_TRY(refuse_flag(model, key));
  if (model.has("dropout") && model.value["dropout"] != 0.0) {
    return invalid("model.dropout: {} is not supported", model.value["dropout"].dump());
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.has(key) && model.value[key] != "") {
      return invalid("model.{}: {} is not supported", key, model.value[key].dump());
    }
  }
  TUTTI_ASSIGN(const bool whole_words, flag_at(model, "ignore_merges", false));
  TUTTI_ASSIGN(Spellings spellings, read_vocabulary(model));
  TUTTI_ASSIGN(const auto merges, read_merges(model, spellings.ids));
  Result<BpeModel> bpe = BpeModel::create(std::move(spellings.vocabulary), merges, whole_words);
  if (!bpe.ok()) return Error{bpe.error().kind, "model: " + bpe.message()};
  return bpe;
}

Result<AddedTokens> read_added_tokens(const Node& root, int32_t model_size) {
  if (!root.has("added_tokens")) return AddedTokens();
  const Node list = root.at("added_tokens");
  if (!list.value.is_array()) return list.wrong("an array");
  std::vector<AddedToken> tokens;
  for (size_t i = 0; i < list.value.size(); ++i) {
    const Node node = list.at(i);
    if (!node.value.is_object()) return node.wrong("an object");
    for (const char* key : {"single_word", "lstrip", "rstrip"}) TUTTI_TRY(refuse_flag(node, key));
    AddedToken token;
    TUTTI_ASSIGN(token.content, text_at(node, "content"));
    if (token.content.empty()) return corrupt("{}.content: empty", node.path);
    TUTTI_ASSIGN(token.special, flag_at(node, "special", false));
    if (!node.has("id")) return corrupt("{}.id: missing", node.path);
    TUTTI_ASSIGN(token.id, token_id(node.at("id"), model_size + list.value.size()));
    tokens.push_back(std::move(token));
  }
  return AddedTokens(std::move(tokens));
}

Result<Tokenizer> read_tokenizer(const Node& root) {
  if (!root.value.is_object()) return corrupt("expected an object, got {}", root.value.type_name());
  if (root.has("normalizer")) {
    TUTTI_ASSIGN(const std::string type, type_of(root.at("normalizer")));
    return invalid("normalizer.type: '{}' is not supported (null is)", type);
  }
  TUTTI_ASSIGN(BpeModel model, read_model(root));
  TUTTI_ASSIGN(PreTokenizer pre_tokenizer, read_pre_tokenizer(root));
  if (root.has("decoder")) {
    TUTTI_ASSIGN(const std::string type, type_of(root.at("decoder")));
    if (type != "ByteLevel")
      return invalid("decoder.type: '{}' is not supported (ByteLevel is)", type);
  }
  TUTTI_ASSIGN(AddedTokens added, read_added_tokens(root, model.size()));
  return Tokenizer(std::move(added), std::move(pre_tokenizer), std::move(model));
}

Result<Json> parse_json(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& failure) {
    return corrupt("not JSON at byte {}: {}", failure.byte, json_error_reason(failure.what()));
  }
}

}  // namespace

Result<Tokenizer> parse_tokenizer_json(std::string_view json, const std::string& name) {
  const Result<Json> root = parse_json(json);
  if (!root.ok()) return Error{root.error().kind, name + ": " + root.message()};
  Result<Tokenizer> tokenizer = read_tokenizer({*root, ""});
  if (!tokenizer.ok()) return Error{tokenizer.error().kind, name + ": " + tokenizer.message()};
  return tokenizer;
}

Result<std::string> write_tokenizer_json(const TrainedBpe& trained) {
  using Ordered = nlohmann::ordered_json;
  const auto spelling = [&](size_t id) {
    return id < trained.special_count ? trained.tokens[id] : to_byte_level(trained.tokens[id]);
  };
  Ordered added = Ordered::array();
  for (size_t id = 0; id < trained.special_count; ++id) {
    if (!is_utf8(trained.tokens[id])) {
      return invalid("special token {} is not UTF-8", id);
    }
    added.push_back({{"id", id},
                     {"content", trained.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  // ordered_json finds keys by scanning, so a large object is filled from a list of pairs instead.
  Ordered::object_t vocab;
  vocab.reserve(trained.tokens.size());
  for (size_t id = 0; id < trained.tokens.size(); ++id) {
    static_cast<std::vector<Ordered::object_t::value_type>&>(vocab).emplace_back(spelling(id), id);
  }
  Ordered merges = Ordered::array();
  for (const auto& [left, right] : trained.merges) {
    merges.push_back(spelling(left) + " " + spelling(right));
  }
  const Ordered byte_level = {{"type", "ByteLevel"},
                              {"add_prefix_space", false},
                              {"trim_offsets", true},
                              {"use_regex", true}};
  Ordered root = {{"version", "1.0"},          {"truncation", nullptr},
                  {"padding", nullptr},        {"added_tokens", added},
                  {"normalizer", nullptr},     {"pre_tokenizer", byte_level},
                  {"post_processor", nullptr}, {"decoder", byte_level}};
  root["model"] = {{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"continuing_subword_prefix", nullptr},
                   {"end_of_word_suffix", nullptr},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"ignore_merges", false}};
  root["model"]["vocab"] = std::move(vocab);
  root["model"]["merges"] = std::move(merges);
  return root.dump(2) + "\n";
}

}  // namespace tutti
