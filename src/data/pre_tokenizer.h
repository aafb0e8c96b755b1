// The second stage of a tokenizer: text → the words inside which a model may merge.
//
// A PreTokenizer is a sequence of steps, each of which cuts every piece that the step before left.
// Pieces stay text: the byte-level alphabet is a matter of how tokens are spelled in a file.
// Immutable after building; shared by threads, each with its own Scratch.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "data/pattern.h"

namespace tutti {

// What becomes of the matches of a Split step's pattern and of the text between them (the gaps).
// The names are those of tokenizer.json.
enum class SplitBehavior {
  kIsolated,            // both are pieces
  kRemoved,             // the gaps are pieces
  kContiguous,          // matches next to each other are one piece
  kMergedWithPrevious,  // a match ends the piece that the gap before it began
  kMergedWithNext,      // a match begins the piece that the gap after it ends
};

// Where in a text a stretch of it lies.
enum class TextPlace {
  kBegins,     // it begins the text
  kWithin,     // behind an added token, or a piece that an earlier step cut
  kContinues,  // it goes on a text that begins elsewhere: its beginning is like any other place
};

// Where Metaspace puts a mark for the space that a text does not begin with.
enum class PrependScheme { kNever, kFirst, kAlways };

class PreTokenizer {
 public:
  struct Split {
    Pattern pattern;
    SplitBehavior behavior;
    bool invert = false;  // matches and gaps change places
  };
  // Puts a space before each piece that does not begin with one.
  struct PrefixSpace {};
  // Spaces become `mark`, and by `prepend` a piece that does not begin with one gets one: each
  // piece, or the one that begins the text. With `split` each mark begins a piece.
  struct Metaspace {
    std::string mark;
    PrependScheme prepend;
    bool split;
  };
  using Sink = std::function<Status(std::string_view)>;
  using Scratch = std::vector<Pattern::Scratch>;  // one a step

  void add(Split split) { steps_.push_back(std::move(split)); }
  void add(PrefixSpace prefix) { steps_.push_back(prefix); }
  void add(Metaspace metaspace) { steps_.push_back(std::move(metaspace)); }

  Scratch make_scratch() const;
  // Passes the pieces of `text` (valid UTF-8) to `sink` in order; a view lives for its call.
  Status split(std::string_view text, TextPlace place, Scratch& scratch, const Sink& sink) const;

 private:
  using Step = std::variant<Split, PrefixSpace, Metaspace>;
  Status run(size_t step, std::string_view text, TextPlace place, Scratch& scratch,
             const Sink& sink) const;
  Status run_split(size_t step, std::string_view text, TextPlace place, Scratch& scratch,
                   const Sink& sink) const;
  Status run_metaspace(size_t step, std::string_view text, TextPlace place, Scratch& scratch,
                       const Sink& sink) const;

  std::vector<Step> steps_;
};

// What a new byte-level BPE is trained with: GPT-2's pattern, no prefix space.
PreTokenizer make_gpt2_pre_tokenizer();

}  // namespace tutti
