// Times encoding and training for bench/tokenizers_bench, which says on standard input when.
//
//   tokenizer_bench DOCUMENTS      DOCUMENTS: a file of JSON, an array of texts
//
// Commands, one a line, each answered by one line of JSON:
//   load NAME PATH                 reads a tokenizer
//   encode NAME THREADS            encodes all documents: seconds, tokens, a hash of the ids
//   train VOCAB THREADS PATH       learns a byte-level BPE from all documents, writes PATH: seconds
#include <chrono>
#include <iostream>
#include <map>
#include <sstream>

#include "base/fs.h"
#include "base/json.h"
#include "data/tokenizer.h"
#include "data/tokenizer_json.h"
#include "data/word_counts.h"

namespace tutti {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kDocumentsBytesMax = uint64_t{4} << 30;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Bench {
 public:
  Bench(FileSystem& fs, std::vector<std::string> documents)
      : fs_(fs), documents_(std::move(documents)) {}

  Result<Json> run(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "load") return load(words);
    if (command == "encode") return encode(words);
    if (command == "train") return train(words);
    return invalid("'{}' is no command", line);
  }

 private:
  Result<Json> load(std::istringstream& words) {
    std::string name, path;
    words >> name >> path;
    TUTTI_ASSIGN(Tokenizer tokenizer, Tokenizer::load(fs_, path));
    tokenizers_.erase(name);
    tokenizers_.emplace(name, std::move(tokenizer));
    return Json{{"loaded", path}};
  }

  Result<Json> encode(std::istringstream& words) {
    std::string name;
    int threads = 1;
    words >> name >> threads;
    const auto found = tokenizers_.find(name);
    if (found == tokenizers_.end()) return invalid("no tokenizer '{}' is loaded", name);
    const auto start = Clock::now();
    TUTTI_ASSIGN(const auto ids, found->second.encode_parallel(documents_, threads));
    const double seconds = seconds_since(start);
    int64_t tokens = 0;
    uint64_t hash = 0;
    for (const auto& one : ids) {
      for (const int32_t id : one) hash = hash * 1'000'003 + static_cast<uint64_t>(id) + 1;
      tokens += std::ssize(one);
    }
    return Json{{"seconds", seconds}, {"tokens", tokens}, {"hash", hash}};
  }

  Result<Json> train(std::istringstream& words) {
    BpeTrainerOptions options;
    int threads = 1;
    std::string path;
    words >> options.vocab_size >> threads >> path;
    const auto start = Clock::now();
    const PreTokenizer pre_tokenizer = make_gpt2_pre_tokenizer();
    WordCounter counter(pre_tokenizer, threads);
    const std::vector<std::string_view> texts(documents_.begin(), documents_.end());
    TUTTI_TRY(counter.add(texts));
    TUTTI_ASSIGN(const TrainedBpe trained, train_bpe(counter.take(), options));
    const double seconds = seconds_since(start);
    TUTTI_ASSIGN(const std::string json, write_tokenizer_json(trained));
    TUTTI_TRY(write_file_atomic(fs_, path, json));
    return Json{{"seconds", seconds}, {"tokens", trained.tokens.size()}};
  }

  FileSystem& fs_;
  std::vector<std::string> documents_;
  std::map<std::string, Tokenizer> tokenizers_;
};

Status run(const std::string& path) {
  const auto fs = make_posix_file_system();
  TUTTI_ASSIGN(const std::string content, read_file(*fs, path, kDocumentsBytesMax));
  TUTTI_ASSIGN(const Json parsed, parse_json(content, path));
  if (!parsed.is_array()) return corrupt("{}: expected an array of texts", path);
  std::vector<std::string> documents;
  for (const Json& text : parsed) {
    if (!text.is_string()) return corrupt("{}: expected texts, got {}", path, text.type_name());
    documents.push_back(text.get<std::string>());
  }
  Bench bench(*fs, std::move(documents));
  for (std::string line; std::getline(std::cin, line);) {
    TUTTI_ASSIGN(const Json answer, bench.run(line));
    std::cout << answer.dump() << std::endl;
  }
  return Status();
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokenizer_bench DOCUMENTS\n";
    return 2;
  }
  const tutti::Status status = tutti::run(argv[1]);
  if (status.ok()) return 0;
  std::cerr << "tokenizer_bench: error: " << status.message() << "\n";
  return 1;
}
