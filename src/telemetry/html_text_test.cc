#include "telemetry/html_text.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(HtmlText, NothingOfItIsMarkup) {
  EXPECT_EQ(html_escaped("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;");
  EXPECT_EQ(html_escaped("Größe 漢字\n\t."), "Größe 漢字\n\t.");
}

TEST(HtmlText, BrokenBytesAndControlCharactersAreReplaced) {
  EXPECT_EQ(html_escaped("a\xFF"
                         "b\x01"
                         "c\x7f"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c\xEF\xBF\xBD");
  EXPECT_EQ(html_escaped(std::string_view("\0", 1)), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace tutti
