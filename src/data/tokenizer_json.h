// Hugging Face's tokenizer.json, read and written. Thread-safe: no state.
//
// Read: model BPE over the byte-level alphabet (with or without ignore_merges); pre_tokenizer
// ByteLevel, Split or a Sequence of them; decoder ByteLevel; added tokens. What is outside of this
// is refused by an error that names the file, the JSON path and the type found, because a tokenizer
// that is almost right trains a model that is wrong. `post_processor`, `truncation` and `padding`
// concern what is put around an encoded text and are not used.
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
