#include "data/validation_split.h"

#include <algorithm>

#include "base/rng.h"
#include "data/byte_source.h"
#include "data/code_points.h"

namespace tutti {
namespace {

constexpr uint64_t kCutWindow = 1 << 16;
constexpr uint64_t kReadBytes = 1 << 20;

// Uniform in [0, 1), a pure function of the text.
double unit_hash(const std::string& text) {
  return philox(rng_key(0, 0, stable_hash(text)), 0)[0] * 0x1.0p-32;
}

// The line, counted from 1, at byte `offset` of a file.
Result<uint64_t> line_at(FileSystem& fs, const CorpusFile& file, uint64_t offset) {
  TUTTI_ASSIGN(auto readable, fs.open(file.path));
  std::string buffer;
  uint64_t line = 1;
  for (uint64_t at = 0; at < offset; at += buffer.size()) {
    buffer.resize(std::min(kReadBytes, offset - at));
    TUTTI_TRY(readable->read_at(at, buffer));
    line += static_cast<uint64_t>(std::count(buffer.begin(), buffer.end(), '\n'));
  }
  return line;
}

// Where in a text file to cut: after the first line end behind `target`, if one is near.
Result<uint64_t> find_cut(FileSystem& fs, const CorpusFile& file, uint64_t target) {
  TUTTI_ASSIGN(auto readable, fs.open(file.path));
  const uint64_t size = readable->size();
  if (target >= size) return size;
  std::string window(std::min(kCutWindow, size - target), '\0');
  TUTTI_TRY(readable->read_at(target, window));
  const size_t newline = window.find('\n');
  if (newline != std::string::npos && target + newline + 1 < size) return target + newline + 1;
  size_t at = 0;
  while (at < window.size() && is_utf8_continuation(window[at])) ++at;
  return target + at;
}

Status cut_text_file(FileSystem& fs, double fraction, SplitPlan& plan) {
  CorpusFile file = plan.files.front();
  const auto target = static_cast<uint64_t>((1 - fraction) * static_cast<double>(file.bytes));
  TUTTI_ASSIGN(const uint64_t cut, find_cut(fs, file, std::max<uint64_t>(target, 1)));
  if (cut >= file.bytes) return Status();
  plan.files.front().end = cut;
  TUTTI_ASSIGN(file.begin_line, line_at(fs, file, cut));
  file.begin = cut;
  plan.files.push_back(file);
  plan.split.push_back(Split::kValidation);
  return Status();
}

void split_whole_files(double fraction, SplitPlan& plan) {
  std::vector<double> hashes;
  for (const CorpusFile& file : plan.files) hashes.push_back(unit_hash(file.relative));
  for (size_t i = 0; i < hashes.size(); ++i) {
    plan.split[i] = hashes[i] < fraction ? Split::kValidation : Split::kTrain;
  }
  const auto least = std::min_element(hashes.begin(), hashes.end()) - hashes.begin();
  const auto greatest = std::max_element(hashes.begin(), hashes.end()) - hashes.begin();
  plan.split[least] = Split::kValidation;
  if (greatest != least) {
    plan.split[greatest] = Split::kTrain;
  } else {
    plan.split.back() = Split::kTrain;  // all have one name
  }
}

}  // namespace

Status check_fraction(double fraction) {
  if (fraction >= 0 && fraction < 1) return Status();
  return invalid("validation fraction {}: expected at least 0 and less than 1", fraction);
}

Result<SplitPlan> plan_split(FileSystem& fs, const std::vector<CorpusFile>& files,
                             DocumentFormat format, double fraction) {
  TUTTI_TRY(check_fraction(fraction));
  SplitPlan plan{files, std::vector<Split>(files.size(), Split::kTrain), false};
  if (fraction == 0 || files.empty()) return plan;
  if (files.size() > 1) {
    split_whole_files(fraction, plan);
    return plan;
  }
  const std::string& path = files.front().path;
  switch (format_of_file(path, format)) {
    case DocumentFormat::kJsonLines:
    case DocumentFormat::kChat:
      plan.by_document = true;
      break;
    case DocumentFormat::kText:
      if (!is_compressed(path)) TUTTI_TRY(cut_text_file(fs, fraction, plan));
      break;
    default:
      break;
  }
  return plan;
}

Split split_of_document(const std::string& relative, uint64_t line, double fraction) {
  return unit_hash(fmt::format("{}:{}", relative, line)) < fraction ? Split::kValidation
                                                                    : Split::kTrain;
}

}  // namespace tutti
