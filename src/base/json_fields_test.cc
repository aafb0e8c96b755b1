#include "base/json_fields.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(JsonFields, ReadsWhatIsThere) {
  const Json object = {{"name", "a"}, {"on", true}, {"inner", {{"count", 3}, {"share", 0.5}}}};
  Status status;
  const JsonFields fields(object, "file: ", status);
  std::string name;
  bool on = false, absent = true;
  int64_t count = 0;
  double share = 0;
  fields.read("name", name);
  fields.read("on", on);
  fields.read_optional("absent", absent);
  fields.inner("inner").read("count", count);
  fields.inner("inner").read("share", share);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(name, "a");
  EXPECT_TRUE(on);
  EXPECT_TRUE(absent);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(share, 0.5);
}

TEST(JsonFields, KeepsTheFirstError) {
  const Json object = {{"inner", {{"count", -1}, {"wide", int64_t{1} << 31}}}};
  Status status;
  const JsonFields fields(object, "file: ", status);
  int64_t count = 7;
  fields.inner("inner").read("count", count);
  fields.read("absent", count);
  fields.inner("absent").read("count", count);
  EXPECT_EQ(status.message(), "file: inner.count: expected a count");
  EXPECT_EQ(count, 7);

  Status of_wide;
  int32_t wide = 0;
  JsonFields(object, "", of_wide).inner("inner").read("wide", wide);
  EXPECT_EQ(of_wide.message(), "inner.wide: expected a smaller number");
}

}  // namespace
}  // namespace tutti
