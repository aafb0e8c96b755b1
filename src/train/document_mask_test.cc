// data.document_mask: what shares a sample must not show in the loss.
#include <array>

#include "execute/initialise.h"
#include "kernels/backend.h"
#include "kernels/cpu/kernels.h"
#include "train/layout.h"
#include "train/run_programs.h"
#include "train/test_run.h"

namespace tutti {
namespace {

constexpr int64_t kSeq = 16;
using Ids = std::array<int32_t, kSeq>;

// An evaluation program for one sample, with random parameters.
class DocumentMask : public ::testing::Test {
 protected:
  void SetUp() override {
    const Config config =
        test_config({"data.document_mask=true", "model.dropout=0", "train.micro_batch=1"});
    const OpTable ops;
    auto backend = make_cpu_backend(cpu::default_kernels(), 1);
    auto compiled = compile_evaluation(config, one_rank_plan(config.train.micro_batch, 1), ops,
                                       *backend, nullptr);
    ASSERT_TRUE(compiled.ok()) << compiled.message();
    std::vector<Program> programs;
    programs.push_back(std::move(compiled->stages[0]));
    auto executor = Executor::create(std::move(programs), std::move(backend));
    ASSERT_TRUE(executor.ok()) << executor.message();
    executor_ = std::move(executor).value();
    ASSERT_TRUE(
        initialise_parameters(*executor_, 0, compiled->step, 3, cpu::default_kernels(), 1).ok());
  }

  void write(std::string_view name, const Ids& ids) {
    const Operand operand = executor_->operand(0, name);
    ASSERT_EQ(operand.count(), kSeq) << name;
    std::copy(ids.begin(), ids.end(), operand.as<int32_t>());
  }

  // The summed loss of the positions [begin, end); the others have no label.
  double loss(const Ids& tokens, const Ids& positions, const Ids& segments, int64_t begin,
              int64_t end) {
    Ids labels;
    for (int64_t i = 0; i < kSeq; ++i) {
      const auto at = static_cast<size_t>(i);
      labels[at] = i >= begin && i < end ? (tokens[at] * 5 + 3) % 61 : -1;
    }
    write("tokens", tokens);
    write("positions", positions);
    write("segments", segments);
    write("labels", labels);
    write("all_labels", labels);
    EXPECT_TRUE(executor_->run(0).ok());
    return static_cast<double>(*executor_->operand(0, "loss").as<float>()) *
           static_cast<double>(end - begin);
  }

  std::unique_ptr<Executor> executor_;
};

TEST_F(DocumentMask, ADocumentHasTheSameLossWhateverSharesItsSample) {
  const int64_t first = 7;  // tokens of the first document
  Ids tokens, positions, segments, rotated, rotated_positions, rotated_segments;
  for (int32_t i = 0; i < kSeq; ++i) {
    const auto at = static_cast<size_t>(i);
    tokens[at] = (i * 17 + 5) % 61;
    segments[at] = i < first ? 0 : 1;
    positions[at] = i < first ? i : i - static_cast<int32_t>(first);
  }
  // The second document comes first, and another one behind it.
  for (size_t i = 0; i < kSeq; ++i) {
    const size_t from = i + static_cast<size_t>(first);
    const bool same = from < kSeq;
    rotated[i] = same ? tokens[from] : static_cast<int32_t>(i * 11 + 2) % 61;
    rotated_segments[i] = same ? 0 : 1;
    rotated_positions[i] = static_cast<int32_t>(same ? i : from - kSeq);
  }
  const double second = loss(tokens, positions, segments, first, kSeq);
  EXPECT_NEAR(second, loss(rotated, rotated_positions, rotated_segments, 0, kSeq - first),
              1e-5 * second);
  const double both = loss(tokens, positions, segments, 0, kSeq);
  EXPECT_NEAR(both, second + loss(tokens, positions, segments, 0, first), 1e-5 * both);
  // Without the segments it is another loss: the documents see each other.
  const double mixed = loss(tokens, positions, Ids{}, first, kSeq);
  EXPECT_GT(std::abs(mixed - second), 1e-4 * second);
}

// Three documents in the sixteen tokens of a sample, where the index of the data says so.
TEST(DocumentMaskRun, TrainsOnShortDocuments) {
  auto fs = test_disk();
  auto writer = IndexedDatasetWriter::create(*fs, "/data/train", TokenType::kUint16);
  ASSERT_TRUE(writer.ok()) << writer.message();
  for (int32_t document = 0; document < 130; ++document) {
    const std::array<int32_t, 5> ids{document % 61, 7, 14, 21, 60};
    ASSERT_TRUE((*writer)->append(ids).ok());
    ASSERT_TRUE((*writer)->end_document().ok());
  }
  ASSERT_TRUE((*writer)->finish().ok());
  for (const char* packing : {"data.packing=documents", "data.packing=stream"}) {
    Recorder recorder;
    auto config = test_config({"data.document_mask=true", packing});
    config.run.dir = std::string("/run-") + packing;
    const auto summary = train_run(*fs, config, recorder);
    ASSERT_TRUE(summary.ok()) << summary.message();
    EXPECT_LT(recorder.steps.back().record.loss, recorder.steps.front().record.loss);
  }
}

}  // namespace
}  // namespace tutti
