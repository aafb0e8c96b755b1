// DIRECTORY/prepare.journal: how far a preparation came, so that one that was killed goes on there.
//
// A text of lines, each a CRC32C (8 hex digits) of what follows it, a space, and a JSON object. The
// first names the version and the fingerprint of what is prepared; each further one is a
// PreparePoint, appended and synced after the outputs were synced up to it. A line that is cut off
// or damaged ends the journal: the point before it counts.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/status.h"
#include "data/dataset_metadata.h"
#include "data/document_stream.h"
#include "data/growing_file.h"
#include "data/indexed_dataset.h"

namespace tutti {

inline constexpr const char* kJournalFile = "prepare.journal";

struct SplitPoint {
  IndexedProgress written;
  int64_t text_bytes = 0;
  int64_t files = 0;       // that it has documents of
  int64_t last_file = -1;  // the last of them
  friend bool operator==(const SplitPoint&, const SplitPoint&) = default;
};

// Everything that a preparation must remember.
struct PreparePoint {
  StreamPosition read;             // up to here the input is in the outputs
  int64_t first_without_text = 0;  // of the files
  bool encoded = false;            // all of it; only the index and the names are missing
  SplitPoint train, validation;
  friend bool operator==(const PreparePoint&, const PreparePoint&) = default;
};

struct JournalContent {
  PreparePoint point;  // the last one; a new one when there is none
  uint64_t bytes = 0;  // up to its end
};

// kInvalidArgument when it is of another fingerprint, kCorrupt when its first line is damaged.
// `name` is what errors call it.
Result<JournalContent> parse_journal(std::string_view text, const std::string& fingerprint,
                                     const std::string& name);

class PrepareJournal {
 public:
  // Begins a new journal, or goes on with the first `bytes` of the one in `directory`.
  static Result<std::unique_ptr<PrepareJournal>> open(FileSystem& fs, const std::string& directory,
                                                      const std::string& fingerprint,
                                                      uint64_t bytes);
  // The point is on the disk when it returns.
  Status commit(const PreparePoint& point);

 private:
  explicit PrepareJournal(std::unique_ptr<GrowingFile> file) : file_(std::move(file)) {}
  std::unique_ptr<GrowingFile> file_;
};

}  // namespace tutti
