#include "data/unicode.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/status.h"
#include "data/code_points.h"
#include "data/unicode_age.h"

namespace tutti {
namespace {

constexpr uint8_t kClasses = kWhiteSpace | kLetter | kNumber | kWord | kPunctuation;
// NFC leaves the character as it is, whatever comes before it.
constexpr uint8_t kStable = 32;
// Neither moves nor composes, as far as the normal forms know.
constexpr uint8_t kInert = 64;

// The code point before the first trailing consonant of Hangul composes with nothing, but utf8proc
// composes it away behind a syllable.
constexpr uint32_t kHangulFiller = 0x11A7;

constexpr uint32_t kBasicCodePoints = 0x10000;

bool is_white_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// Symbols that are alphabetic: circled, squared and parenthesised letters; and the two joiners.
bool is_word_symbol(uint32_t c) {
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C ||
         c == 0x200D;
}

bool is_ascii_symbol(uint32_t c) {
  return c < 0x80 && c > ' ' && c != 0x7F && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
         !(c >= 'a' && c <= 'z');
}

bool is_punctuation(uint32_t c, int category) {
  // U+166D and U+111C9 were punctuation in Unicode 8.
  if (is_ascii_symbol(c) || c == 0x166D || c == 0x111C9) return true;
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO &&
         !contains(kNewPunctuation, c);
}

std::string whole_normal_form(std::string_view text, NormalForm form) {
  static constexpr int kOptions[] = {UTF8PROC_COMPOSE, UTF8PROC_DECOMPOSE,
                                     UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                     UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};
  utf8proc_uint8_t* mapped = nullptr;
  const int options = UTF8PROC_STABLE | kOptions[static_cast<int>(form)];
  const utf8proc_ssize_t bytes = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &mapped, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  TUTTI_CHECK(bytes >= 0, "normalizing {} bytes: {}", text.size(), utf8proc_errmsg(bytes));
  return {reinterpret_cast<const char*>(mapped), static_cast<size_t>(bytes)};
}

bool composes_backward(uint32_t c, const utf8proc_property_t& property) {
  if ((c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2)) return true;  // Hangul
  return property.comb_index != UINT16_MAX && property.comb_index >= 0x8000;
}

uint8_t normal_form_bits(uint32_t c) {
  if (c == kHangulFiller || contains(kUnknownToNormalForms, c)) return kStable | kInert;
  const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  if (property.combining_class != 0 || composes_backward(c, property)) return 0;
  if (property.decomp_seqindex == UINT16_MAX || property.decomp_type != 0) return kStable;
  std::string alone;
  append_utf8(c, alone);
  return whole_normal_form(alone, NormalForm::kNfc) == alone ? kStable : 0;
}

uint8_t all_bits(uint32_t c) {
  return c >= 0xD800 && c < 0xE000 ? 0 : character_classes(c) | normal_form_bits(c);
}

const std::array<uint8_t, kBasicCodePoints>& basic_table() {
  static const auto table = [] {
    std::array<uint8_t, kBasicCodePoints> bits;
    for (uint32_t c = 0; c < kBasicCodePoints; ++c) bits[c] = all_bits(c);
    return bits;
  }();
  return table;
}

uint8_t bits_of(const std::array<uint8_t, kBasicCodePoints>& table, uint32_t c) {
  return c < kBasicCodePoints ? table[c] : normal_form_bits(c);
}

// The offset behind the ASCII that `text` has at `at`.
size_t skip_ascii(std::string_view text, size_t at) {
  uint64_t word;
  while (at + 8 <= text.size()) {
    std::memcpy(&word, text.data() + at, 8);
    if (word & 0x8080808080808080u) break;
    at += 8;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

// Composes only the stretches that need it: each from the stable character before the first that
// is not stable to the next stable one, across which nothing interacts.
std::string compose(std::string_view text) {
  const auto& table = basic_table();
  std::string out;
  out.reserve(text.size());
  size_t copied = 0, last_stable = 0;
  for (size_t at = 0; at < text.size();) {
    size_t next = at;
    const uint8_t bits = bits_of(table, read_utf8(text, next));
    if (bits & kStable) {
      last_stable = bits & kInert ? next : at;
      at = next;
      continue;
    }
    while (next < text.size()) {
      size_t after = next;
      if (bits_of(table, read_utf8(text, after)) & kStable) break;
      next = after;
    }
    out += text.substr(copied, last_stable - copied);
    out += whole_normal_form(text.substr(last_stable, next - last_stable), NormalForm::kNfc);
    copied = last_stable = at = next;
  }
  return out += text.substr(copied);
}

uint32_t lower_of(uint32_t c) {
  if (c == 0x1C89) return 0x1C8A;  // since Unicode 16
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

}  // namespace

uint8_t character_classes(uint32_t c) {
  const int category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  uint8_t classes = is_white_space(c) ? kWhiteSpace : 0;
  const bool letter = (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
                      contains(kNewLetters, c);
  const bool number = (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) ||
                      contains(kNewNumbers, c);
  const bool mark = (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME) ||
                    contains(kNewMarks, c);
  if (letter) classes |= kLetter;
  if (number) classes |= kNumber;
  if (letter || mark || (number && category != UTF8PROC_CATEGORY_NO) ||
      category == UTF8PROC_CATEGORY_PC || is_word_symbol(c)) {
    classes |= kWord;
  }
  if (is_punctuation(c, category)) classes |= kPunctuation;
  return classes;
}

const uint8_t* basic_character_classes() {
  static const auto classes = [] {
    auto bits = basic_table();
    for (uint8_t& one : bits) one &= kClasses;
    return bits;
  }();
  return classes.data();
}

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = read_utf8(text, at);
    if (c == 0x130) {  // the only character whose lower case, context aside, is two
      out += "i\u0307";
    } else {
      append_utf8(lower_of(c), out);
    }
  }
  return out;
}

bool is_normal(std::string_view text, NormalForm form) {
  size_t at = skip_ascii(text, 0);
  if (form != NormalForm::kNfc) return at == text.size();
  const auto& table = basic_table();
  while (at < text.size()) {
    if (!(bits_of(table, read_utf8(text, at)) & kStable)) return false;
    at = skip_ascii(text, at);
  }
  return true;
}

std::string normalize(std::string_view text, NormalForm form) {
  if (form == NormalForm::kNfc) return compose(text);
  const auto& table = basic_table();
  std::string out;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t next = at;
    if (bits_of(table, read_utf8(text, next)) & kInert) {
      out += whole_normal_form(text.substr(begin, at - begin), form);
      out += text.substr(at, next - at);
      begin = next;
    }
    at = next;
  }
  return out += whole_normal_form(text.substr(begin), form);
}

}  // namespace tutti
