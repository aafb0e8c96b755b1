// Perl documentation: one document a file, its markup stripped when it is decoded.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/document_stream.h"

namespace tutti {

// `source` begins at `start`.
Result<std::unique_ptr<DocumentReader>> make_pod_reader(std::unique_ptr<ByteSource> source,
                                                        const std::string& path,
                                                        const DocumentOptions& options,
                                                        ReaderPosition start);

}  // namespace tutti
