#include "telemetry/trace.h"

#include <fmt/format.h>

#include "base/json.h"

namespace tutti {
namespace {

// A quoted JSON string. Bytes that are not UTF-8 are replaced: a trace is for looking at.
std::string json_string(std::string_view text) { return Json(text).dump(); }

std::vector<std::string> json_strings(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  for (const std::string& text : texts) all.push_back(json_string(text));
  return all;
}

void add_event(std::string& text, const std::string& fields) {
  text += text.empty() ? "\n{" : ",\n{";
  text += fields;
  text += '}';
}

}  // namespace

std::string trace_events(int rank, const SpanRecorder& recorder) {
  std::string text;
  add_event(text, fmt::format(
                      R"("ph":"M","name":"process_name","pid":{0},"args":{{"name":"rank {0}"}})",
                      rank));
  const std::vector<std::string> lanes = json_strings(recorder.lanes());
  for (size_t i = 0; i < lanes.size(); ++i) {
    add_event(text,
              fmt::format(R"("ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":{}}})",
                          rank, i, lanes[i]));
  }
  const std::vector<std::string> names = json_strings(recorder.names());
  for (const Span& span : recorder.spans()) {
    add_event(text,
              fmt::format(
                  R"("ph":"X","name":{},"pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f},"args":{{"step":{}}})",
                  names.at(span.name.index), rank, span.lane.index, span.begin_s * 1e6,
                  (span.end_s - span.begin_s) * 1e6, span.step));
  }
  return text;
}

std::string trace_json(std::span<const std::string> events_of_ranks) {
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  for (size_t i = 0; i < events_of_ranks.size(); ++i) {
    if (i > 0) text += ',';
    text += events_of_ranks[i];
  }
  return text + "\n]}\n";
}

}  // namespace tutti
