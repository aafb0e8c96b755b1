#include "data/replace_text.h"

namespace tutti {

bool append_replaced(std::string_view text, std::string_view from, std::string_view to,
                     size_t bytes_max, std::string& out) {
  size_t done = 0;
  for (size_t at; (at = text.find(from, done)) != std::string_view::npos; done = at + from.size()) {
    out.append(text, done, at - done).append(to);
    if (out.size() > bytes_max) return false;
  }
  out.append(text, done);
  return true;
}

}  // namespace tutti
