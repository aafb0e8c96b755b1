#include "data/normalizer.h"

#include <algorithm>

#include "data/code_points.h"
#include "data/replace_text.h"

namespace tutti {
namespace {

// What steps may make of a text, so that chains of replacements cannot fill the memory.
constexpr size_t kTextBytesMax = size_t{2} << 30;

std::string_view strip_white_space(std::string_view text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!(classes_of(read_utf8(text, next)) & kWhiteSpace)) break;
    begin = next;
  }
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && is_utf8_continuation(text[last])) --last;
    size_t next = last;
    if (!(classes_of(read_utf8(text, next)) & kWhiteSpace)) break;
    end = last;
  }
  return text.substr(begin, end - begin);
}

Error too_long() {
  return error(ErrorKind::kResource, "a text normalizes to more than {} bytes", kTextBytesMax);
}

Status replace_matches(const Normalizer::ReplaceMatches& step, std::string_view text,
                       Regex::Scratch& scratch, std::string& out) {
  size_t done = 0;
  RegexCursor cursor;
  TextRange match;
  while (true) {
    TUTTI_ASSIGN(const bool found, step.from.next(text, cursor, scratch, match));
    if (!found) break;
    out += text.substr(done, match.begin - done);
    out += step.to;
    if (out.size() > kTextBytesMax) return too_long();
    done = match.end;
  }
  out += text.substr(done);
  return Status();
}

}  // namespace

Normalizer::Scratch::Scratch(const Normalizer& normalizer) {
  for (const Step& step : normalizer.steps_) {
    if (const auto* replace = std::get_if<ReplaceMatches>(&step)) {
      regexes_.emplace_back(replace->from);
    }
  }
}

Result<std::string_view> Normalizer::apply(std::string_view text, Scratch& scratch,
                                           bool continues) const {
  std::string_view now = text;
  size_t regex = 0;
  for (const Step& step : steps_) {
    if (now.empty()) break;  // every step leaves nothing as it is
    std::string& out = scratch.next_;
    out.clear();
    if (const auto* strip = std::get_if<Strip>(&step)) {
      now = strip_white_space(now, strip->left && !continues, strip->right);
      continue;  // a view of what was there
    }
    if (const auto* form = std::get_if<Form>(&step)) {
      if (is_normal(now, form->form)) continue;
      out = normalize(now, form->form);
    } else if (const auto* prepend = std::get_if<Prepend>(&step)) {
      if (continues) continue;
      out.append(prepend->prefix).append(now);
    } else if (const auto* replace = std::get_if<ReplaceText>(&step)) {
      if (!append_replaced(now, replace->from, replace->to, kTextBytesMax, out)) return too_long();
    } else if (const auto* matches = std::get_if<ReplaceMatches>(&step)) {
      TUTTI_TRY(replace_matches(*matches, now, scratch.regexes_[regex++], out));
    } else {
      out = lower_case(now);
    }
    std::swap(scratch.text_, scratch.next_);
    now = scratch.text_;
  }
  return now;
}

Result<std::string> Normalizer::apply(std::string_view text) const {
  Scratch scratch(*this);
  TUTTI_ASSIGN(const std::string_view normal, apply(text, scratch));
  return std::string(normal);
}

}  // namespace tutti
