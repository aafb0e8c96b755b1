// What tokenizers ask of Unicode: classes of characters, lower case, normal forms.
//
// Files were written and models trained with Hugging Face tokenizers, so each answer is that of the
// library which tokenizers asks, whose Unicode is of its own age: letters, numbers and white space
// of Unicode 16, punctuation of Unicode 8, normal forms of Unicode 9. The tables are utf8proc's
// (Unicode 15); unicode_age.h lists what differs. Stateless and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tutti {

// Bits of a character's classes.
enum CharacterClass : uint8_t {
  kWhiteSpace = 1,   // White_Space, a pattern's \s
  kLetter = 2,       // \p{L}
  kNumber = 4,       // \p{N}
  kWord = 8,         // \w of UTS #18: letters, marks, digits, connectors, joiners
  kPunctuation = 16  // \p{P} and ASCII's symbols
};

// The classes of a code point, computed.
uint8_t character_classes(uint32_t code_point);

// The classes of the code points of the Basic Multilingual Plane, looked up.
const uint8_t* basic_character_classes();

inline uint8_t classes_of(uint32_t code_point) {
  return code_point < 0x10000 ? basic_character_classes()[code_point]
                              : character_classes(code_point);
}

// `text` (valid UTF-8) with each character in lower case (Unicode's full mapping, without context).
std::string lower_case(std::string_view text);

// The normal forms of Unicode Standard Annex #15.
enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// True when `text` (valid UTF-8) is known to be in `form` already; false when it may not be. Quick:
// no memory is taken.
bool is_normal(std::string_view text, NormalForm form);

// `text` (valid UTF-8) in `form`. Costs O(n).
std::string normalize(std::string_view text, NormalForm form);

}  // namespace tutti
