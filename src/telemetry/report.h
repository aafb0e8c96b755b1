// A run as one HTML page to look at or to send: charts, last values, config. The page has
// everything in it (SVG and CSS inline; no script, nothing from a network), is light or dark as the
// reader's screen is, and is well-formed XML too. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "telemetry/step_log.h"

namespace tutti {

struct ReportRow {
  std::string name;
  std::string value;
};

// What a page is made of; its texts may hold anything and are escaped.
struct RunReport {
  std::string title;                    // the run's name
  std::string directory;                // where it lies
  std::string model = {};               // a line; may be empty
  int64_t steps_planned = 0;            // 0: not known
  std::vector<ReportRow> config = {};   // every key; may be empty
  std::vector<std::string> notes = {};  // what a reader should know of what could not be read
  StepLog log = {};
};

std::string report_page(const RunReport& report);

// Seconds of training in the records: what their steps took together.
double training_seconds(const StepLog& log);

}  // namespace tutti
