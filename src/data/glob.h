// Shell patterns: * and ? match within a path component, ** whole components. Stateless.
#pragma once

#include <string_view>

namespace tutti {

bool is_glob(std::string_view path);

// Matches a path against a pattern, component by component, in time O(pattern × path).
bool glob_matches(std::string_view pattern, std::string_view path);

// False when no path below `directory` can match, so that it need not be walked.
bool glob_may_match_below(std::string_view pattern, std::string_view directory);

// The directories of `pattern` that come before its first wildcard: "a/b" of "a/b/*.txt", "." of
// "*.txt", "/" of "/*".
std::string_view glob_root(std::string_view pattern);

}  // namespace tutti
