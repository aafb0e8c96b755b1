// Spans as Chrome's trace event format (JSON), which ui.perfetto.dev and chrome://tracing open.
// A rank is shown as a process, a lane as a thread.
#pragma once

#include <span>
#include <string>

#include "base/fs.h"
#include "telemetry/spans.h"

namespace tutti {

// The events of one rank, as ranks send them to the one that writes the trace.
std::string trace_events(int rank, const SpanRecorder& recorder);

// The file's content.
std::string trace_json(std::span<const std::string> events_of_ranks);

}  // namespace tutti
