#include "execute/machine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "base/test_file_system.h"
#include "execute/cpu.h"
#include "execute/matrix_product.h"

namespace tutti {
namespace {

constexpr const char* kPath = "cache/tutti/machine.json";

MachinePeaks peaks_of(std::string model, int threads, double flops) {
  return {.id = {std::move(model), threads, "oneDNN 2.6.3"},
          .matrix_flops_per_s = flops,
          .memory_bytes_per_s = 2e10};
}

TEST(Calibration, IsMissingWithoutAFile) {
  TestFileSystem fs;
  const auto stored = read_calibration(fs, kPath, {"CPU", 2, "oneDNN 2.6.3"});
  ASSERT_TRUE(stored.ok()) << stored.message();
  EXPECT_FALSE(stored->has_value());
}

TEST(Calibration, KeepsAnEntryForEachMachineAndReplacesTheSame) {
  TestFileSystem fs;
  ASSERT_TRUE(write_calibration(fs, kPath, peaks_of("A", 2, 1e11)).ok());
  ASSERT_TRUE(write_calibration(fs, kPath, peaks_of("A", 4, 2e11)).ok());
  ASSERT_TRUE(write_calibration(fs, kPath, peaks_of("B", 2, 3e11)).ok());
  ASSERT_TRUE(write_calibration(fs, kPath, peaks_of("A", 2, 1.25e11)).ok());
  const auto two = read_calibration(fs, kPath, peaks_of("A", 2, 0).id);
  ASSERT_TRUE(two.ok()) << two.message();
  ASSERT_TRUE(two->has_value());
  EXPECT_EQ((*two)->matrix_flops_per_s, 1.25e11);
  EXPECT_EQ((*two)->memory_bytes_per_s, 2e10);
  const auto four = read_calibration(fs, kPath, peaks_of("A", 4, 0).id);
  ASSERT_TRUE(four.ok() && four->has_value());
  EXPECT_EQ((*four)->matrix_flops_per_s, 2e11);
  const auto other = read_calibration(fs, kPath, peaks_of("B", 4, 0).id);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->has_value());
}

TEST(Calibration, NamesADamagedFileAndIsReplacedByTheNextMeasurement) {
  const char* kDamaged[] = {
      "",
      "{",
      "[]",
      "{\"version\": 2, \"machines\": []}",
      "{\"version\": 1}",
      "{\"version\": 1, \"machines\": [{\"cpu_model\": \"A\", \"threads\": 2}]}",
      "{\"version\": 1, \"machines\": [{\"cpu_model\": \"A\", \"threads\": 2, \"matrix_library\": "
      "\"x\", \"matrix_flops_per_s\": -1, \"memory_bytes_per_s\": 1}]}"};
  for (const char* text : kDamaged) {
    TestFileSystem fs;
    ASSERT_TRUE(fs.create_directories("cache/tutti").ok());
    ASSERT_TRUE(write_file_atomic(fs, kPath, text).ok());
    const auto stored = read_calibration(fs, kPath, peaks_of("A", 2, 0).id);
    ASSERT_FALSE(stored.ok()) << text;
    EXPECT_EQ(stored.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(stored.message().rfind(kPath, 0), 0u) << stored.message();
    ASSERT_TRUE(write_calibration(fs, kPath, peaks_of("A", 2, 1e11)).ok());
    EXPECT_TRUE(read_calibration(fs, kPath, peaks_of("A", 2, 0).id).ok());
  }
}

TEST(Calibration, ReportsADiskThatIsFull) {
  TestFileSystem fs;
  fs.set_capacity(10);
  const Status status = write_calibration(fs, kPath, peaks_of("A", 2, 1e11));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kResource);
}

TEST(Calibration, LiesWhereTheEnvironmentSays) {
  setenv("HOME", "/home/someone", 1);
  setenv("XDG_CACHE_HOME", "/var/cache", 1);
  EXPECT_EQ(calibration_path().value(), "/var/cache/tutti/machine.json");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(calibration_path().value(), "/home/someone/.cache/tutti/machine.json");
  unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(calibration_path().value(), "/home/someone/.cache/tutti/machine.json");
  unsetenv("HOME");
  EXPECT_FALSE(calibration_path().ok());
}

TEST(MatrixProduct, IsTheProduct) {
  constexpr int64_t n = 67;
  std::vector<float> a(n * n), b(n * n), c(n * n, 7.0f);
  for (int64_t i = 0; i < n * n; ++i) {
    a[i] = static_cast<float>(i % 13) - 6;
    b[i] = static_cast<float>(i % 7) - 3;
  }
  square_matrix_product(n, a.data(), b.data(), c.data(), 2);
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t column = 0; column < n; ++column) {
      float sum = 0;  // small integers: exact
      for (int64_t k = 0; k < n; ++k) sum += a[row * n + k] * b[k * n + column];
      ASSERT_EQ(c[row * n + column], sum) << row << ", " << column;
    }
  }
}

TEST(Machine, MeasuresPositivePeaksOfThisMachine) {
  const auto clock = make_system_clock();
  const Result<MachinePeaks> peaks = measure_machine(*clock, 1, 0.05);
  ASSERT_TRUE(peaks.ok()) << peaks.message();
  EXPECT_EQ(peaks->id, this_machine(1));
  // Any machine that can build this has more than 10 MFLOP/s and 10 MB/s, and less than 1 PFLOP/s.
  EXPECT_GT(peaks->matrix_flops_per_s, 1e7);
  EXPECT_LT(peaks->matrix_flops_per_s, 1e15);
  EXPECT_GT(peaks->memory_bytes_per_s, 1e7);
  EXPECT_LT(peaks->memory_bytes_per_s, 1e14);
}

TEST(Cpu, HasANameAndACore) {
  const CpuInfo cpu = describe_cpu();
  EXPECT_FALSE(cpu.model.empty());
  EXPECT_GE(cpu.logical_cores, 1);
}

}  // namespace
}  // namespace tutti
