// Text from outside as text of an HTML or SVG page. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace tutti {

// `text` with its markup characters and both quotes escaped, so that it is text also within an
// attribute. What is no UTF-8, and the control characters that XML has no place for, become U+FFFD.
std::string html_escaped(std::string_view text);

}  // namespace tutti
