
#include "base/json.h"
#include "base/utf8.h"
#include "data/byte_level.h"
#include "data/tokenizer_json.h"

namespace tutti {

Result<std::string> write_tokenizer_json(const TrainedBpe& trained) {
  const auto spelling = [&](size_t id) {
    return id < trained.special_count ? trained.tokens[id] : to_byte_level(trained.tokens[id]);
  };
  Json added = Json::array();
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
  Json vocab = Json::object();
  for (size_t id = 0; id < trained.tokens.size(); ++id) vocab[spelling(id)] = id;
  Json merges = Json::array();
  for (const auto& [left, right] : trained.merges) {
    merges.push_back(spelling(left) + " " + spelling(right));
  }
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", true}};
  Json root = {{"version", "1.0"},          {"truncation", nullptr}, {"padding", nullptr},
               {"added_tokens", added},     {"normalizer", nullptr}, {"pre_tokenizer", byte_level},
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
