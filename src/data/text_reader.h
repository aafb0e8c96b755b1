// Plain text: one document a file, in pieces.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/document_stream.h"

namespace tutti {

// `source` begins at `start`, the document at byte `document_begin` of the file.
Result<std::unique_ptr<DocumentReader>> make_text_reader(std::unique_ptr<ByteSource> source,
                                                         const DocumentOptions& options,
                                                         ReaderPosition start,
                                                         uint64_t document_begin);

// A whole source as one string; refused above `bytes_max`.
Result<std::string> read_all(ByteSource& source, const std::string& path, size_t bytes_max);

// An error that names `path` and the offset (from `base`) when `text` is not UTF-8.
Status check_utf8(std::string_view text, const std::string& path, uint64_t base);

// Without a byte order mark at the start.
std::string_view skip_byte_order_mark(std::string_view text);

}  // namespace tutti
