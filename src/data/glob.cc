#include "data/glob.h"

#include <algorithm>
#include <vector>

namespace tutti {
namespace {

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Matches sequences with one wildcard that takes any number of elements, by remembering where the
// last one began: on a mismatch it takes one more.
template <typename Pattern, typename Text, typename IsStar, typename Same>
bool wildcard_matches(const Pattern& pattern, const Text& text, IsStar is_star, Same same) {
  size_t p = 0, t = 0, star = pattern.size(), after_star = 0;
  bool starred = false;
  while (t < text.size()) {
    if (p < pattern.size() && is_star(pattern[p])) {
      starred = true;
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && same(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (starred) {
      p = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && is_star(pattern[p])) ++p;
  return p == pattern.size();
}

bool name_matches(std::string_view pattern, std::string_view name) {
  return wildcard_matches(
      pattern, name, [](char c) { return c == '*'; },
      [](char expected, char c) { return expected == '?' || expected == c; });
}

}  // namespace

bool is_glob(std::string_view path) { return path.find_first_of("*?") != std::string_view::npos; }

bool glob_matches(std::string_view pattern, std::string_view path) {
  if (pattern.starts_with('/') != path.starts_with('/')) return false;
  return wildcard_matches(
      components(pattern), components(path), [](std::string_view part) { return part == "**"; },
      name_matches);
}

bool glob_may_match_below(std::string_view pattern, std::string_view directory) {
  const auto wanted = components(pattern), parts = components(directory);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i >= wanted.size()) return false;
    if (wanted[i] == "**") return true;
    if (!name_matches(wanted[i], parts[i])) return false;
  }
  return wanted.size() > parts.size();
}

std::string_view glob_root(std::string_view pattern) {
  const size_t wildcard = std::min(pattern.find_first_of("*?"), pattern.size());
  const size_t slash = pattern.substr(0, wildcard).rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : pattern.substr(0, slash);
}

}  // namespace tutti
