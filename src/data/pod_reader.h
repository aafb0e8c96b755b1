// Perl documentation: a file becomes one document of plain text.
#pragma once

#include <memory>

#include "data/byte_source.h"
#include "data/document_stream.h"

namespace tutti {

Result<std::unique_ptr<DocumentReader>> make_pod_reader(std::unique_ptr<ByteSource> source,
                                                        const std::string& path,
                                                        const DocumentOptions& options);

}  // namespace tutti
