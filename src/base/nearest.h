// "Did you mean": the known name that is closest to one that is unknown.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tutti {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`
// (optimal string alignment distance), in bytes.
size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `name`, the first of equals; empty when none is near enough to be meant
// (a third of the name's length, at least 1). The view points into `candidates`.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);
std::string_view nearest_name(std::string_view name, std::span<const std::string> candidates);

// "; did you mean \"micro_batch\"?", or "" when nothing is near: to end an error message.
template <typename Names>
std::string did_you_mean(std::string_view name, const Names& candidates) {
  const std::string_view nearest = nearest_name(name, std::span(candidates));
  return nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?";
}

}  // namespace tutti
