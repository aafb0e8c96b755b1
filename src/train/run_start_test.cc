#include "train/run_start.h"

#include "train/test_run.h"

namespace tutti {
namespace {

TEST(RunStart, ABrokenCheckpointIsPassedOverForAnOlderOneButNeverForNone) {
  const auto fs = test_disk();
  Recorder recorder;
  ASSERT_TRUE(
      train_run(*fs, test_config({"checkpoint.every=6", "checkpoint.keep=0"}), recorder).ok());
  fs->flip_bit("/run/step-000012/rank-00000.safetensors", 5000, 3);
  auto start = find_start(*fs, "/run", true);
  ASSERT_TRUE(start.ok()) << start.message();
  ASSERT_TRUE(start->has_value());
  EXPECT_EQ((*start)->manifest().step, 6);
  fs->flip_bit("/run/step-000006/rank-00000.safetensors", 5000, 3);
  start = find_start(*fs, "/run", true);
  ASSERT_FALSE(start.ok());
  EXPECT_TRUE(exists(*fs, "/run/log.jsonl"));
}

TEST(RunStart, ARunThatDiedBeforeItsFirstCheckpointStartsAgain) {
  const auto fs = test_disk();
  {
    const auto lock = begin_run(*fs, "/run");
    ASSERT_TRUE(lock.ok()) << lock.message();
    ASSERT_TRUE(write_run_files(*fs, test_config(), "", nullptr).ok());
  }
  const auto start = find_start(*fs, "/run", true);
  ASSERT_TRUE(start.ok()) << start.message();
  EXPECT_FALSE(start->has_value());
  EXPECT_FALSE(find_start(*fs, "/run", false).ok());
}

TEST(RunStart, ARunsTokenizerHasTheNameOfItsKind) {
  const auto fs = test_disk();
  ASSERT_TRUE(fs->create_directories("/run").ok());
  for (const auto& [content, name] :
       {std::pair("{}", "/run/tokenizer.json"), std::pair("\n\x05<unk>", "/run/tokenizer.model")}) {
    ASSERT_TRUE(write_file_atomic(*fs, "/data/tokenizer.json", content).ok());
    ASSERT_TRUE(write_run_files(*fs, test_config(), "/data/tokenizer.json", nullptr).ok());
    EXPECT_EQ(read_file(*fs, name).value(), content);
    EXPECT_FALSE(name != std::string("/run/tokenizer.json") && exists(*fs, "/run/tokenizer.json"));
    ASSERT_TRUE(fs->remove(name).ok());
  }
}

TEST(RunStart, AFileInTheDirectorysPlaceIsAnErrorThatNamesIt) {
  const auto fs = test_disk();
  ASSERT_TRUE(write_file_atomic(*fs, "/run", "not a directory").ok());
  const auto start = find_start(*fs, "/run", false);
  ASSERT_FALSE(start.ok());
  EXPECT_NE(start.message().find("/run"), std::string::npos);
}

TEST(RunStart, ARunThatIsGoingOnIsNotJoinedByASecondOne) {
  const auto fs = test_disk();
  const auto clock = make_system_clock();
  auto first = Trainer::create(*fs, *clock, test_config(), {});
  ASSERT_TRUE(first.ok()) << first.message();
  for (const bool resume : {false, true}) {
    const auto second = Trainer::create(*fs, *clock, test_config(), {.resume = resume});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::kResource);
    EXPECT_NE(second.message().find("run.dir: /run is in use: /run/lock is held by process "),
              std::string::npos)
        << second.message();
  }
  first->reset();
  EXPECT_TRUE(Trainer::create(*fs, *clock, test_config(), {.resume = true}).ok());
}

TEST(RunStart, ARunThatBeganMeanwhileIsFound) {
  const auto fs = test_disk();
  Recorder recorder;
  ASSERT_TRUE(train_run(*fs, test_config(), recorder).ok());
  const auto lock = begin_run(*fs, "/run");
  ASSERT_FALSE(lock.ok());
  EXPECT_NE(lock.message().find("holds a run already"), std::string::npos) << lock.message();
}

TEST(RunStart, ABrokenTokenizerIsRefusedBeforeAnythingIsWritten) {
  const auto fs = test_disk();
  ASSERT_TRUE(write_file_atomic(*fs, "/tokenizer.json", "{").ok());
  Recorder recorder;
  const auto named = train_run(*fs, test_config({"tokenizer.path=\"/tokenizer.json\""}), recorder);
  ASSERT_FALSE(named.ok());
  EXPECT_NE(named.message().find("tokenizer.path: /tokenizer.json"), std::string::npos)
      << named.message();
  EXPECT_FALSE(exists(*fs, "/run"));
  // One that merely lies beside the tokens is left out.
  ASSERT_TRUE(fs->rename("/tokenizer.json", "/data/tokenizer.json").ok());
  EXPECT_TRUE(train_run(*fs, test_config(), recorder).ok());
  EXPECT_FALSE(exists(*fs, "/run/tokenizer.json"));
}

}  // namespace
}  // namespace tutti
