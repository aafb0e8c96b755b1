// JSON lines: a document a line. The lines are given as they are; blank ones are left out.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/document_stream.h"

namespace tutti {

// `source` begins at `start`.
Result<std::unique_ptr<DocumentReader>> make_json_lines_reader(std::unique_ptr<ByteSource> source,
                                                               const std::string& path,
                                                               const DocumentOptions& options,
                                                               ReaderPosition start);

}  // namespace tutti
