// Formatting codes: a recursive descent over one paragraph, every byte read once.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "data/code_points.h"
#include "data/pod.h"

namespace tutti {
namespace {

constexpr int kNestingMax = 64;  // deeper codes are left as they are

struct Entity {
  std::string_view name;
  uint32_t code_point;
};

// E<name>: POD's own and the letters that documentation uses in names of people and places.
constexpr auto kEntities = std::to_array<Entity>({
    {"lt", '<'},      {"gt", '>'},       {"verbar", '|'},    {"sol", '/'},       {"amp", '&'},
    {"quot", '"'},    {"apos", '\''},    {"nbsp", ' '},      {"lchevron", 0xAB}, {"rchevron", 0xBB},
    {"laquo", 0xAB},  {"raquo", 0xBB},   {"copy", 0xA9},     {"reg", 0xAE},      {"sect", 0xA7},
    {"para", 0xB6},   {"deg", 0xB0},     {"plusmn", 0xB1},   {"micro", 0xB5},    {"middot", 0xB7},
    {"frac12", 0xBD}, {"frac14", 0xBC},  {"times", 0xD7},    {"szlig", 0xDF},    {"Auml", 0xC4},
    {"Ouml", 0xD6},   {"Uuml", 0xDC},    {"auml", 0xE4},     {"ouml", 0xF6},     {"uuml", 0xFC},
    {"euml", 0xEB},   {"iuml", 0xEF},    {"Aring", 0xC5},    {"aring", 0xE5},    {"AElig", 0xC6},
    {"aelig", 0xE6},  {"Oslash", 0xD8},  {"oslash", 0xF8},   {"Ccedil", 0xC7},   {"ccedil", 0xE7},
    {"Eacute", 0xC9}, {"aacute", 0xE1},  {"eacute", 0xE9},   {"iacute", 0xED},   {"oacute", 0xF3},
    {"uacute", 0xFA}, {"agrave", 0xE0},  {"egrave", 0xE8},   {"igrave", 0xEC},   {"ograve", 0xF2},
    {"ugrave", 0xF9}, {"acirc", 0xE2},   {"ecirc", 0xEA},    {"icirc", 0xEE},    {"ocirc", 0xF4},
    {"ucirc", 0xFB},  {"atilde", 0xE3},  {"ntilde", 0xF1},   {"Ntilde", 0xD1},   {"otilde", 0xF5},
    {"eth", 0xF0},    {"thorn", 0xFE},   {"hellip", 0x2026}, {"ndash", 0x2013},  {"mdash", 0x2014},
    {"bull", 0x2022}, {"trade", 0x2122}, {"euro", 0x20AC},
});

std::optional<uint32_t> parse_number(std::string_view digits, int base) {
  uint32_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  const bool scalar = value > 0 && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  return scalar ? std::optional(value) : std::nullopt;
}

std::string entity_text(const std::string& name) {
  std::optional<uint32_t> code_point;
  if (name.starts_with("0x") || name.starts_with("0X")) {
    code_point = parse_number(std::string_view(name).substr(2), 16);
  } else if (name.starts_with('0')) {
    code_point = parse_number(name, 8);
  } else {
    code_point = parse_number(name, 10);
  }
  for (const Entity& entity : kEntities) {
    if (entity.name == name) code_point = entity.code_point;
  }
  if (!code_point) return fmt::format("E<{}>", name);
  std::string text;
  append_utf8(*code_point, text);
  return text;
}

// L<name/"section"> without a text of its own, as perlpodspec words it.
std::string link_text(const std::string& target) {
  if (target.find("://") != std::string::npos || target.starts_with("mailto:")) return target;
  const size_t slash = target.find('/');
  if (slash == std::string::npos) return target;
  std::string section = target.substr(slash + 1);
  if (section.size() >= 2 && section.front() == '"' && section.back() == '"') {
    section = section.substr(1, section.size() - 2);
  }
  if (slash == 0) return fmt::format("\"{}\"", section);
  return fmt::format("\"{}\" in {}", section, target.substr(0, slash));
}

class InlineParser {
 public:
  explicit InlineParser(std::string_view text) : text_(text) {}

  std::string parse() {
    std::string out;
    parse_until(0, 0, out, nullptr);
    return out;
  }

 private:
  // Appends text up to the end of a code that was opened by `brackets` '<' (0: the paragraph).
  // `bar`, when wanted, is where the first '|' of this level came to lie in `out`.
  void parse_until(size_t brackets, int depth, std::string& out, std::optional<size_t>* bar) {
    while (at_ < text_.size()) {
      if (brackets > 0 && at_closing(brackets, out)) return;
      const char c = text_[at_];
      if (c >= 'A' && c <= 'Z' && at_ + 1 < text_.size() && text_[at_ + 1] == '<' &&
          depth < kNestingMax) {
        parse_code(depth + 1, out);
        continue;
      }
      if (c == '|' && bar && !*bar) *bar = out.size();
      out += c;
      ++at_;
    }
  }

  // One '>' closes "C<"; white space and as many '>' close "C<< ". The white space is dropped.
  bool at_closing(size_t brackets, std::string& out) {
    if (text_[at_] != '>') return false;
    if (brackets == 1) {
      ++at_;
      return true;
    }
    if (at_ == 0 || !is_space(text_[at_ - 1])) return false;
    const size_t run = std::min(text_.find_first_not_of('>', at_), text_.size()) - at_;
    if (run < brackets) return false;
    at_ += brackets;
    while (!out.empty() && is_space(out.back())) out.pop_back();
    return true;
  }

  void parse_code(int depth, std::string& out) {
    const char code = text_[at_];
    size_t brackets = std::min(text_.find_first_not_of('<', at_ + 1), text_.size()) - (at_ + 1);
    const size_t after = at_ + 1 + brackets;
    if (brackets > 1 && (after >= text_.size() || !is_space(text_[after]))) brackets = 1;
    at_ += 1 + brackets;
    while (brackets > 1 && at_ < text_.size() && is_space(text_[at_])) ++at_;

    std::string inner;
    std::optional<size_t> bar;
    parse_until(brackets, depth, inner, &bar);
    if (code == 'X' || code == 'Z') return;
    if (code == 'E') {
      out += entity_text(inner);
    } else if (code == 'L') {
      out += bar ? inner.substr(0, *bar) : link_text(inner);
    } else {
      out += inner;
    }
  }

  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string pod_inline_text(std::string_view paragraph) { return InlineParser(paragraph).parse(); }

}  // namespace tutti
