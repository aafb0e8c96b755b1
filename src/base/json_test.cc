#include "base/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace tutti {
namespace {

TEST(Json, BracesMakeObjectsAndArrays) {
  const Json value = {{"a", 1}, {"b", {2, 3}}, {"c", {{"d", nullptr}}}};
  EXPECT_EQ(value.dump(), R"({"a":1,"b":[2,3],"c":{"d":null}})");
  EXPECT_EQ(Json::array({{"a", 1}}).dump(), R"([["a",1]])");
  EXPECT_EQ(Json::object().dump(), "{}");
  EXPECT_EQ(Json().dump(), "null");
}

TEST(Json, KeepsTheOrderOfKeysAndFindsEach) {
  Json object;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i * 7919 % 1000);
    object[key] = i;
    expected += (i == 0 ? "{\"" : ",\"") + key + "\":" + std::to_string(i);
    ASSERT_EQ(object.size(), i + 1);
  }
  EXPECT_EQ(object.dump(), expected + "}");
  const Json copy = object;
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(copy[std::to_string(i * 7919 % 1000)], i);
  EXPECT_FALSE(copy.contains("1000"));
  object.erase("7919");
  object.erase("0");
  EXPECT_FALSE(object.contains("0"));
  EXPECT_EQ(object.size(), 999);
  EXPECT_EQ(object["919"], 1);
}

TEST(Json, ComparesObjectsInAnyOrderAndNumbersByValue) {
  EXPECT_EQ(Json({{"a", 1}, {"b", 2}}), Json({{"b", 2}, {"a", 1}}));
  EXPECT_NE(Json({{"a", 1}, {"b", 2}}), Json({{"b", 2}, {"c", 1}}));
  EXPECT_EQ(Json(2), Json(2.0));
  EXPECT_EQ(Json(-2), Json(-2.0));
  EXPECT_NE(Json(INT64_MAX), Json(static_cast<uint64_t>(INT64_MAX) + 1));
  EXPECT_NE(Json(1), Json(true));
  EXPECT_NE(Json("1"), Json(1));
}

TEST(Json, ReadsWhatItWrote) {
  const std::string text =
      R"({"s":"\"\\\n\u0001é","n":-9223372036854775808,"u":18446744073709551615,"r":0.1,)"
      R"("big":1e300,"t":[true,false,null,[],{}]})";
  const Json value = parse_json(text, "text").value();
  EXPECT_EQ(value["n"].get<int64_t>(), INT64_MIN);
  EXPECT_EQ(value["u"].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(value["r"].get<double>(), 0.1);
  EXPECT_EQ(value["s"].text(), "\"\\\n\1é");
  EXPECT_EQ(parse_json(value.dump(), "text").value(), value);
  EXPECT_EQ(parse_json(value.dump(2), "text").value(), value);
}

TEST(Json, WritesWhatJsonCannotHoldAsWhatItCan) {
  EXPECT_EQ(Json(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
  EXPECT_EQ(Json("a\xff z").dump(), "\"a\xef\xbf\xbd z\"");
  EXPECT_FALSE(json_quoted("a\xff").ok());
  EXPECT_EQ(json_quoted("a\"b").value(), R"("a\"b")");
}

TEST(Json, AValueMayTakeAPartOfItself) {
  Json value = {{"a", {1, 2, {3, 4}}}};
  value = value["a"];
  value = value[2];
  EXPECT_EQ(value.dump(), "[3,4]");
  value.push_back(value);
  EXPECT_EQ(value.dump(), "[3,4,[3,4]]");
}

TEST(Json, AMemberStaysWhereItIsWhileOthersCome) {
  Json object;
  Json& first = object["0"];
  for (int i = 1; i < 100; ++i) object[std::to_string(i)] = object[std::to_string(i + 100)] = i;
  first = "first";
  EXPECT_EQ(object["0"], "first");
  EXPECT_EQ(object["199"], 99);
}

TEST(Json, FaultsSayWhatAndWhere) {
  const auto message = [](std::string_view text) { return parse_json(text, "x").message(); };
  EXPECT_EQ(message(R"({"a":1,"b":{"a":2,"a":3}})"), "x: key \"a\" occurs twice");
  EXPECT_NE(message("[1,]").find("x: not JSON: "), std::string::npos);
  EXPECT_NE(message("[1,]").find("(offset 3)"), std::string::npos) << message("[1,]");
  EXPECT_NE(message("").find("not JSON"), std::string::npos);
  EXPECT_NE(message("1 2").find("not JSON"), std::string::npos);
  EXPECT_NE(message("\"\xff\"").find("not JSON"), std::string::npos);
}

TEST(Json, NestingHasALimit) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(kJsonDepthMax), "x").ok());
  EXPECT_EQ(parse_json(nested(kJsonDepthMax + 1), "x").message(),
            "x: nested deeper than 64 levels");
  EXPECT_FALSE(parse_json(std::string(1 << 20, '['), "x").ok());
}

TEST(Json, FieldsAreOfTheirType) {
  const Json object = {{"n", 3}, {"s", "t"}, {"big", UINT64_MAX}, {"sizes", {1, 2}}, {"r", 1.0}};
  EXPECT_EQ(json_integer(object, "n", "x").value(), 3);
  EXPECT_EQ(json_string(object, "s", "x").value(), "t");
  EXPECT_EQ(json_sizes(object["sizes"], "x").value(), (std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(json_integer(object, "big", "x").ok());
  EXPECT_FALSE(json_integer(object, "r", "x").ok());
  EXPECT_EQ(json_integer(object, "m", "x").message(), "x: key \"m\" is missing");
  EXPECT_FALSE(json_sizes(Json::array({-1}), "x").ok());
  EXPECT_NE(json_only_keys(object, {"n", "s"}, "x").message().find("unknown key \"big\""),
            std::string::npos);
}

}  // namespace
}  // namespace tutti
