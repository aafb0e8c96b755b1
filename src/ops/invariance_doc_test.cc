// docs/invariance.md lists what each op declares: the page and the code are held to each other.
#include <gtest/gtest.h>

#include <memory>

#include "base/fs.h"
#include "ops/op_def.h"

namespace tutti {
namespace {

constexpr std::string_view kHead = "| op | invariant over |\n|---|---|\n";

TEST(InvarianceDoc, TableIsTheCodes) {
  const auto fs = make_posix_file_system();
  const auto page = read_file(*fs, TUTTI_SOURCE_DIR "/docs/invariance.md");
  ASSERT_TRUE(page.ok()) << page.message();
  const size_t begin = page.value().find(kHead);
  ASSERT_NE(begin, std::string::npos);
  const size_t end = page.value().find("\n\n", begin);
  const std::string table = page.value().substr(begin, end - begin) + "\n";

  const OpTable ops;
  std::string expected(kHead);
  for (size_t i = 0; i < kOpKindCount; ++i) {
    const OpKind kind = static_cast<OpKind>(i);
    if (is_communication(kind) || is_copy(kind)) continue;
    const std::string_view dims = ops[kind].invariant_dims;
    expected += fmt::format("| {} | {} |\n", op_name(kind), dims == "*" ? "every dim" : dims);
  }
  EXPECT_EQ(table, expected);
}

}  // namespace
}  // namespace tutti
