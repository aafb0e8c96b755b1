#include "data/corpus_files.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_set>

#include "data/byte_source.h"
#include "data/glob.h"

namespace tutti {
namespace {

constexpr int kDepthMax = 64;  // a directory that links to its parent must end somewhere

struct FormatName {
  DocumentFormat format;
  std::string_view name;
};
constexpr auto kFormatNames = std::to_array<FormatName>({{DocumentFormat::kAuto, "auto"},
                                                         {DocumentFormat::kText, "text"},
                                                         {DocumentFormat::kPod, "pod"},
                                                         {DocumentFormat::kJsonLines, "jsonl"},
                                                         {DocumentFormat::kChat, "chat"}});

struct Extension {
  std::string_view suffix;
  DocumentFormat format;
};
constexpr auto kExtensions = std::to_array<Extension>({{".txt", DocumentFormat::kText},
                                                       {".text", DocumentFormat::kText},
                                                       {".md", DocumentFormat::kText},
                                                       {".rst", DocumentFormat::kText},
                                                       {".pod", DocumentFormat::kPod},
                                                       {".jsonl", DocumentFormat::kJsonLines},
                                                       {".ndjson", DocumentFormat::kJsonLines}});

const Extension* extension_of(std::string_view path) {
  if (path.ends_with(".zst")) path.remove_suffix(4);
  const auto found = std::find_if(kExtensions.begin(), kExtensions.end(),
                                  [&](const Extension& e) { return path.ends_with(e.suffix); });
  return found == kExtensions.end() ? nullptr : &*found;
}

// A directory may hold anything; only files of the format asked for are taken from it. Read as
// text, POD is a text like any other; chat examples are in JSON lines.
bool wanted(std::string_view path, DocumentFormat format) {
  const Extension* extension = extension_of(path);
  if (extension == nullptr) return false;
  if (format == DocumentFormat::kChat) format = DocumentFormat::kJsonLines;
  if (format == DocumentFormat::kAuto || format == extension->format) return true;
  return format == DocumentFormat::kText && extension->format == DocumentFormat::kPod;
}

// Links to files are followed, links to directories are not: what they lead to may be listed twice.
bool links_to_file(FileSystem& fs, const std::string& path) {
  const Result<FileInfo> info = fs.stat(path);
  return info.ok() && info->kind == FileKind::kFile;
}

using Visit = std::function<Status(const std::string& path, const std::string& relative)>;
using Enter = std::function<bool(const std::string& path, const std::string& relative)>;

Status walk(FileSystem& fs, const std::string& directory, const std::string& relative, int depth,
            const Enter& enter, const Visit& visit) {
  if (depth > kDepthMax) return invalid("{}: nested deeper than {}", directory, kDepthMax);
  TUTTI_ASSIGN(const auto entries, fs.list(directory));
  for (const DirectoryEntry& entry : entries) {
    const std::string path = join_path(directory, entry.name);
    const std::string name = relative.empty() ? entry.name : relative + "/" + entry.name;
    if (entry.kind == FileKind::kDirectory) {
      if (enter(path, name)) TUTTI_TRY(walk(fs, path, name, depth + 1, enter, visit));
    } else if (entry.kind == FileKind::kFile || links_to_file(fs, path)) {
      TUTTI_TRY(visit(path, name));
    }
  }
  return Status();
}

class Finder {
 public:
  Finder(FileSystem& fs, DocumentFormat format) : fs_(fs), format_(format) {}

  Status add_input(const std::string& input);
  CorpusFiles take() { return std::move(found_); }

 private:
  Status add_found(const std::string& path, const std::string& relative);
  Status add_directory(const std::string& input);
  Status add_glob(const std::string& input);

  FileSystem& fs_;
  DocumentFormat format_;
  CorpusFiles found_;
  std::unordered_set<std::string> seen_;
};

Status Finder::add_input(const std::string& input) {
  if (input.empty()) return invalid("an input is an empty string");
  const Result<FileInfo> info = fs_.stat(input);
  if (!info.ok()) {
    return is_glob(input) && info.error().kind == ErrorKind::kNotFound ? add_glob(input)
                                                                       : info.status();
  }
  if (info->kind == FileKind::kDirectory) return add_directory(input);
  if (info->kind != FileKind::kFile) return invalid("{}: neither a file nor a directory", input);
  if (info->bytes == 0) return corrupt("{}: the file is empty (0 bytes)", input);
  return add_found(input, base_name(input));
}

Status Finder::add_found(const std::string& path, const std::string& relative) {
  if (!seen_.insert(path).second) return Status();
  TUTTI_ASSIGN(const FileInfo info, fs_.stat(path));
  if (info.bytes == 0) {
    found_.empty.push_back(path);
    return Status();
  }
  found_.bytes += info.bytes;
  found_.files.push_back({path, relative, info.bytes});
  return Status();
}

Status Finder::add_directory(const std::string& input) {
  const size_t before = found_.files.size();
  const Enter enter = [](const std::string&, const std::string&) { return true; };
  TUTTI_TRY(
      walk(fs_, input, "", 0, enter, [&](const std::string& path, const std::string& relative) {
        return wanted(path, format_) ? add_found(path, relative) : Status();
      }));
  if (found_.files.size() > before) return Status();
  return not_found("{}: no file of format '{}' that is not empty in this directory", input,
                   document_format_name(format_));
}

Status Finder::add_glob(const std::string& input) {
  const size_t before = found_.files.size();
  const std::string root(glob_root(input));
  const bool implied = root == "." && !input.starts_with("./");
  const Enter enter = [&](const std::string& path, const std::string& relative) {
    return glob_may_match_below(input, implied ? relative : path);
  };
  TUTTI_TRY(
      walk(fs_, root, "", 0, enter, [&](const std::string& path, const std::string& relative) {
        return glob_matches(input, implied ? relative : path) ? add_found(path, relative)
                                                              : Status();
      }));
  if (found_.files.size() > before) return Status();
  return not_found("{}: matches no file that is not empty", input);
}

}  // namespace

Result<DocumentFormat> parse_document_format(std::string_view name) {
  for (const FormatName& entry : kFormatNames) {
    if (entry.name == name) return entry.format;
  }
  return invalid("document format '{}': expected auto, text, pod, jsonl or chat", name);
}

std::string_view document_format_name(DocumentFormat format) {
  for (const FormatName& entry : kFormatNames) {
    if (entry.format == format) return entry.name;
  }
  TUTTI_CHECK(false, "format {}", static_cast<int>(format));
  return "";
}

DocumentFormat format_of_file(const std::string& path, DocumentFormat format) {
  if (format != DocumentFormat::kAuto) return format;
  const Extension* extension = extension_of(path);
  return extension == nullptr ? DocumentFormat::kText : extension->format;
}

Result<CorpusFiles> find_corpus_files(FileSystem& fs, const std::vector<std::string>& inputs,
                                      DocumentFormat format) {
  if (inputs.empty()) return invalid("no input is given");
  Finder finder(fs, format);
  for (const std::string& input : inputs) TUTTI_TRY(finder.add_input(input));
  return finder.take();
}

}  // namespace tutti
