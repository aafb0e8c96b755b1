// Hugging Face's tokenizer.json, read and written. Thread-safe: no state.
//
// Read: model BPE, over the byte-level alphabet (a ByteLevel pre_tokenizer) or over characters,
// with byte_fallback, fuse_unk, unk_token and ignore_merges; the stages of stages_json.h; added
// tokens with all their flags. What is outside of this is refused by an error that names the file,
// the JSON path and the type found, because a tokenizer that is almost right trains a model that is
// wrong. `truncation` and `padding` concern batches and are not used. Where Hugging Face tokenizers
// drops a character that is in no token, for want of an unk_token, encoding it is an error here.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "data/bpe_trainer.h"
#include "data/tokenizer.h"

namespace tutti {

// `name` is what errors call the file.
Result<Tokenizer> parse_tokenizer_json(std::string_view json, const std::string& name);

// A tokenizer.json that Hugging Face tokenizers and parse_tokenizer_json read back. A special token
// that is not UTF-8 is an error.
Result<std::string> write_tokenizer_json(const TrainedBpe& trained);

}  // namespace tutti
