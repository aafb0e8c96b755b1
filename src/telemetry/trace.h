// Spans as Chrome's trace event format (JSON), which ui.perfetto.dev and chrome://tracing open.
// A rank is shown as a process, a lane as a thread.
#pragma once

#include <span>
#include <string>

#include "base/fs.h"
#include "telemetry/spans.h"

namespace tutti {

struct TraceRank {
  int rank = 0;
  const SpanRecorder* recorder = nullptr;  // not owned
};

std::string trace_json(std::span<const TraceRank> ranks);
Status write_trace(FileSystem& fs, const std::string& path, std::span<const TraceRank> ranks);

}  // namespace tutti
