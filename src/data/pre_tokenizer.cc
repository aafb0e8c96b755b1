#include "data/pre_tokenizer.h"

#include <utility>

namespace tutti {
namespace {

// Puts matches and gaps together to pieces as a behaviour says, one behind the other.
class PieceBuilder {
 public:
  explicit PieceBuilder(SplitBehavior behavior) : behavior_(behavior) {}

  // Takes a match or a gap; passes on the piece that it completes.
  template <typename Emit>
  Status take(TextRange range, bool match, const Emit& emit) {
    const bool joins = held_ && joins_held(match);
    was_match_ = match;
    if (behavior_ == SplitBehavior::kIsolated) return emit(range);
    if (behavior_ == SplitBehavior::kRemoved) return match ? Status() : emit(range);
    if (joins) {
      piece_.end = range.end;
      return Status();
    }
    const TextRange whole = piece_;
    piece_ = range;
    return std::exchange(held_, true) ? emit(whole) : Status();
  }

  template <typename Emit>
  Status finish(const Emit& emit) {
    return held_ ? emit(piece_) : Status();
  }

 private:
  bool joins_held(bool match) const {
    if (behavior_ == SplitBehavior::kContiguous) return match == was_match_;
    if (behavior_ == SplitBehavior::kMergedWithPrevious) return match && !was_match_;
    return !match && was_match_;
  }

  SplitBehavior behavior_;
  bool held_ = false, was_match_ = false;
  TextRange piece_;
};

template <typename Emit>
Status split_text(const PreTokenizer::Split& split, std::string_view text,
                  Pattern::Scratch& scratch, const Emit& emit) {
  PieceBuilder pieces(split.behavior);
  RegexCursor cursor;
  TextRange match;
  size_t done = 0;
  while (true) {
    TUTTI_ASSIGN(const bool found, split.pattern.next(text, cursor, scratch, match));
    const size_t gap_end = found ? match.begin : text.size();
    if (gap_end > done) TUTTI_TRY(pieces.take({done, gap_end}, split.invert, emit));
    if (!found) return pieces.finish(emit);
    TUTTI_TRY(pieces.take(match, !split.invert, emit));
    done = match.end;
  }
}

}  // namespace

PreTokenizer::Scratch PreTokenizer::make_scratch() const {
  Scratch scratch(steps_.size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (const auto* split = std::get_if<Split>(&steps_[i])) {
      scratch[i] = split->pattern.make_scratch();
    }
  }
  return scratch;
}

Status PreTokenizer::split(std::string_view text, TextPlace place, Scratch& scratch,
                           const Sink& sink) const {
  return text.empty() ? Status() : run(0, text, place, scratch, sink);
}

Status PreTokenizer::run(size_t step, std::string_view text, TextPlace place, Scratch& scratch,
                         const Sink& sink) const {
  if (step == steps_.size()) return sink(text);
  if (std::holds_alternative<Split>(steps_[step])) {
    return run_split(step, text, place, scratch, sink);
  }
  if (std::holds_alternative<Metaspace>(steps_[step])) {
    return run_metaspace(step, text, place, scratch, sink);
  }
  if (text.front() == ' ' || place == TextPlace::kContinues) {
    return run(step + 1, text, place, scratch, sink);
  }
  return run(step + 1, " " + std::string(text), place, scratch, sink);
}

Status PreTokenizer::run_split(size_t step, std::string_view text, TextPlace place,
                               Scratch& scratch, const Sink& sink) const {
  return split_text(std::get<Split>(steps_[step]), text, scratch[step],
                    [&](TextRange piece) -> Status {
                      if (piece.begin == piece.end) return Status();
                      const bool begins = place == TextPlace::kBegins && piece.begin == 0;
                      return run(step + 1, text.substr(piece.begin, piece.end - piece.begin),
                                 begins ? TextPlace::kBegins : TextPlace::kWithin, scratch, sink);
                    });
}

Status PreTokenizer::run_metaspace(size_t step, std::string_view text, TextPlace place,
                                   Scratch& scratch, const Sink& sink) const {
  const auto& metaspace = std::get<Metaspace>(steps_[step]);
  const std::string& mark = metaspace.mark;
  std::string marked;
  marked.reserve(text.size() + text.size() / 2);
  const bool always = metaspace.prepend == PrependScheme::kAlways;
  const bool first = metaspace.prepend == PrependScheme::kFirst;
  const bool may_prepend =
      place == TextPlace::kBegins ? always || first : always && place == TextPlace::kWithin;
  if (may_prepend && text.front() != ' ' && !text.starts_with(mark)) marked = mark;
  for (const char c : text) {
    if (c == ' ') {
      marked += mark;
    } else {
      marked += c;
    }
  }
  const std::string_view all = marked;
  size_t begin = 0;
  for (size_t end; metaspace.split && begin < all.size(); begin = end) {
    // A piece ends before the next mark, wherever it began.
    const size_t skip = all.substr(begin).starts_with(mark) ? mark.size() : 0;
    end = std::min(all.find(mark, begin + skip), all.size());
    TUTTI_TRY(run(step + 1, all.substr(begin, end - begin), begin == 0 ? place : TextPlace::kWithin,
                  scratch, sink));
  }
  if (begin < all.size()) return run(step + 1, all, place, scratch, sink);
  return Status();
}

PreTokenizer make_gpt2_pre_tokenizer() {
  Result<Pattern> pattern = Pattern::compile(std::string(kGpt2Pattern));
  TUTTI_CHECK(pattern.ok(), "{}", pattern.message());
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(PreTokenizer::Split{std::move(pattern).value(), SplitBehavior::kIsolated});
  return pre_tokenizer;
}

}  // namespace tutti
