#include "checkpoint/hugging_face_files.h"

namespace tutti {
namespace {

constexpr const char* kKeptFiles[] = {"added_tokens.json",
                                      "chat_template.jinja",
                                      "chat_template.json",
                                      "config.json",
                                      "generation_config.json",
                                      "merges.txt",
                                      "special_tokens_map.json",
                                      "spiece.model",
                                      "tokenizer.model",
                                      "tokenizer_config.json",
                                      "vocab.json"};

constexpr std::string_view kBlobs = "../../blobs/";

}  // namespace

Status check_hugging_face_file(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(FileInfo info, fs.lstat(path));
  if (info.kind == FileKind::kLink) {
    TUTTI_ASSIGN(const std::string target, fs.read_link(path));
    const bool cached = target.starts_with(kBlobs) &&
                        is_plain_file_name(std::string_view(target).substr(kBlobs.size()));
    if (!cached) {
      return invalid("{}: a symbolic link to {} is not followed; put the file there", path, target);
    }
    TUTTI_ASSIGN(info, fs.lstat(join_path(parent_path(path), target)));
  }
  if (info.kind == FileKind::kFile) return {};
  return invalid("{}: not a file", path);
}

Result<std::string> read_hugging_face_file(FileSystem& fs, const std::string& path,
                                           uint64_t bytes_max) {
  TUTTI_TRY(check_hugging_face_file(fs, path));
  return read_file(fs, path, bytes_max);
}

std::vector<std::string> kept_hugging_face_files(FileSystem& fs, const std::string& directory) {
  std::vector<std::string> names;
  for (const char* name : kKeptFiles) {
    if (exists(fs, join_path(directory, name))) names.emplace_back(name);
  }
  return names;
}

Result<std::vector<std::string>> keep_hugging_face_files(FileSystem& fs, const std::string& from,
                                                         const std::string& to) {
  const std::vector<std::string> names = kept_hugging_face_files(fs, from);
  if (!names.empty()) TUTTI_TRY(fs.create_directories(to));
  for (const std::string& name : names) {
    const std::string path = join_path(from, name);
    TUTTI_ASSIGN(const std::string bytes,
                 read_hugging_face_file(fs, path, kHuggingFaceFileBytesMax));
    TUTTI_TRY(write_file_atomic(fs, join_path(to, name), bytes));
  }
  return names;
}

}  // namespace tutti
