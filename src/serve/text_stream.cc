#include "serve/text_stream.h"

#include "base/utf8.h"

namespace tutti {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Continuation bytes that complete `text`, tried at the ends of their range: the second byte of
// some characters may only be 80-8F, 80-9F, 90-BF or A0-BF.
bool begins_character(std::string_view text) {
  if (text.size() > 3) return false;
  for (const char first : {'\x80', '\x9F', '\xA0', '\xBF'}) {
    std::string completed(text);
    for (char next = first; completed.size() < 4; next = '\x80') {
      completed += next;
      if (is_utf8(completed)) return true;
    }
  }
  return false;
}

}  // namespace

std::string TextStream::append(std::string_view bytes) {
  pending_ += bytes;
  std::string shown;
  std::string_view rest = pending_;
  while (const auto fault = first_invalid_utf8(rest)) {
    shown += rest.substr(0, *fault);
    rest.remove_prefix(*fault);
    if (begins_character(rest)) break;
    shown += kReplacement;
    rest.remove_prefix(1);
    while (!rest.empty() && is_continuation(rest.front())) rest.remove_prefix(1);
  }
  if (!first_invalid_utf8(rest)) {
    shown += rest;
    rest = {};
  }
  pending_ = std::string(rest);
  return shown;
}

std::string TextStream::finish() {
  std::string shown(pending_.empty() ? std::string_view() : kReplacement);
  pending_.clear();
  return shown;
}

}  // namespace tutti
