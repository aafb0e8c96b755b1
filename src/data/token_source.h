// Where tokens come from, whichever program wrote them: finds out what a path names and opens it,
// checked as a whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "data/loss_mask.h"
#include "data/token_array.h"

namespace tutti {

struct TokenSource {
  std::string name;  // the file with the tokens
  TokenArray tokens;
  bool indexed = false;                // an .idx says where documents end
  std::vector<int64_t> document_ends;  // in tokens, when indexed
  std::optional<LossMask> mask;        // when PREFIX.mask is there
};

// `path`: PREFIX, PREFIX.bin or PREFIX.idx of Megatron-LM's dataset, where PREFIX.idx is there;
// else a file without an index, of llm.c or nanoGPT (see token_array.h), or a glob of such files,
// which become one array in the order of their names. Every token is checked against `vocab_size`.
// What of an index or a mask disagrees with the tokens is an error.
Result<TokenSource> open_token_source(FileSystem& fs, const std::string& path, int64_t vocab_size);

// Where documents end, in tokens: behind each `end_of_text`, and at the end.
std::vector<int64_t> find_document_ends(const TokenArray& tokens, int32_t end_of_text);

}  // namespace tutti
