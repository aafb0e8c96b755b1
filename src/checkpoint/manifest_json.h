// Parts of a manifest as JSON, as its file and the messages between ranks hold them.
#pragma once

#include <string_view>

#include "base/json.h"
#include "checkpoint/manifest.h"

namespace tutti {

Json to_json(const ShardFile& file);
Json to_json(const LogicalTensor& tensor);

// kCorrupt, with `what`: a key that is missing, unknown or of another type.
Result<ShardFile> parse_shard_file(const Json& object, std::string_view what);
Result<LogicalTensor> parse_logical_tensor(const Json& object, std::string_view what);

}  // namespace tutti
