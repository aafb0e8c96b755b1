#include "ir/text_cursor.h"

#include <charconv>
#include <cstdlib>

namespace tutti {
namespace {

constexpr std::string_view kWordEnd = " \t,()[]{}=:@+";
constexpr std::string_view kNameEnd = " \t,()[]{}:";

// An attribute written without quotes: a number or a boolean.
Result<Attribute> parse_scalar(const std::string& text, const Error& otherwise) {
  if (text == "true") return Attribute(true);
  if (text == "false") return Attribute(false);
  const char* end = text.data() + text.size();
  if (text.find_first_of(".einf") == std::string::npos) {
    int64_t number = 0;
    const auto [after, failure] = std::from_chars(text.data(), end, number);
    if (failure == std::errc() && after == end) return Attribute(number);
  }
  double number = 0;
  const auto [after, failure] = std::from_chars(text.data(), end, number);
  if (failure == std::errc() && after == end) return Attribute(number);
  return otherwise;
}

}  // namespace

void TextCursor::skip_space() {
  while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
}

bool TextCursor::at_end() {
  skip_space();
  return at_ >= line_.size();
}

bool TextCursor::accept(std::string_view token) {
  skip_space();
  if (line_.substr(at_, token.size()) != token) return false;
  at_ += token.size();
  return true;
}

Status TextCursor::expect(std::string_view token) {
  if (accept(token)) return {};
  return error_here(fmt::format("'{}'", token));
}

Error TextCursor::error_here(std::string_view expected) const {
  const std::string_view rest = line_.substr(std::min(at_, line_.size()), 24);
  return corrupt("line {}, column {}: expected {}, found {}", line_number_, at_ + 1, expected,
                 rest.empty() ? "the end of the line" : fmt::format("'{}'", rest));
}

Result<std::string> TextCursor::word(std::string_view what) {
  skip_space();
  const size_t end = std::min(line_.find_first_of(kWordEnd, at_), line_.size());
  if (end == at_) return error_here(what);
  std::string text(line_.substr(at_, end - at_));
  at_ = end;
  return text;
}

Result<std::string> TextCursor::value_name() {
  TUTTI_TRY(expect("%"));
  const size_t end = std::min(line_.find_first_of(kNameEnd, at_), line_.size());
  if (end == at_) return error_here("a value's name");
  std::string text(line_.substr(at_, end - at_));
  at_ = end;
  return text;
}

Result<int64_t> TextCursor::integer(std::string_view what) {
  skip_space();
  int64_t number = 0;
  const auto [after, failure] =
      std::from_chars(line_.data() + at_, line_.data() + line_.size(), number);
  if (failure != std::errc()) return error_here(what);
  at_ = static_cast<size_t>(after - line_.data());
  return number;
}

Result<std::string> TextCursor::quoted() {
  TUTTI_TRY(expect("\""));
  const size_t end = line_.find('"', at_);
  if (end == std::string_view::npos) return error_here("a closing '\"'");
  std::string text(line_.substr(at_, end - at_));
  at_ = end + 1;
  return text;
}

std::string TextCursor::until(std::string_view stops) {
  skip_space();
  const size_t end = std::min(line_.find_first_of(stops, at_), line_.size());
  std::string_view text = line_.substr(at_, end - at_);
  at_ = end;
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

Result<Attribute> TextCursor::attribute_value() {
  skip_space();
  if (line_.substr(at_, 1) == "\"") {
    TUTTI_ASSIGN(std::string text, quoted());
    return Attribute(std::move(text));
  }
  if (accept("[")) {
    std::vector<std::string> names;
    while (!accept("]")) {
      if (!names.empty()) TUTTI_TRY(expect(","));
      TUTTI_ASSIGN(std::string name, word("a name"));
      names.push_back(std::move(name));
    }
    return Attribute(std::move(names));
  }
  const Error otherwise = error_here("a number, true, false, \"text\" or [names]");
  return parse_scalar(until(",}"), otherwise);
}

Result<Attributes> TextCursor::attributes() {
  Attributes result;
  TUTTI_TRY(expect("{"));
  while (!accept("}")) {
    if (!result.empty()) TUTTI_TRY(expect(","));
    TUTTI_ASSIGN(const std::string name, word("an attribute's name"));
    TUTTI_TRY(expect("="));
    TUTTI_ASSIGN(Attribute value, attribute_value());
    result.set(name, std::move(value));
  }
  return result;
}

Status TextCursor::dim(ValueType& type, Placement& placement) {
  Dim dim;
  TUTTI_ASSIGN(dim.name, word("a dim's name"));
  TUTTI_TRY(expect("="));
  if (accept("?")) {
    dim.size = kSymbolic;
  } else {
    TUTTI_ASSIGN(dim.size, integer("a dim's size or '?'"));
    if (dim.size < 0) return error_here("a dim's size that is not negative");
  }
  AxisList axes;
  if (accept("@")) {
    const Error otherwise = error_here("mesh axes such as 'dp2.tp4'");
    TUTTI_ASSIGN(const std::string text, word("mesh axes"));
    const std::optional<AxisList> parsed = parse_axis_list(text);
    if (!parsed) return otherwise;
    axes = *parsed;
  }
  type.dims.push_back(std::move(dim));
  placement.dims.push_back(std::move(axes));
  return {};
}

Status TextCursor::type(ValueType& type, Placement& placement) {
  const Error unknown = error_here("a dtype such as 'f32'");
  TUTTI_ASSIGN(const std::string name, word("a dtype"));
  const std::optional<DType> dtype = parse_dtype(name);
  if (!dtype) return unknown;
  type.dtype = *dtype;
  TUTTI_TRY(expect("["));
  while (!accept("]")) {
    if (!type.dims.empty()) TUTTI_TRY(expect(","));
    TUTTI_TRY(dim(type, placement));
  }
  if (!accept("+")) return {};
  if (accept("sum(")) {
    placement.reduce = Reduce::kSum;
  } else if (accept("max(")) {
    placement.reduce = Reduce::kMax;
  } else {
    return error_here("'sum(' or 'max('");
  }
  const Error otherwise = error_here("mesh axes such as 'dp2.tp4'");
  const std::optional<AxisList> axes = parse_axis_list(until(")"));
  if (!axes || axes->empty()) return otherwise;
  placement.partial = *axes;
  return expect(")");
}

}  // namespace tutti
