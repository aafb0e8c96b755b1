// The stages around the model, as tokenizer.json writes them. Each reads one entry of the document
// and refuses what is not supported with its path. Stateless and thread-safe.
#pragma once

#include "base/status.h"
#include "data/decoder.h"
#include "data/json_node.h"
#include "data/normalizer.h"
#include "data/pre_tokenizer.h"

namespace tutti {

// Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip, Lowercase.
Result<Normalizer> read_normalizer(const JsonNode& root);

struct PreTokenizerStages {
  PreTokenizer pre_tokenizer;
  bool byte_level = false;  // the model's words are bytes in GPT-2's spelling
};
// Sequence, ByteLevel (last), Split, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation.
Result<PreTokenizerStages> read_pre_tokenizer(const JsonNode& root);

// Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace. Without a decoder: for bytes
// ByteLevel, else a space between tokens.
Result<Decoder> read_decoder(const JsonNode& root, bool byte_level);

// What a post_processor puts before and behind a single text.
struct Surroundings {
  std::vector<int32_t> before, after;
};
// TemplateProcessing, ByteLevel (which puts nothing), BertProcessing, RobertaProcessing, Sequence.
Result<Surroundings> read_post_processor(const JsonNode& root);

}  // namespace tutti
