#include "data/prepare_journal.h"

#include "base/crc32c.h"
#include "base/json.h"

namespace tutti {
namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kChecksumDigits = 8;

std::string line_of(const Json& json) {
  const std::string text = json.dump();
  return fmt::format("{:08x} {}\n", crc32c(text.data(), text.size()), text);
}

// The object of the next line, which moves out of `text`; nothing when the line is not whole.
Json take_line(std::string_view& text) {
  const size_t newline = text.find('\n');
  if (newline == std::string_view::npos || newline <= kChecksumDigits) return nullptr;
  const std::string_view object = text.substr(kChecksumDigits + 1, newline - kChecksumDigits - 1);
  if (text.substr(0, kChecksumDigits + 1) !=
      fmt::format("{:08x} ", crc32c(object.data(), object.size()))) {
    return nullptr;
  }
  Json json;
  if (read_json(object, json) || !json.is_object()) return nullptr;
  text.remove_prefix(newline + 1);
  return json;
}

Json json_of(const SplitPoint& split) {
  return {{"tokens", split.written.tokens},
          {"documents", split.written.documents},
          {"document_tokens", split.written.document_tokens},
          {"text_bytes", split.text_bytes},
          {"files", split.files},
          {"last_file", split.last_file}};
}

Json json_of(const PreparePoint& point) {
  return {{"file", point.read.file},
          {"offset", point.read.in_file.offset},
          {"line", point.read.in_file.line},
          {"first_without_text", point.first_without_text},
          {"encoded", point.encoded},
          {"train", json_of(point.train)},
          {"validation", json_of(point.validation)}};
}

// False when the field is missing or not a count of at least `least`.
template <typename T>
bool read_count(const Json& json, const char* key, T& out, int64_t least = 0) {
  const Json* found = json.find(key);
  if (found == nullptr || !found->is_integer()) return false;
  const int64_t value = found->get<int64_t>();
  out = static_cast<T>(value);
  return value >= least;
}

bool read_split(const Json& json, const char* key, SplitPoint& split) {
  const Json* found = json.find(key);
  if (found == nullptr || !found->is_object()) return false;
  return read_count(*found, "tokens", split.written.tokens) &&
         read_count(*found, "documents", split.written.documents) &&
         read_count(*found, "document_tokens", split.written.document_tokens) &&
         read_count(*found, "text_bytes", split.text_bytes) &&
         read_count(*found, "files", split.files) &&
         read_count(*found, "last_file", split.last_file, -1);
}

bool read_point(const Json& json, PreparePoint& point) {
  const Json* encoded = json.find("encoded");
  if (encoded == nullptr || !encoded->is_boolean()) return false;
  point.encoded = encoded->get<bool>();
  return read_count(json, "file", point.read.file) &&
         read_count(json, "offset", point.read.in_file.offset) &&
         read_count(json, "line", point.read.in_file.line, 1) &&
         read_count(json, "first_without_text", point.first_without_text) &&
         read_split(json, "train", point.train) && read_split(json, "validation", point.validation);
}

}  // namespace

Result<JournalContent> parse_journal(std::string_view text, const std::string& fingerprint,
                                     const std::string& name) {
  std::string_view rest = text;
  const Json header = take_line(rest);
  int64_t version = 0;
  if (!header.is_object() || !read_count(header, "journal", version) ||
      !header.contains("fingerprint") || !header["fingerprint"].is_string()) {
    return corrupt("{}: the first line is damaged", name);
  }
  if (version != kVersion || header["fingerprint"].get<std::string>() != fingerprint) {
    return invalid("{}: of a preparation with other inputs, tokenizer or options", name);
  }
  JournalContent content;
  content.bytes = text.size() - rest.size();
  while (true) {
    PreparePoint point;
    const Json json = take_line(rest);
    if (!json.is_object() || !read_point(json, point)) return content;
    content.point = point;
    content.bytes = text.size() - rest.size();
  }
}

Result<std::unique_ptr<PrepareJournal>> PrepareJournal::open(FileSystem& fs,
                                                             const std::string& directory,
                                                             const std::string& fingerprint,
                                                             uint64_t bytes) {
  TUTTI_ASSIGN(auto file, GrowingFile::open(fs, join_path(directory, kJournalFile), bytes));
  if (bytes == 0) {
    TUTTI_TRY(file->append(line_of({{"journal", kVersion}, {"fingerprint", fingerprint}})));
    TUTTI_TRY(file->sync());
    TUTTI_TRY(fs.sync_directory(directory));
  }
  return std::unique_ptr<PrepareJournal>(new PrepareJournal(std::move(file)));
}

Status PrepareJournal::commit(const PreparePoint& point) {
  TUTTI_TRY(file_->append(line_of(json_of(point))));
  return file_->sync();
}

}  // namespace tutti
