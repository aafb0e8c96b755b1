// JSON lines: one document a line, a string field of an object. Blank lines are skipped.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/document_stream.h"

namespace tutti {

Result<std::unique_ptr<DocumentReader>> make_json_lines_reader(std::unique_ptr<ByteSource> source,
                                                               const std::string& path,
                                                               const DocumentOptions& options);

}  // namespace tutti
