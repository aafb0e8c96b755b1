#include "data/prepare.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "base/test_file_system.h"
#include "data/indexed_dataset.h"
#include "data/test_corpus.h"
#include "data/validation_split.h"

namespace tutti {
namespace {

class Prepare : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs_.create_directories("/c").ok());
    write_text(fs_, "/tokenizer.json", tokenizer_json_of("the cat sat on the mat", 260));
    std::mt19937 random(5);
    for (int i = 0; i < 20; ++i) {
      texts_.push_back(random_text(random, 30));
      write_text(fs_, fmt::format("/c/{:02}.txt", i), texts_.back());
    }
    options_.inputs = {"/c"};
    options_.directory = "/out";
    options_.tokenizer = "/tokenizer.json";
    options_.validation = 0.2;
    options_.threads = 2;
  }

  PreparedDataset prepare() {
    auto prepared = prepare_dataset(fs_, options_, {});
    EXPECT_TRUE(prepared.ok()) << prepared.message();
    return prepared.ok() ? *prepared : PreparedDataset{};
  }

  std::string text_of(const char* prefix) {
    const auto dataset = IndexedDataset::open(fs_, join_path("/out", prefix), 260);
    EXPECT_TRUE(dataset.ok()) << dataset.message();
    std::vector<int32_t> ids(dataset->tokens().size());
    dataset->tokens().read(0, ids);
    return *Tokenizer::load(fs_, "/out/tokenizer.json")->decode(ids);
  }

  TestFileSystem fs_;
  PrepareOptions options_;
  std::vector<std::string> texts_;
};

TEST_F(Prepare, EveryDocumentIsOnOneSideAndEnded) {
  const DatasetMetadata metadata = prepare().metadata;
  EXPECT_EQ(metadata.train.documents + metadata.validation.documents, 20);
  EXPECT_GT(metadata.validation.documents, 0);
  const std::string train = text_of(kTrainPrefix), validation = text_of(kValidationPrefix);
  for (const std::string& text : texts_) {
    const std::string ended = text + "<|endoftext|>";
    EXPECT_NE(train.find(ended) != std::string::npos, validation.find(ended) != std::string::npos);
  }
}

TEST_F(Prepare, ThreadsDoNotChangeAByte) {
  prepare();
  const std::string bin = *read_file(fs_, "/out/train.bin"),
                    idx = *read_file(fs_, "/out/train.idx");
  options_.threads = 5;
  options_.directory = "/other";
  prepare();
  EXPECT_EQ(*read_file(fs_, "/other/train.bin"), bin);
  EXPECT_EQ(*read_file(fs_, "/other/train.idx"), idx);
}

TEST_F(Prepare, ASecondRunReusesAndAChangeDoesNot) {
  const PreparedDataset first = prepare();
  const PreparedDataset second = prepare();
  EXPECT_FALSE(first.reused);
  EXPECT_TRUE(second.reused);
  EXPECT_EQ(first.metadata, second.metadata);
  write_text(fs_, "/c/00.txt", std::string(texts_[0].size(), 'q'));  // as long as before
  EXPECT_FALSE(prepare().reused);
  options_.validation = 0.3;
  EXPECT_FALSE(prepare().reused);
  ASSERT_TRUE(fs_.remove("/out/train.idx").ok());
  EXPECT_FALSE(prepare().reused);
}

TEST_F(Prepare, EntropyIsThatOfTheTrainingTokens) {
  options_.inputs = {"/one.txt"};
  options_.validation = 0;
  write_text(fs_, "/one.txt", "xyz");
  // Four tokens, each once: x, y, z and the end of text.
  EXPECT_NEAR(prepare().metadata.unigram_entropy_nats, std::log(4.0), 1e-12);
}

TEST_F(Prepare, TextDoesNotForgeTheEndOfADocument) {
  options_.inputs = {"/one.txt"};
  options_.validation = 0;
  write_text(fs_, "/one.txt", "a<|endoftext|>b");
  prepare();
  const auto dataset = IndexedDataset::open(fs_, "/out/train", 260);
  std::vector<int32_t> ids(dataset->tokens().size());
  dataset->tokens().read(0, ids);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 0), 1);
}

TEST_F(Prepare, TextDoesNotForgeTheEndOfADocumentWhateverTheTokenizerSays) {
  Json json = parse_json(*read_file(fs_, "/tokenizer.json"), "text").value();
  json["added_tokens"][0]["special"] = false;
  write_text(fs_, "/tokenizer.json", json.dump());
  options_.inputs = {"/one.txt"};
  options_.validation = 0;
  write_text(fs_, "/one.txt", "hello<|endoftext|>world");
  EXPECT_EQ(prepare().metadata.train.documents, 1);
  const auto dataset = IndexedDataset::open(fs_, "/out/train", 260);
  std::vector<int32_t> ids(dataset->tokens().size());
  dataset->tokens().read(0, ids);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 0), 1);
}

TEST_F(Prepare, ASingleTextFileIsCutAtALine) {
  options_.inputs = {"/one.txt"};
  std::string text;
  for (int i = 0; i < 1000; ++i) text += fmt::format("line {}\n", i);
  write_text(fs_, "/one.txt", text);
  const DatasetMetadata metadata = prepare().metadata;
  EXPECT_NEAR(metadata.validation.text_bytes / double(text.size()), 0.2, 0.01);
  const std::string train = text_of(kTrainPrefix), validation = text_of(kValidationPrefix);
  EXPECT_TRUE(validation.starts_with("line "));
  EXPECT_EQ(train.substr(0, train.size() - 13) + validation.substr(0, validation.size() - 13),
            text);
}

TEST_F(Prepare, ASingleFileOfJsonLinesIsSplitByDocument) {
  options_.inputs = {"/one.jsonl"};
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += fmt::format("{{\"text\": \"document {}\"}}\n", i);
  write_text(fs_, "/one.jsonl", lines);
  const DatasetMetadata metadata = prepare().metadata;
  EXPECT_EQ(metadata.train.documents + metadata.validation.documents, 500);
  EXPECT_NEAR(metadata.validation.documents, 100, 40);
}

TEST_F(Prepare, ErrorsNameTheFileAndTheOffset) {
  write_text(fs_, "/c/07.txt", "abc\xFF");
  const auto prepared = prepare_dataset(fs_, options_, {});
  ASSERT_FALSE(prepared.ok());
  EXPECT_NE(prepared.message().find("/c/07.txt: not UTF-8: byte 0xff at offset 3"),
            std::string::npos)
      << prepared.message();
  EXPECT_FALSE(exists(fs_, "/out/train.bin.tmp"));
}

// Of the file, also in its end that is held out.
TEST_F(Prepare, ErrorsOfEncodingNameTheLine) {
  write_text(fs_, "/tokenizer.json",
             R"({"added_tokens": [{"id": 0, "content": "</s>", "special": true}],
    "model": {"type": "BPE", "vocab": {"</s>": 0, "a": 1, "\n": 2}, "merges": []}})");
  options_.inputs = {"/one.txt"};
  options_.validation = 0.5;
  for (const int bad : {3, 90}) {
    std::string text;
    for (int line = 1; line <= 100; ++line) text += line == bad ? "ax\n" : "aa\n";
    write_text(fs_, "/one.txt", text);
    const auto prepared = prepare_dataset(fs_, options_, {});
    ASSERT_FALSE(prepared.ok());
    EXPECT_TRUE(prepared.message().starts_with(fmt::format("/one.txt:{}: ", bad)))
        << prepared.message();
  }
}

TEST_F(Prepare, BytesThatAreNotUtf8CanBeReplaced) {
  write_text(fs_, "/c/07.txt",
             "abc\xFF"
             "def");
  options_.documents.invalid_utf8 = InvalidUtf8::kReplace;
  prepare();
  const std::string all = text_of(kTrainPrefix) + text_of(kValidationPrefix);
  EXPECT_NE(all.find("abc\uFFFDdef<|endoftext|>"), std::string::npos);
}

TEST_F(Prepare, TheFirstErrorOfTheCorpusIsTheOneReported) {
  write_text(fs_, "/c/07.txt", "abc\xFF");
  write_text(fs_, "/c/09.txt", "\xEF\xBB\xBF");
  write_text(fs_, "/c/11.txt", std::string(100, '\xFE'));
  options_.threads = 4;
  options_.batch_bytes = 1;
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(prepare_dataset(fs_, options_, {}).message().find("/c/07.txt: not UTF-8"),
              std::string::npos);
  }
  write_text(fs_, "/c/07.txt", "abc");
  EXPECT_NE(prepare_dataset(fs_, options_, {}).message().find("/c/09.txt: no text in this file"),
            std::string::npos);
}

TEST_F(Prepare, ALongDocumentOfALineHasTheTokensOfTheWhole) {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 300; ++i) text += random_text(random, 3) + "the end.\nThe cat sat ";
  std::string escaped;
  for (const char c : text) escaped += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  write_text(fs_, "/one.jsonl", "{\"text\": \"" + escaped + "\"}\n");
  options_.inputs = {"/one.jsonl"};
  options_.validation = 0;
  prepare();
  const std::string whole = *read_file(fs_, "/out/train.bin");
  options_.documents.piece_bytes = 100;
  options_.directory = "/other";
  prepare();
  EXPECT_EQ(*read_file(fs_, "/other/train.bin"), whole);
}

TEST_F(Prepare, ChatExamplesHaveAMaskAndALaterCorpusHasNone) {
  options_.inputs = {"/one.jsonl"};
  options_.validation = 0;
  options_.documents.format = DocumentFormat::kChat;
  write_text(fs_, "/one.jsonl", "{\"prompt\": \"ab\", \"completion\": \"c\"}\n");
  EXPECT_TRUE(prepare().metadata.loss_mask);
  EXPECT_EQ(*read_file(fs_, "/out/train.mask"),
            std::string("TUTTIMSK\1\0\0\0\0\0\0\0\0\0\1\1", 20));
  options_.documents.format = DocumentFormat::kText;
  EXPECT_FALSE(prepare().metadata.loss_mask);
  EXPECT_FALSE(exists(fs_, "/out/train.mask"));
}

TEST_F(Prepare, AnErrorOfTheInputsLeavesTheOldDataset) {
  prepare();
  const std::string before = *read_file(fs_, "/out/train.bin");
  write_text(fs_, "/c/19.txt", "abc\xFF");
  ASSERT_FALSE(prepare_dataset(fs_, options_, {}).ok());
  EXPECT_EQ(*read_file(fs_, "/out/train.bin"), before);
  EXPECT_TRUE(read_dataset_metadata(fs_, "/out").ok());
  EXPECT_FALSE(exists(fs_, "/out/prepare.journal"));
}

TEST_F(Prepare, ALineThatIsTooLongLeavesNothing) {
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += "{\"text\": \"short\"}\n";
  write_text(fs_, "/one.jsonl", lines + "{\"text\": \"" + std::string(5000, 'x') + "\"}\n");
  options_.inputs = {"/one.jsonl"};
  options_.documents.document_bytes_max = 4000;
  options_.commit_bytes = options_.batch_bytes = 1;
  const auto prepared = prepare_dataset(fs_, options_, {});
  ASSERT_FALSE(prepared.ok());
  EXPECT_NE(prepared.message().find("/one.jsonl:51: a line of more than 4000"), std::string::npos)
      << prepared.message();
  EXPECT_FALSE(exists(fs_, "/out/prepare.journal"));
  EXPECT_FALSE(exists(fs_, "/out/train.bin.tmp"));
}

// Whatever operation fails, dataset.json never describes files that are not those it says.
TEST_F(Prepare, AFailingDiskLeavesNothingThatLooksWhole) {
  options_.directory = "/whole";
  const int64_t before = fs_.operations();
  const PreparedDataset whole = prepare();
  const int64_t operations = fs_.operations() - before;
  EXPECT_GT(operations, 80);  // 20 inputs, each looked at, digested and read
  for (int64_t operation = 0; operation < operations; operation += kEveryCase) {
    options_.directory = fmt::format("/out{}", operation);
    fs_.fail_operation(fs_.operations() + operation);
    (void)prepare_dataset(fs_, options_, {});
    fs_.fail_operation(-1);
    const auto metadata = read_dataset_metadata(fs_, options_.directory);
    if (!metadata.ok()) continue;
    EXPECT_EQ(*metadata, whole.metadata);
    for (const char* file : {"train.bin", "train.idx", "validation.bin", "validation.idx"}) {
      EXPECT_EQ(*read_file(fs_, join_path(options_.directory, file)),
                *read_file(fs_, join_path("/whole", file)))
          << operation;
    }
  }
}

TEST_F(Prepare, ADiskThatIsFullForTokensLeavesTheOldOnes) {
  ASSERT_FALSE(prepare().reused);
  const std::string before = text_of(kTrainPrefix);
  options_.validation = 0.4;
  bool bin_full = false, idx_full = false;
  for (uint64_t capacity = 10000;; capacity += kSanitized ? 500 : 100) {
    fs_.set_capacity(capacity);
    const auto prepared = prepare_dataset(fs_, options_, {});
    if (prepared.ok()) break;
    const bool bin = prepared.message().find(".bin.tmp") != std::string::npos;
    const bool idx = prepared.message().find(".idx.tmp") != std::string::npos;
    if (!bin && !idx) continue;  // of the small files that follow
    bin_full |= bin;
    idx_full |= idx;
    ASSERT_EQ(prepared.error().kind, ErrorKind::kResource) << prepared.message();
    EXPECT_EQ(text_of(kTrainPrefix), before) << prepared.message();
    EXPECT_TRUE(read_dataset_metadata(fs_, "/out").ok()) << prepared.message();
  }
  EXPECT_TRUE(bin_full && idx_full);
}

TEST_F(Prepare, AskedToStopItLeavesWhatWasThere) {
  ASSERT_FALSE(prepare().reused);
  const std::string before = text_of(kTrainPrefix);
  options_.validation = 0.4;  // so that there is something to do
  // Whenever it is asked: while it reads, and between the batches that it encodes.
  for (int asked_at = 0, stopped = 0; asked_at < 40; ++asked_at) {
    int asked = 0;
    options_.stop_requested = [&] { return ++asked > asked_at; };
    const auto prepared = prepare_dataset(fs_, options_, {});
    if (prepared.ok()) {
      EXPECT_GT(stopped, 20);  // each of the files is a chance to stop
      EXPECT_NE(text_of(kTrainPrefix), before);
      return;
    }
    ++stopped;
    ASSERT_EQ(prepared.error().kind, ErrorKind::kInterrupted) << prepared.message();
    EXPECT_EQ(text_of(kTrainPrefix), before);
    const auto entries = fs_.list("/out");
    ASSERT_TRUE(entries.ok()) << entries.message();
    for (const DirectoryEntry& entry : *entries) {
      EXPECT_FALSE(entry.name.ends_with(".tmp")) << entry.name;
    }
  }
  FAIL() << "it never came to its end";
}

TEST_F(Prepare, OneAtATimeWritesToADirectory) {
  ASSERT_TRUE(fs_.create_directories("/out").ok());
  {
    const auto other = lock_directory(fs_, "/out");
    const auto prepared = prepare_dataset(fs_, options_, {});
    ASSERT_FALSE(prepared.ok());
    EXPECT_NE(prepared.message().find("/out is in use: /out/lock is held by process "),
              std::string::npos)
        << prepared.message();
  }
  EXPECT_FALSE(prepare().reused);
}

TEST(ValidationSplit, AFileKeepsItsSideWhenOthersCome) {
  TestFileSystem fs;
  std::vector<CorpusFile> files;
  for (int i = 0; i < 200; ++i) files.push_back({"", fmt::format("f{}.txt", i), 10});
  const auto many = plan_split(fs, files, DocumentFormat::kText, 0.25);
  files.resize(100);
  const auto few = plan_split(fs, files, DocumentFormat::kText, 0.25);
  ASSERT_TRUE(many.ok() && few.ok());
  EXPECT_TRUE(std::equal(few->split.begin(), few->split.end(), many->split.begin()));
  EXPECT_NEAR(std::count(many->split.begin(), many->split.end(), Split::kValidation), 50, 25);
}

TEST(ValidationSplit, BothSidesHaveAFile) {
  TestFileSystem fs;
  const std::vector<CorpusFile> files = {{"", "a.txt", 10}, {"", "b.txt", 10}, {"", "c.txt", 10}};
  for (const double fraction : {0.001, 0.999}) {
    const auto plan = plan_split(fs, files, DocumentFormat::kText, fraction);
    ASSERT_TRUE(plan.ok());
    const auto held = std::count(plan->split.begin(), plan->split.end(), Split::kValidation);
    EXPECT_GE(held, 1);
    EXPECT_LE(held, 2);
  }
  EXPECT_FALSE(plan_split(fs, files, DocumentFormat::kText, 1.0).ok());
}

TEST(DatasetMetadata, RoundTripsAndNamesWhatIsWrong) {
  DatasetMetadata metadata;
  metadata.fingerprint = "f";
  metadata.vocab_size = 8192;
  metadata.train = {1, 2, 3, 4};
  metadata.validation_fraction = 0.05;
  metadata.unigram_entropy_nats = 6.25;
  const std::string json = dataset_metadata_json(metadata);
  ASSERT_TRUE(parse_dataset_metadata(json, "x").ok());
  EXPECT_EQ(*parse_dataset_metadata(json, "x"), metadata);
  std::string bad = json;
  bad.replace(bad.find("\"tokens\": 3"), 11, "\"tokens\": -3");
  EXPECT_NE(parse_dataset_metadata(bad, "x").message().find("x: train.tokens"), std::string::npos);
  EXPECT_FALSE(parse_dataset_metadata("[]", "x").ok());
}

}  // namespace
}  // namespace tutti
