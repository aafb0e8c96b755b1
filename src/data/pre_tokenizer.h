// The second stage of a tokenizer: text → the words inside which a model may merge.
//
// A PreTokenizer is a sequence of steps, each of which cuts every piece that the step before left.
// Pieces stay raw bytes: the byte-level alphabet is a matter of how tokens are spelled in a file.
// Immutable after building; shared by threads, each with its own Scratch.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/regex.h"

namespace tutti {

// What becomes of the matches of a Split step's pattern and of the text between them.
enum class SplitBehavior {
  kIsolated,        // both are pieces
  kRemovedMatches,  // the text between matches is kept
  kRemovedGaps,     // the matches are kept
};

class PreTokenizer {
 public:
  using Sink = std::function<Status(std::string_view)>;
  using Scratch = std::vector<Regex::Scratch>;

  void add_split(Regex regex, SplitBehavior behavior);
  // Puts a space before each piece that does not begin with one.
  void add_prefix_space();

  Scratch make_scratch() const;
  // Passes the pieces of `text` (valid UTF-8) to `sink` in order; a view lives for its call.
  Status split(std::string_view text, Scratch& scratch, const Sink& sink) const;

 private:
  struct Step {
    std::optional<Regex> regex;  // none: the step that adds a space
    SplitBehavior behavior = SplitBehavior::kIsolated;
    size_t scratch = 0;  // index into Scratch
  };
  Status run(size_t step, std::string_view text, Scratch& scratch, const Sink& sink) const;
  Status run_split(size_t step, std::string_view text, Scratch& scratch, const Sink& sink) const;

  std::vector<Step> steps_;
};

// What a new byte-level BPE is trained with: GPT-2's pattern, no prefix space.
Result<PreTokenizer> make_gpt2_pre_tokenizer();

}  // namespace tutti
