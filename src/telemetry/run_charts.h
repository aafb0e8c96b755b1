// What the records of a run's steps say, by quantity: as charts and as last, lowest and highest
// values. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "telemetry/line_chart.h"
#include "telemetry/step_record.h"

namespace tutti {

// Loss, gradient norm, learning rate and throughput; the share of the peak and memory where the
// records have them.
std::vector<LineChart> run_charts(std::span<const StepRecord> records);

struct ValueAt {
  std::string text;  // exact
  int64_t step = 0;
};

struct QuantitySummary {
  std::string name;  // with its unit
  ValueAt last;
  std::optional<ValueAt> lowest = {}, highest = {};  // of the finite values
};

// Of each quantity that the records have.
std::vector<QuantitySummary> summarise_quantities(std::span<const StepRecord> records);

// The record with the lowest finite validation loss; null when there is none.
const StepRecord* best_evaluation(std::span<const StepRecord> records);

}  // namespace tutti
