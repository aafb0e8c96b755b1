// The model of a tokenizer.json (BPE over bytes or characters) and its added tokens. Refuses what
// is not supported with its path. Stateless and thread-safe.
#pragma once

#include <vector>

#include "base/status.h"
#include "data/added_tokens.h"
#include "data/bpe_model.h"
#include "data/json_node.h"

namespace tutti {

// `byte_level`: the vocabulary is spelled in GPT-2's alphabet of bytes.
Result<BpeModel> read_bpe_model(const JsonNode& root, bool byte_level);

// `model_size`: the model's number of ids, which bounds those of the added tokens.
Result<std::vector<AddedToken>> read_added_tokens(const JsonNode& root, int32_t model_size);

}  // namespace tutti
