// Plain text: one document a file, in pieces. A byte order mark at its start is dropped.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/document_stream.h"

namespace tutti {

Result<std::unique_ptr<DocumentReader>> make_text_reader(std::unique_ptr<ByteSource> source,
                                                         const CorpusFile& file,
                                                         const DocumentOptions& options);

// Where to cut `text`, of which more follows, into a piece of about `bytes`: see document_stream.h.
// Requires 4 < bytes < text.size(); returns an offset in (0, text.size()).
size_t find_piece_end(std::string_view text, size_t bytes);

// A whole source as one string; refused with kResource above `bytes_max`.
Result<std::string> read_all(ByteSource& source, const std::string& path, size_t bytes_max);

// An error that names `path` and the offset (from `base`) when `text` is not UTF-8.
Status check_utf8(std::string_view text, const std::string& path, uint64_t base);

// Without a byte order mark at the start.
std::string_view skip_byte_order_mark(std::string_view text);

}  // namespace tutti
