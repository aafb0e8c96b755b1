#include "tensor/dtype.h"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(DType, TableIsInEnumOrderAndNamesParseBack) {
  for (const DTypeInfo& info : kDTypes) {
    EXPECT_EQ(&dtype_info(info.dtype), &info);
    EXPECT_EQ(parse_dtype(info.name), info.dtype);
  }
  EXPECT_EQ(parse_dtype("F32"), std::nullopt);
  EXPECT_EQ(parse_dtype(""), std::nullopt);
}

}  // namespace
}  // namespace tutti
