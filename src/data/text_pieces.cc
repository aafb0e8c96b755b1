#include "data/text_pieces.h"

#include "base/status.h"
#include "data/code_points.h"

namespace tutti {
namespace {

bool is_printing_ascii(char c) { return c > ' ' && c < 0x7F; }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The last space in the second half of the first `bytes` between two characters that `beside`
// accepts; 0 when there is none.
size_t find_space(std::string_view text, size_t bytes, bool (*beside)(char)) {
  for (size_t at = bytes - 1; at > bytes / 2; --at) {
    if (text[at] == ' ' && beside(text[at - 1]) && beside(text[at + 1])) return at;
  }
  return 0;
}

// The same for the place behind a line end, with printing characters around it where some line end
// has them.
size_t find_line(std::string_view text, size_t bytes, bool& good) {
  size_t any = 0;
  for (size_t at = bytes; at > bytes / 2; --at) {
    if (text[at - 1] != '\n') continue;
    good = is_printing_ascii(text[at - 2]) && is_printing_ascii(text[at]);
    if (good) return at;
    if (any == 0) any = at;
  }
  return any;
}

}  // namespace

size_t find_piece_cut(std::string_view text, size_t bytes, bool spaces_first) {
  TUTTI_CHECK(bytes > 4 && bytes < text.size(), "{} of {} bytes", bytes, text.size());
  bool good = false;
  const size_t line = find_line(text, bytes, good);
  if (spaces_first) {
    if (const size_t at = find_space(text, bytes, is_printing_ascii)) return at;
    if (line > 0) return line - 1;
  } else {
    if (good) return line;
    if (const size_t at = find_space(text, bytes, is_ascii_letter)) return at;
    if (line > 0) return line;
  }
  // Behind no space: tokenizers may drop those at an end.
  for (size_t at = bytes; at > bytes / 2; --at) {
    if (!is_utf8_continuation(text[at]) && text[at - 1] != ' ') return at;
  }
  for (size_t at = bytes; at > bytes - 4; --at) {
    if (!is_utf8_continuation(text[at])) return at;
  }
  return bytes;  // within bytes that are not UTF-8
}

}  // namespace tutti
