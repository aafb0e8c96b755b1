// The files of a Hugging Face directory besides the weights: which are kept from import to export,
// and which links are followed. Pure functions of the file system.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"

namespace tutti {

// The folder of a run's directory in which they are kept.
inline constexpr const char* kHuggingFaceFolder = "hugging_face";
inline constexpr uint64_t kHuggingFaceFileBytesMax = 256 << 20;

// `path` is a file, or a link of the hub's cache: one to ../../blobs/NAME, a file. Any other link
// is refused, because it could lead anywhere. kNotFound when nothing is there.
Status check_hugging_face_file(FileSystem& fs, const std::string& path);
// What such a file holds, at most `bytes_max`.
Result<std::string> read_hugging_face_file(FileSystem& fs, const std::string& path,
                                           uint64_t bytes_max);

// Copies from directory `from` to directory `to`, which is made, those of the files that are there:
// config.json, generation_config.json and all of the tokenizer but tokenizer.json. Each is written
// whole or not at all. The names, sorted.
Result<std::vector<std::string>> keep_hugging_face_files(FileSystem& fs, const std::string& from,
                                                         const std::string& to);

// The names of those of the files that are in `directory`; none when it is not there.
std::vector<std::string> kept_hugging_face_files(FileSystem& fs, const std::string& directory);

}  // namespace tutti
