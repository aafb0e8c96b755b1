// Reads one line of a textual form, token by token. Errors say the line, the column, what was
// found and what was expected. Shared by the graph's and the program's parsers.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "ir/graph.h"

namespace tutti {

class TextCursor {
 public:
  TextCursor(std::string_view line, int line_number) : line_(line), line_number_(line_number) {}

  bool at_end();
  // True and past it, when `token` stands here (white space before it is skipped).
  bool accept(std::string_view token);
  Status expect(std::string_view token);
  // Characters up to white space or one of ",()[]{}=:@+".
  Result<std::string> word(std::string_view what);
  // A value's name: '%' and then anything but white space and ",()[]{}:".
  Result<std::string> value_name();
  Result<int64_t> integer(std::string_view what);
  Result<std::string> quoted();
  // Everything up to (not including) one of `stops`, trimmed.
  std::string until(std::string_view stops);
  Error error_here(std::string_view expected) const;

  Result<Attributes> attributes();  // "{a=1, b=[x, y]}"
  // "f32[batch=8@shard2, seq=16]+sum(tp2)"
  Status type(ValueType& type, Placement& placement);

 private:
  void skip_space();
  Result<Attribute> attribute_value();
  Status dim(ValueType& type, Placement& placement);

  std::string_view line_;
  size_t at_ = 0;
  int line_number_;
};

}  // namespace tutti
