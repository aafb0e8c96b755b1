#include "data/pre_tokenizer.h"

#include <utility>

namespace tutti {

void PreTokenizer::add_split(Regex regex, SplitBehavior behavior) {
  size_t index = 0;
  for (const Step& step : steps_) index += step.regex.has_value();
  steps_.push_back({std::move(regex), behavior, index});
}

void PreTokenizer::add_prefix_space() { steps_.emplace_back(); }

PreTokenizer::Scratch PreTokenizer::make_scratch() const {
  Scratch scratch;
  for (const Step& step : steps_) {
    if (step.regex) scratch.emplace_back(*step.regex);
  }
  return scratch;
}

Status PreTokenizer::split(std::string_view text, Scratch& scratch, const Sink& sink) const {
  return text.empty() ? Status() : run(0, text, scratch, sink);
}

Status PreTokenizer::run(size_t step, std::string_view text, Scratch& scratch,
                         const Sink& sink) const {
  if (step == steps_.size()) return sink(text);
  if (steps_[step].regex) return run_split(step, text, scratch, sink);
  if (text.front() == ' ') return run(step + 1, text, scratch, sink);
  return run(step + 1, " " + std::string(text), scratch, sink);
}

Status PreTokenizer::run_split(size_t step, std::string_view text, Scratch& scratch,
                               const Sink& sink) const {
  const Step& split = steps_[step];
  size_t done = 0;
  while (done < text.size()) {
    TextRange match;
    TUTTI_ASSIGN(const bool found, split.regex->find(text, done, scratch[split.scratch], match));
    if (!found) match = {text.size(), text.size()};
    if (match.begin > done && split.behavior != SplitBehavior::kRemovedGaps) {
      TUTTI_TRY(run(step + 1, text.substr(done, match.begin - done), scratch, sink));
    }
    if (match.end > match.begin && split.behavior != SplitBehavior::kRemovedMatches) {
      TUTTI_TRY(run(step + 1, text.substr(match.begin, match.end - match.begin), scratch, sink));
    }
    done = match.end;
  }
  return Status();
}

Result<PreTokenizer> make_gpt2_pre_tokenizer() {
  TUTTI_ASSIGN(Regex regex, Regex::compile(std::string(kGpt2Pattern)));
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add_split(std::move(regex), SplitBehavior::kIsolated);
  return pre_tokenizer;
}

}  // namespace tutti
