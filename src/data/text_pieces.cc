#include "data/text_pieces.h"

#include "base/status.h"
#include "data/code_points.h"

namespace tutti {
namespace {

bool is_printing_ascii(char c) { return c > ' ' && c < 0x7F; }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// 0 when there is none.
size_t find_space(std::string_view text, size_t bytes) {
  for (size_t at = bytes - 1; at > bytes / 2; --at) {
    if (text[at] == ' ' && is_ascii_letter(text[at - 1]) && is_ascii_letter(text[at + 1])) {
      return at;
    }
  }
  return 0;
}

}  // namespace

PieceCut find_piece_cut(std::string_view text, size_t bytes, bool drop_space) {
  TUTTI_CHECK(bytes > 4 && bytes < text.size(), "{} of {} bytes", bytes, text.size());
  if (drop_space) {
    if (const size_t at = find_space(text, bytes)) return {at, at + 1};
  }
  size_t line_end = 0;
  for (size_t at = bytes; at > bytes / 2; --at) {
    if (text[at - 1] != '\n') continue;
    if (is_printing_ascii(text[at - 2]) && is_printing_ascii(text[at])) return {at, at};
    if (line_end == 0) line_end = at;
  }
  if (!drop_space) {
    if (const size_t at = find_space(text, bytes)) return {at, at};
  }
  if (line_end > 0) return {line_end, line_end};
  for (size_t at = bytes; at > bytes - 4; --at) {
    if (!is_utf8_continuation(text[at])) return {at, at};
  }
  return {bytes, bytes};  // within bytes that are not UTF-8
}

}  // namespace tutti
