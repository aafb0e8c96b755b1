#include "base/format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tutti {
namespace {

TEST(Format, Bytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.00 KiB");
  EXPECT_EQ(human_bytes(1567663063), "1.46 GiB");
  EXPECT_EQ(human_bytes((1ull << 30) - 1), "1.00 GiB") << "never 1024.00 MiB";
  EXPECT_EQ(human_bytes(~0ull), "16.00 EiB");
}

TEST(Format, Counts) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(950), "950");
  EXPECT_EQ(human_count(1.5), "1.5");
  EXPECT_EQ(human_count(124439808), "124.4M");
  EXPECT_EQ(human_count(999999), "1.0M") << "never 1000.0k";
  EXPECT_EQ(human_count(-2500), "-2.5k");
  EXPECT_EQ(human_count(std::nan("")), "nan");
}

TEST(Format, Durations) {
  EXPECT_EQ(human_duration(0.00085), "850 us");
  EXPECT_EQ(human_duration(0.0123), "12.3 ms");
  EXPECT_EQ(human_duration(4.2), "4.2 s");
  EXPECT_EQ(human_duration(59.99), "1 min 0 s");
  EXPECT_EQ(human_duration(200), "3 min 20 s");
  EXPECT_EQ(human_duration(7260), "2 h 1 min");
  EXPECT_EQ(human_duration(2 * 86400 + 4 * 3600), "2 d 4 h");
  EXPECT_EQ(human_duration(-1), "-1.0 s");
  EXPECT_EQ(human_duration(INFINITY), "inf s");
}

}  // namespace
}  // namespace tutti
