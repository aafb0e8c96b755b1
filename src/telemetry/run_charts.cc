#include "telemetry/run_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/format.h"

namespace tutti {
namespace {

constexpr int kSmoothedPoints = 200;
constexpr int kWindowMin = 5;           // steps
constexpr size_t kStepsPerWindow = 30;  // a window is this part of the run

struct Quantity {
  const char* name;
  std::optional<double> (*of)(const StepRecord&);
  std::string (*text)(double);
};

std::string exact(double value) { return fmt::format("{}", value); }
std::string percent(double value) { return fmt::format("{:.2f}", 100 * value); }
std::string bytes(double value) {
  return fmt::format("{} ({:.0f} B)", human_bytes(static_cast<uint64_t>(std::max(value, 0.0))),
                     value);
}

using Record = const StepRecord&;
using Value = std::optional<double>;
constexpr Quantity kLoss = {"loss (nats a token)", [](Record r) -> Value { return r.loss; }, exact};
constexpr Quantity kValidation = {"validation loss (nats a token)",
                                  [](Record r) { return r.val_loss; }, exact};
constexpr Quantity kGradNorm = {"gradient norm, before clipping",
                                [](Record r) -> Value { return r.grad_norm; }, exact};
constexpr Quantity kLearningRate = {"learning rate", [](Record r) -> Value { return r.lr; }, exact};
constexpr Quantity kTokensPerS = {"throughput (tokens/s)",
                                  [](Record r) -> Value { return r.tokens_per_s; }, exact};
constexpr Quantity kStepTime = {"time of a step (s)",
                                [](Record r) -> Value { return r.step_time_s; }, exact};
constexpr Quantity kMfu = {"share of the peak FLOP/s (%)", [](Record r) { return r.mfu; }, percent};
constexpr Quantity kMemory = {"resident memory",
                              [](Record r) -> Value {
                                if (!r.memory_bytes) return {};
                                return static_cast<double>(*r.memory_bytes);
                              },
                              bytes};

constexpr auto kQuantities = std::to_array<const Quantity*>(
    {&kLoss, &kValidation, &kGradNorm, &kLearningRate, &kTokensPerS, &kStepTime, &kMfu, &kMemory});

bool any(std::span<const StepRecord> records, const Quantity& quantity) {
  return std::any_of(records.begin(), records.end(),
                     [&](Record record) { return quantity.of(record).has_value(); });
}

// `unit`: what one on the chart's axis is.
ChartLine line_of(std::span<const StepRecord> records, const Quantity& quantity, std::string name,
                  double unit = 1) {
  ChartLine line{.name = std::move(name)};
  for (Record record : records) {
    const Value value = quantity.of(record);
    if (!value) continue;
    line.points.push_back({static_cast<double>(record.step), *value / unit});
    line.last = fmt::format("{} at step {}", quantity.text(*value), record.step);
  }
  return line;
}

LineChart chart_of(std::span<const StepRecord> records, const Quantity& quantity, std::string title,
                   std::string y_label, AxisScale scale, double unit = 1) {
  LineChart chart{.title = std::move(title), .y_label = std::move(y_label), .scale = scale};
  chart.lines.push_back(line_of(records, quantity, chart.title, unit));
  return chart;
}

// Puts the smoothed line before the main one, which becomes faint, where there are steps enough.
void smooth(LineChart& chart) {
  ChartLine& steps = chart.lines.front();
  const int part = static_cast<int>(steps.points.size() / kStepsPerWindow);
  const int window = std::max(kWindowMin, part) | 1;  // as many on either side
  std::vector<ChartPoint> means = moving_mean(steps.points, window, kSmoothedPoints);
  if (means.empty()) return;
  steps.look = LineLook::kFaint;
  steps.name = "each step";
  const std::string last = fmt::format("{:.6g} at step {:.0f}", means.back().y, means.back().x);
  chart.lines.push_back(
      {.name = fmt::format("mean of {} steps", window), .points = std::move(means), .last = last});
}

void mark_steps_without_update(std::span<const StepRecord> records, LineChart& chart) {
  chart.marks_name = "not finite";
  for (Record record : records) {
    const bool finite = std::isfinite(record.loss) && std::isfinite(record.grad_norm);
    if (finite && !record.skipped) continue;
    chart.marks.push_back(
        {static_cast<double>(record.step),
         fmt::format("step {}{}: loss {}, gradient norm {}", record.step,
                     record.skipped ? ", skipped" : "", record.loss, record.grad_norm)});
  }
}

LineChart loss_chart(std::span<const StepRecord> records) {
  LineChart chart = chart_of(records, kLoss, "Loss", "nats a token", AxisScale::kLogWhenWide);
  chart.lines.front().name = "training";
  smooth(chart);
  if (any(records, kValidation)) {
    chart.lines.push_back(line_of(records, kValidation, "validation"));
    chart.lines.back().look = LineLook::kSecond;
  }
  mark_steps_without_update(records, chart);
  return chart;
}

LineChart grad_norm_chart(std::span<const StepRecord> records) {
  LineChart chart =
      chart_of(records, kGradNorm, "Gradient norm", "before clipping", AxisScale::kLogWhenWide);
  smooth(chart);
  mark_steps_without_update(records, chart);
  return chart;
}

LineChart memory_chart(std::span<const StepRecord> records) {
  struct Unit {
    double bytes;
    const char* name;
  };
  constexpr auto kUnits = std::to_array<Unit>({{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}});
  double most = 0;
  for (Record record : records) {
    most = std::max(most, static_cast<double>(record.memory_bytes.value_or(0)));
  }
  const Unit* unit = std::find_if(kUnits.begin(), kUnits.end() - 1,
                                  [&](const Unit& candidate) { return most >= candidate.bytes; });
  return chart_of(records, kMemory, "Resident memory", unit->name, AxisScale::kFromZero,
                  unit->bytes);
}

}  // namespace

std::vector<LineChart> run_charts(std::span<const StepRecord> records) {
  std::vector<LineChart> charts = {loss_chart(records), grad_norm_chart(records)};
  charts.push_back(
      chart_of(records, kLearningRate, "Learning rate", "learning rate", AxisScale::kFromZero));
  charts.push_back(chart_of(records, kTokensPerS, "Throughput", "tokens/s", AxisScale::kFromZero));
  smooth(charts.back());
  if (any(records, kMfu)) {
    charts.push_back(
        chart_of(records, kMfu, "Share of the peak FLOP/s (MFU)", "%", AxisScale::kFromZero, 0.01));
    smooth(charts.back());
  }
  if (any(records, kMemory)) charts.push_back(memory_chart(records));
  return charts;
}

std::vector<QuantitySummary> summarise_quantities(std::span<const StepRecord> records) {
  std::vector<QuantitySummary> summaries;
  for (const Quantity* quantity : kQuantities) {
    const StepRecord *last = nullptr, *lowest = nullptr, *highest = nullptr;
    for (Record record : records) {
      const Value value = quantity->of(record);
      if (!value) continue;
      last = &record;
      if (!std::isfinite(*value)) continue;
      if (lowest == nullptr || *value < *quantity->of(*lowest)) lowest = &record;
      if (highest == nullptr || *value > *quantity->of(*highest)) highest = &record;
    }
    if (last == nullptr) continue;
    const auto at = [&](Record record) {
      return ValueAt{quantity->text(*quantity->of(record)), record.step};
    };
    QuantitySummary summary{.name = quantity->name, .last = at(*last)};
    if (lowest != nullptr) summary.lowest = at(*lowest);
    if (highest != nullptr) summary.highest = at(*highest);
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

const StepRecord* best_evaluation(std::span<const StepRecord> records) {
  const StepRecord* best = nullptr;
  for (Record record : records) {
    if (!record.val_loss || !std::isfinite(*record.val_loss)) continue;
    if (best == nullptr || *record.val_loss < *best->val_loss) best = &record;
  }
  return best;
}

}  // namespace tutti
