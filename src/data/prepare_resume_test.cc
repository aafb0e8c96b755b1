// Preparations that are cut off, by a kill or a loss of power at any operation, and done again.
#include <gtest/gtest.h>

#include "base/test_file_system.h"
#include "data/prepare.h"
#include "data/prepare_journal.h"
#include "data/test_corpus.h"

namespace tutti {
namespace {

constexpr const char* kOutputs[] = {"train.bin",      "train.idx",     "validation.bin",
                                    "validation.idx", "train.mask",    "validation.mask",
                                    "dataset.json",   "tokenizer.json"};

// Corpora of each kind, small enough that a preparation takes a few hundred operations.
class PrepareResume : public testing::TestWithParam<const char*> {
 protected:
  void make_corpus(FileSystem& fs) {
    ASSERT_TRUE(fs.create_directories("/c").ok());
    ASSERT_TRUE(fs.create_directories("/out").ok());
    write_text(fs, "/tokenizer.json", tokenizer_);
    std::mt19937 random(7);
    const std::string kind = GetParam();
    if (kind == "text") {
      std::string text;
      for (int i = 0; i < 120; ++i) text += random_text(random, 8) + "end.\nBegin";
      write_text(fs, "/c/a.txt", text);
      write_text(fs, "/c/b.txt", random_text(random, 30));
      write_text(fs, "/c/c.txt", random_text(random, 30));
    } else {
      std::string lines;
      const char* format = kind == "chat" ? R"({{"prompt": "say {0}", "completion": "{0}"}})"
                                          : R"({{"text": "this is document {}"}})";
      for (int i = 0; i < 60; ++i) lines += fmt::format(fmt::runtime(format), i) + "\n";
      write_text(fs, "/c/a.jsonl", lines);
    }
    ASSERT_TRUE(fs.sync_directory("/").ok());
    ASSERT_TRUE(fs.sync_directory("/c").ok());
  }

  PrepareOptions options_of(int threads = 2) {
    PrepareOptions options;
    options.inputs = {"/c"};
    options.directory = "/out";
    options.tokenizer = "/tokenizer.json";
    options.validation = 0.3;
    options.threads = threads;
    options.commit_bytes = 1;  // after each batch
    options.documents.piece_bytes = 300;
    options.batch_bytes = 400;
    if (std::string(GetParam()) == "chat") options.documents.format = DocumentFormat::kChat;
    return options;
  }

  Result<PreparedDataset> prepare(FileSystem& fs, int threads = 2) {
    return prepare_dataset(fs, options_of(threads), {});
  }

  // Stops it once both sides have tokens, of which a point of the journal knows.
  void cut_off(FileSystem& fs) {
    PrepareOptions options = options_of();
    options.stop_requested = [&] {
      const Result<FileInfo> train = fs.stat("/out/train.bin.tmp");
      const Result<FileInfo> held_out = fs.stat("/out/validation.bin.tmp");
      return train.ok() && train->bytes > 0 && held_out.ok() && held_out->bytes > 0;
    };
    ASSERT_FALSE(prepare_dataset(fs, options, {}).ok());
    ASSERT_TRUE(exists(fs, "/out/prepare.journal"));
  }

  // What the directory holds: names and contents.
  std::string outputs(FileSystem& fs) {
    std::string all;
    for (const char* name : kOutputs) {
      const std::string path = join_path("/out", name);
      if (exists(fs, path)) all += fmt::format("{}\n{}\n", name, *read_file(fs, path));
    }
    return all;
  }

  const std::string tokenizer_ = tokenizer_json_of("the cat sat on the mat", 260);
};

TEST_P(PrepareResume, AfterAFailureOfAnyOperationTheSameBytes) {
  std::string expected;
  int64_t operations = 0;
  {
    TestFileSystem fs;
    make_corpus(fs);
    const int64_t before = fs.operations();
    ASSERT_TRUE(prepare(fs).ok());
    operations = fs.operations() - before;
    expected = outputs(fs);
    EXPECT_EQ((*fs.list("/out")).size(), std::string(GetParam()) == "chat" ? 8u : 6u);
  }
  int64_t resumed = 0;
  for (int64_t n = 0; n < operations; n += kEveryCase) {
    TestFileSystem fs;
    make_corpus(fs);
    fs.fail_operation(fs.operations() + n);
    if (prepare(fs).ok()) continue;  // of a file that may be missing
    const auto again = prepare(fs);
    ASSERT_TRUE(again.ok()) << n << ": " << again.message();
    ASSERT_EQ(outputs(fs), expected) << "after a failure of operation " << n;
    EXPECT_FALSE(exists(fs, "/out/prepare.journal"));
    EXPECT_FALSE(exists(fs, "/out/train.sizes.tmp"));
    resumed += again->resumed;
  }
  EXPECT_GT(resumed, operations / (4 * kEveryCase));
}

TEST_P(PrepareResume, AfterLossesOfPowerTheSameBytes) {
  std::mt19937 random(test_seed());
  TestFileSystem whole;
  make_corpus(whole);
  const int64_t before = whole.operations();
  ASSERT_TRUE(prepare(whole).ok());
  const int64_t operations = whole.operations() - before;
  const std::string expected = outputs(whole);
  for (int round = 0; round < 60; round += kEveryCase) {
    TestFileSystem fs;
    make_corpus(fs);
    // Several losses in a row, each with what is left as a disk may leave it.
    for (int loss = 0; loss < 3; ++loss) {
      fs.lose_power_at(fs.operations() + random() % operations);
      (void)prepare(fs);
      fs.restart_torn(random());
    }
    const auto again = prepare(fs);
    ASSERT_TRUE(again.ok()) << again.message();
    ASSERT_EQ(outputs(fs), expected) << round;
  }
}

TEST_P(PrepareResume, AnotherNumberOfThreadsMayGoOn) {
  TestFileSystem fs;
  make_corpus(fs);
  fs.fail_operation(fs.operations() + 60);
  ASSERT_FALSE(prepare(fs).ok());
  const auto again = prepare(fs, 5);
  ASSERT_TRUE(again.ok()) << again.message();
  EXPECT_TRUE(again->resumed);
  TestFileSystem whole;
  make_corpus(whole);
  ASSERT_TRUE(prepare(whole, 1).ok());
  EXPECT_EQ(outputs(fs), outputs(whole));
}

TEST_P(PrepareResume, OtherInputsStartAgain) {
  TestFileSystem fs;
  make_corpus(fs);
  fs.fail_operation(fs.operations() + 60);
  ASSERT_FALSE(prepare(fs).ok());
  ASSERT_TRUE(exists(fs, "/out/prepare.journal"));
  const std::string path = exists(fs, "/c/a.txt") ? "/c/a.txt" : "/c/a.jsonl";
  write_text(fs, path, "\n" + *read_file(fs, path));
  const auto again = prepare(fs);
  ASSERT_TRUE(again.ok()) << again.message();
  EXPECT_FALSE(again->resumed);
}

TEST_P(PrepareResume, AMistypedOptionLeavesWhatThereIsToGoOnWith) {
  TestFileSystem fs;
  make_corpus(fs);
  cut_off(fs);
  PrepareOptions options = options_of();
  options.validation = 1.5;
  const auto mistyped = prepare_dataset(fs, options, {});
  ASSERT_FALSE(mistyped.ok());
  EXPECT_NE(mistyped.message().find("validation fraction 1.5"), std::string::npos);
  const auto again = prepare(fs);
  ASSERT_TRUE(again.ok()) << again.message();
  EXPECT_TRUE(again->resumed);
}

// Tokens that no tokenizer gave are an error that ends it, and the next preparation begins anew.
TEST_P(PrepareResume, TemporaryFilesThatWereWrittenOverAreErrors) {
  for (const std::string name : {"train", "validation"}) {
    TestFileSystem fs;
    make_corpus(fs);
    cut_off(fs);
    const std::string path = "/out/" + name + ".bin.tmp";
    const uint64_t bytes = fs.stat(path)->bytes;
    write_text(fs, path, std::string(bytes, '\xFF'));
    const auto damaged = prepare(fs);
    ASSERT_FALSE(damaged.ok());
    EXPECT_EQ(damaged.message(), path +
                                     ": token 65535 at index 0 (byte offset 0): the vocabulary "
                                     "has ids 0 to 259");
    const auto again = prepare(fs);
    ASSERT_TRUE(again.ok()) << again.message();
    EXPECT_FALSE(again->resumed);
  }
}

TEST_P(PrepareResume, TemporaryFilesThatWereCutStartAgain) {
  for (const std::string name : {"train.bin.tmp", "train.sizes.tmp", "train.mask.tmp"}) {
    TestFileSystem fs;
    make_corpus(fs);
    cut_off(fs);
    const std::string path = "/out/" + name;
    if (!exists(fs, path)) continue;  // only chats have a mask
    ASSERT_TRUE(fs.truncate(path, 3).ok());
    const auto again = prepare(fs);
    ASSERT_TRUE(again.ok()) << again.message();
    EXPECT_FALSE(again->resumed);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, PrepareResume, testing::Values("text", "jsonl", "chat"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tutti
