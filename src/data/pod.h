// Perl's POD markup → plain text (perlpod, perlpodspec). Any bytes are accepted: POD has no syntax
// errors, only paragraphs. Stateless and thread-safe; time and memory are linear in the input.
#pragma once

#include <string>
#include <string_view>

namespace tutti {

// Headings, items and paragraphs separated by blank lines, formatting codes resolved, verbatim
// paragraphs as they are. Code outside of POD and blocks for other formatters are left out.
std::string pod_to_text(std::string_view pod);

// The formatting codes of one paragraph: C<x> → x, L<text|url> → text, E<lt> → <, C<< a >> → a.
std::string pod_inline_text(std::string_view paragraph);

}  // namespace tutti
