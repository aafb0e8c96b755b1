// Bytes of tokens → text that can be shown at once. A token may end inside of a character: its
// bytes wait until the character is whole. What can never become UTF-8 is shown as U+FFFD.
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace tutti {

class TextStream {
 public:
  // What can be shown of all that came so far and was not returned yet: valid UTF-8, may be empty.
  std::string append(std::string_view bytes);
  // The rest, an unfinished character replaced. The stream is empty afterwards.
  std::string finish();

 private:
  std::string pending_;  // the beginning of one character
};

}  // namespace tutti
