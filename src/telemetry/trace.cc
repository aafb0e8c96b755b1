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

class TraceText {
 public:
  void event(const std::string& fields) {
    text_ += first_ ? "\n{" : ",\n{";
    text_ += fields;
    text_ += '}';
    first_ = false;
  }
  std::string finish() && { return std::move(text_) + "\n]}\n"; }

 private:
  std::string text_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  bool first_ = true;
};

void add_rank(const TraceRank& rank, TraceText& text) {
  const SpanRecorder& recorder = *rank.recorder;
  text.event(fmt::format(R"("ph":"M","name":"process_name","pid":{0},"args":{{"name":"rank {0}"}})",
                         rank.rank));
  const std::vector<std::string> lanes = json_strings(recorder.lanes());
  for (size_t i = 0; i < lanes.size(); ++i) {
    text.event(
        fmt::format(R"("ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":{}}})",
                    rank.rank, i, lanes[i]));
  }
  const std::vector<std::string> names = json_strings(recorder.names());
  for (const Span& span : recorder.spans()) {
    text.event(fmt::format(
        R"("ph":"X","name":{},"pid":{},"tid":{},"ts":{:.3f},"dur":{:.3f},"args":{{"step":{}}})",
        names.at(span.name.index), rank.rank, span.lane.index, span.begin_s * 1e6,
        (span.end_s - span.begin_s) * 1e6, span.step));
  }
}

}  // namespace

std::string trace_json(std::span<const TraceRank> ranks) {
  TraceText text;
  for (const TraceRank& rank : ranks) add_rank(rank, text);
  return std::move(text).finish();
}

Status write_trace(FileSystem& fs, const std::string& path, std::span<const TraceRank> ranks) {
  return write_file_atomic(fs, path, trace_json(ranks));
}

}  // namespace tutti
