// The first stage of a tokenizer after added tokens were found: text → text, by steps in order.
// Immutable after building; shared by threads, each with its own Scratch.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "data/regex.h"
#include "data/unicode.h"

namespace tutti {

class Normalizer {
 public:
  struct Form {
    NormalForm form;
  };
  struct Prepend {  // before a text that is not empty
    std::string prefix;
  };
  struct ReplaceText {
    std::string from;  // not empty
    std::string to;
  };
  struct ReplaceMatches {
    Regex from;
    std::string to;
  };
  struct Strip {  // white space
    bool left, right;
  };
  struct Lowercase {};
  using Step = std::variant<Form, Prepend, ReplaceText, ReplaceMatches, Strip, Lowercase>;

  // What one thread needs; made once and used for many texts.
  class Scratch {
   public:
    explicit Scratch(const Normalizer& normalizer);

   private:
    friend class Normalizer;
    std::vector<Regex::Scratch> regexes_;  // one a ReplaceMatches, in order
    std::string text_, next_;
  };

  void add(Step step) { steps_.push_back(std::move(step)); }
  bool empty() const { return steps_.empty(); }

  // `text` (valid UTF-8) with all steps applied. The view is into `text` or `scratch`, and lives
  // until either changes. `continues`: the text goes on one that begins elsewhere, so Prepend and
  // Strip leave its beginning as it is. An error when a pattern runs into its limits.
  Result<std::string_view> apply(std::string_view text, Scratch& scratch,
                                 bool continues = false) const;

  // The same for a text that is needed once.
  Result<std::string> apply(std::string_view text) const;

 private:
  std::vector<Step> steps_;
};

}  // namespace tutti
