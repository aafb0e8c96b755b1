#include "data/stages_json.h"

#include <utility>

namespace tutti {
namespace {

constexpr size_t kStepsMax = 32;     // of one sequence
constexpr int kDepthMax = 4;         // of sequences within sequences
constexpr size_t kTemplateMax = 64;  // tokens around a text

// Calls `read` for each step of `node`: itself, or where it is a Sequence those of the list `key`.
template <typename Read>
Status for_each_step(const JsonNode& node, const char* key, int depth, const Read& read) {
  TUTTI_ASSIGN(const std::string type, node.type());
  if (type != "Sequence") return read(node, type);
  if (depth == 0) return invalid("{}: more than {} sequences in each other", node.path, kDepthMax);
  TUTTI_ASSIGN(const auto steps, node.list(key, kStepsMax));
  for (const JsonNode& step : steps) TUTTI_TRY(for_each_step(step, key, depth - 1, read));
  return Status();
}

Error at_path(const std::string& path, const Error& error) {
  return {error.kind, path + ": " + error.message};
}

// A pattern of a Split or Replace: {"String": …} or {"Regex": …}.
struct PatternText {
  std::string text;
  bool literal;
};

Result<PatternText> read_pattern(const JsonNode& node) {
  if (!node.has("pattern")) return corrupt("{}: missing", node.path_of("pattern"));
  const JsonNode pattern = node.at("pattern");
  const bool literal = pattern.has("String");
  if (!literal && !pattern.has("Regex")) {
    return corrupt("{}: expected an object with 'Regex' or 'String'", pattern.path);
  }
  TUTTI_ASSIGN(std::string text, pattern.text_not_empty(literal ? "String" : "Regex"));
  return PatternText{std::move(text), literal};
}

Result<Normalizer::Step> read_replace(const JsonNode& node) {
  TUTTI_ASSIGN(PatternText pattern, read_pattern(node));
  TUTTI_ASSIGN(std::string content, node.text("content"));
  if (pattern.literal) {
    return Normalizer::Step(Normalizer::ReplaceText{std::move(pattern.text), std::move(content)});
  }
  Result<Regex> regex = Regex::compile(pattern.text);
  if (!regex.ok()) return at_path(node.path_of("pattern"), regex.error());
  return Normalizer::Step(Normalizer::ReplaceMatches{std::move(regex).value(), std::move(content)});
}

Status add_normalizer(const JsonNode& node, const std::string& type, Normalizer& normalizer) {
  constexpr std::pair<std::string_view, NormalForm> kForms[] = {{"NFC", NormalForm::kNfc},
                                                                {"NFD", NormalForm::kNfd},
                                                                {"NFKC", NormalForm::kNfkc},
                                                                {"NFKD", NormalForm::kNfkd}};
  for (const auto& [name, form] : kForms) {
    if (type == name) {
      normalizer.add(Normalizer::Form{form});
      return Status();
    }
  }
  if (type == "Prepend") {
    TUTTI_ASSIGN(std::string prefix, node.text("prepend"));
    normalizer.add(Normalizer::Prepend{std::move(prefix)});
  } else if (type == "Replace") {
    TUTTI_ASSIGN(Normalizer::Step step, read_replace(node));
    normalizer.add(std::move(step));
  } else if (type == "Strip") {
    TUTTI_ASSIGN(const bool left, node.flag("strip_left", true));
    TUTTI_ASSIGN(const bool right, node.flag("strip_right", true));
    normalizer.add(Normalizer::Strip{left, right});
  } else if (type == "Lowercase") {
    normalizer.add(Normalizer::Lowercase{});
  } else {
    return node.unsupported(
        type, "Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip and Lowercase are");
  }
  return Status();
}

Result<SplitBehavior> read_behavior(const JsonNode& node, SplitBehavior otherwise) {
  if (!node.has("behavior")) return otherwise;
  constexpr std::pair<std::string_view, SplitBehavior> kBehaviors[] = {
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"Contiguous", SplitBehavior::kContiguous},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext}};
  TUTTI_ASSIGN(const std::string name, node.text("behavior"));
  for (const auto& [known, behavior] : kBehaviors) {
    if (name == known) return behavior;
  }
  return corrupt(
      "{}: '{}' is none of Isolated, Removed, Contiguous, MergedWithPrevious and "
      "MergedWithNext",
      node.path_of("behavior"), name);
}

Result<PreTokenizer::Split> read_split(const JsonNode& node) {
  TUTTI_ASSIGN(PatternText text, read_pattern(node));
  if (!node.has("behavior")) return corrupt("{}: missing", node.path_of("behavior"));
  TUTTI_ASSIGN(const SplitBehavior behavior, read_behavior(node, SplitBehavior::kIsolated));
  TUTTI_ASSIGN(const bool invert, node.flag("invert", false));
  if (text.literal) {
    return PreTokenizer::Split{Pattern::literal(std::move(text.text)), behavior, invert};
  }
  Result<Pattern> pattern = Pattern::compile(std::move(text.text));
  if (!pattern.ok()) return at_path(node.path_of("pattern"), pattern.error());
  return PreTokenizer::Split{std::move(pattern).value(), behavior, invert};
}

Status add_byte_level(const JsonNode& node, PreTokenizer& pre_tokenizer) {
  TUTTI_ASSIGN(const bool prefix, node.flag("add_prefix_space", true));
  TUTTI_ASSIGN(const bool use_regex, node.flag("use_regex", true));
  if (prefix) pre_tokenizer.add(PreTokenizer::PrefixSpace{});
  if (!use_regex) return Status();
  TUTTI_ASSIGN(Pattern pattern, Pattern::compile(std::string(kGpt2Pattern)));
  pre_tokenizer.add(PreTokenizer::Split{std::move(pattern), SplitBehavior::kIsolated});
  return Status();
}

// What a Metaspace, of a pre-tokenizer or a decoder, says of spaces at the start.
Result<PrependScheme> read_prepend_scheme(const JsonNode& node) {
  TUTTI_ASSIGN(const bool prefix, node.flag("add_prefix_space", true));  // of older files
  if (!node.has("prepend_scheme")) return prefix ? PrependScheme::kAlways : PrependScheme::kNever;
  constexpr std::pair<std::string_view, PrependScheme> kSchemes[] = {
      {"never", PrependScheme::kNever},
      {"first", PrependScheme::kFirst},
      {"always", PrependScheme::kAlways}};
  TUTTI_ASSIGN(const std::string name, node.text("prepend_scheme"));
  for (const auto& [known, scheme] : kSchemes) {
    if (name != known) continue;
    if (!prefix && scheme != PrependScheme::kNever) {
      return corrupt("{}: '{}', but add_prefix_space is false", node.path_of("prepend_scheme"),
                     name);
    }
    return scheme;
  }
  return corrupt("{}: '{}' is none of never, first and always", node.path_of("prepend_scheme"),
                 name);
}

Status add_metaspace(const JsonNode& node, PreTokenizer& pre_tokenizer) {
  TUTTI_ASSIGN(std::string mark, node.text_not_empty("replacement"));
  TUTTI_ASSIGN(const PrependScheme scheme, read_prepend_scheme(node));
  TUTTI_ASSIGN(const bool split, node.flag("split", true));
  pre_tokenizer.add(PreTokenizer::Metaspace{std::move(mark), scheme, split});
  return Status();
}

Status add_character_split(const JsonNode& node, const std::string& type,
                           PreTokenizer& pre_tokenizer) {
  if (type == "Digits") {
    TUTTI_ASSIGN(const bool individual, node.flag("individual_digits", false));
    pre_tokenizer.add(
        PreTokenizer::Split{Pattern::characters(kNumber),
                            individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous});
  } else if (type == "Punctuation") {
    TUTTI_ASSIGN(const SplitBehavior behavior, read_behavior(node, SplitBehavior::kIsolated));
    pre_tokenizer.add(PreTokenizer::Split{Pattern::characters(kPunctuation), behavior});
  } else if (type == "WhitespaceSplit") {
    pre_tokenizer.add(
        PreTokenizer::Split{Pattern::characters(kWhiteSpace), SplitBehavior::kRemoved});
  } else {
    pre_tokenizer.add(PreTokenizer::Split{Pattern::words(), SplitBehavior::kRemoved, true});
  }
  return Status();
}

Status add_pre_tokenizer(const JsonNode& node, const std::string& type,
                         PreTokenizerStages& stages) {
  if (stages.byte_level) return invalid("{}: a step after ByteLevel is not supported", node.path);
  PreTokenizer& pre_tokenizer = stages.pre_tokenizer;
  if (type == "ByteLevel") {
    stages.byte_level = true;
    return add_byte_level(node, pre_tokenizer);
  }
  if (type == "Split") {
    TUTTI_ASSIGN(PreTokenizer::Split split, read_split(node));
    pre_tokenizer.add(std::move(split));
    return Status();
  }
  if (type == "Metaspace") return add_metaspace(node, pre_tokenizer);
  for (const char* known : {"Digits", "Punctuation", "WhitespaceSplit", "Whitespace"}) {
    if (type == known) return add_character_split(node, type, pre_tokenizer);
  }
  return node.unsupported(type,
                          "Sequence, ByteLevel, Split, Digits, Metaspace, Whitespace, "
                          "WhitespaceSplit and Punctuation are");
}

Result<Decoder::Step> read_decoder_replace(const JsonNode& node) {
  TUTTI_ASSIGN(PatternText pattern, read_pattern(node));
  TUTTI_ASSIGN(std::string content, node.text("content"));
  if (!pattern.literal) {
    return invalid("{}: a regular expression is not supported (a String is)",
                   node.path_of("pattern.Regex"));
  }
  return Decoder::Step(Decoder::Replace{std::move(pattern.text), std::move(content)});
}

Result<Decoder::Step> read_decoder_step(const JsonNode& node, const std::string& type) {
  if (type == "ByteLevel") return Decoder::Step(Decoder::ByteLevel{});
  if (type == "ByteFallback") return Decoder::Step(Decoder::ByteFallback{});
  if (type == "Fuse") return Decoder::Step(Decoder::Fuse{});
  if (type == "Replace") return read_decoder_replace(node);
  if (type == "Metaspace") {
    TUTTI_ASSIGN(std::string mark, node.text_not_empty("replacement"));
    TUTTI_ASSIGN(const PrependScheme scheme, read_prepend_scheme(node));
    return Decoder::Step(Decoder::Metaspace{std::move(mark), scheme != PrependScheme::kNever});
  }
  if (type == "Strip") {
    TUTTI_ASSIGN(std::string content, node.text_not_empty("content"));
    TUTTI_ASSIGN(const int32_t start, node.count("start"));
    TUTTI_ASSIGN(const int32_t stop, node.count("stop"));
    return Decoder::Step(
        Decoder::Strip{std::move(content), static_cast<size_t>(start), static_cast<size_t>(stop)});
  }
  return node.unsupported(
      type, "Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip and Metaspace are");
}

// The ids that a template's entry {"SpecialToken": {"id": "<s>"}} names.
Status read_template_token(const JsonNode& entry, const JsonNode& processor,
                           std::vector<int32_t>& ids) {
  if (!entry.has("SpecialToken")) return entry.wrong("a SpecialToken or a Sequence");
  TUTTI_ASSIGN(const std::string name, entry.at("SpecialToken").text("id"));
  const std::string path = processor.path_of("special_tokens");
  if (!processor.has("special_tokens") || !processor.at("special_tokens").has(name.c_str())) {
    return corrupt("{}: '{}', which the template names, is missing", path, name);
  }
  const JsonNode token = processor.at("special_tokens").at(name.c_str());
  TUTTI_ASSIGN(const auto list, token.list("ids", kTemplateMax));
  for (const JsonNode& id : list) {
    if (!id.value.is_integer() || id.value.get<int64_t>() < 0 ||
        id.value.get<int64_t>() > INT32_MAX) {
      return id.wrong("a token id");
    }
    ids.push_back(id.value.get<int32_t>());
  }
  return Status();
}

Result<Surroundings> read_template(const JsonNode& node) {
  TUTTI_ASSIGN(const auto entries, node.list("single", kTemplateMax));
  Surroundings around;
  bool text = false;
  for (const JsonNode& entry : entries) {
    if (!entry.has("Sequence")) {
      TUTTI_TRY(read_template_token(entry, node, text ? around.after : around.before));
    } else if (std::exchange(text, true)) {
      return invalid("{}: the text a second time is not supported", entry.path);
    }
  }
  if (!text) return invalid("{}: no Sequence, the place of the text", node.path_of("single"));
  return around;
}

// ["</s>", 2]
Result<int32_t> read_processor_token(const JsonNode& node, const char* key) {
  TUTTI_ASSIGN(const auto pair, node.list(key, 2));
  if (pair.size() != 2 || !pair[1].value.is_integer()) {
    return node.at(key).wrong("a token and its id");
  }
  const auto id = pair[1].value.get<int64_t>();
  if (id < 0 || id > INT32_MAX) return pair[1].wrong("a token id");
  return static_cast<int32_t>(id);
}

Status add_post_processor(const JsonNode& node, const std::string& type, Surroundings& all) {
  Surroundings around;
  if (type == "TemplateProcessing") {
    TUTTI_ASSIGN(around, read_template(node));
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    TUTTI_ASSIGN(const int32_t begin, read_processor_token(node, "cls"));
    TUTTI_ASSIGN(const int32_t end, read_processor_token(node, "sep"));
    around = {{begin}, {end}};
  } else if (type != "ByteLevel") {
    return node.unsupported(type,
                            "Sequence, TemplateProcessing, ByteLevel, BertProcessing and "
                            "RobertaProcessing are");
  }
  all.before.insert(all.before.begin(), around.before.begin(), around.before.end());
  all.after.insert(all.after.end(), around.after.begin(), around.after.end());
  return Status();
}

}  // namespace

Result<Normalizer> read_normalizer(const JsonNode& root) {
  Normalizer normalizer;
  if (!root.has("normalizer")) return normalizer;
  TUTTI_TRY(for_each_step(root.at("normalizer"), "normalizers", kDepthMax,
                          [&](const JsonNode& node, const std::string& type) {
                            return add_normalizer(node, type, normalizer);
                          }));
  return normalizer;
}

Result<PreTokenizerStages> read_pre_tokenizer(const JsonNode& root) {
  PreTokenizerStages stages;
  if (!root.has("pre_tokenizer")) return stages;
  TUTTI_TRY(for_each_step(root.at("pre_tokenizer"), "pretokenizers", kDepthMax,
                          [&](const JsonNode& node, const std::string& type) {
                            return add_pre_tokenizer(node, type, stages);
                          }));
  return stages;
}

Result<Decoder> read_decoder(const JsonNode& root, bool byte_level) {
  std::vector<Decoder::Step> steps;
  if (!root.has("decoder")) {
    if (byte_level) return Decoder::create({});
    return Decoder::create({Decoder::JoinSpaced{}});
  }
  const JsonNode decoder = root.at("decoder");
  TUTTI_TRY(for_each_step(decoder, "decoders", kDepthMax,
                          [&](const JsonNode& node, const std::string& type) -> Status {
                            TUTTI_ASSIGN(Decoder::Step step, read_decoder_step(node, type));
                            steps.push_back(std::move(step));
                            return Status();
                          }));
  if (byte_level) {  // whose tokens are held as their bytes
    if (steps.size() == 1 && std::holds_alternative<Decoder::ByteLevel>(steps[0])) {
      return Decoder::create({});
    }
    return invalid("{}: with a ByteLevel pre_tokenizer only ByteLevel is supported", decoder.path);
  }
  Result<Decoder> made = Decoder::create(std::move(steps));
  if (!made.ok()) return at_path(decoder.path, made.error());
  return made;
}

Result<Surroundings> read_post_processor(const JsonNode& root) {
  Surroundings around;
  if (!root.has("post_processor")) return around;
  TUTTI_TRY(for_each_step(root.at("post_processor"), "processors", kDepthMax,
                          [&](const JsonNode& node, const std::string& type) {
                            return add_post_processor(node, type, around);
                          }));
  return around;
}

}  // namespace tutti
