#include "telemetry/report.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/format.h"
#include "base/median.h"
#include "telemetry/html_text.h"
#include "telemetry/run_charts.h"

namespace tutti {
namespace {

constexpr std::string_view kPageStyle = R"(
:root { --page: #f7f7f5; --card: #ffffff; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #111110; --card: #1b1b1a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 32px 0 8px; font-size: 18px; }
p { margin: 4px 0; color: var(--soft); overflow-wrap: anywhere; }
p.note { margin: 12px 0 0; padding: 8px 12px; border-left: 3px solid var(--mark);
  background: var(--card); color: var(--ink); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 12px;
  margin: 16px 0; }
dl div, figure, .scroll { background: var(--card); border: 1px solid var(--grid);
  border-radius: 8px; }
dl div { padding: 8px 12px; }
dt { color: var(--soft); font-size: 13px; }
dd { margin: 0; font-size: 19px; font-weight: 600; }
dd small { display: block; color: var(--soft); font-size: 13px; font-weight: 400; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 16px; }
figure { margin: 0; padding: 10px 8px 4px; }
.scroll { overflow-x: auto; }
table { width: 100%; min-width: 640px; border-collapse: collapse; font-size: 14px; }
th, td { padding: 4px 12px; border-top: 1px solid var(--grid); text-align: left;
  vertical-align: top; }
thead th { border-top: 0; color: var(--soft); font-weight: 400; }
th { font-weight: 400; }
td { font-variant-numeric: tabular-nums; }
td small { color: var(--soft); white-space: nowrap; }
table.config { min-width: 0; }
.config td { overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: 13px; }
.config th { white-space: nowrap; }
@media print {
  body { background: none; }
  main { max-width: none; padding: 0; }
  .charts { grid-template-columns: 1fr 1fr; gap: 8px; }
  figure, tr, dl div { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { min-width: 0; font-size: 11px; }
}
)";

std::string grouped(int64_t count) {
  std::string text = fmt::format("{}", count);
  const size_t first = text.front() == '-' ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

// "2026-03-01" and "12:30 UTC"; nothing for what is no time of this era.
struct DateAndTime {
  std::string date, time;
};

std::optional<DateAndTime> date_and_time(double wall_s) {
  constexpr double kYear10000 = 253402300800;
  if (!(wall_s >= 0 && wall_s < kYear10000)) return {};
  const auto seconds = static_cast<time_t>(wall_s);
  struct tm parts = {};
  if (::gmtime_r(&seconds, &parts) == nullptr) return {};
  return DateAndTime{
      fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday),
      fmt::format("{:02}:{:02} UTC", parts.tm_hour, parts.tm_min)};
}

double median_tokens_per_s(const std::vector<StepRecord>& records) {
  std::vector<double> values;
  for (const StepRecord& record : records) {
    if (std::isfinite(record.tokens_per_s)) values.push_back(record.tokens_per_s);
  }
  return values.empty() ? std::nan("") : median(std::move(values));
}

std::string fact(const std::string& name, const std::string& value, const std::string& more = "") {
  std::string html = fmt::format("<div><dt>{}</dt><dd>{}", name, html_escaped(value));
  if (!more.empty()) html += fmt::format("<small>{}</small>", html_escaped(more));
  return html + "</dd></div>\n";
}

std::string facts_html(const RunReport& report) {
  const std::vector<StepRecord>& records = report.log.records;
  if (records.empty()) return "<p>No step is logged yet.</p>\n";
  const StepRecord& last = records.back();
  std::string html = "<dl>\n";
  const std::string planned =
      report.steps_planned > 0 ? fmt::format("of {}", grouped(report.steps_planned)) : "";
  html += fact("Last step", grouped(last.step), planned);
  html += fact("Loss", fmt::format("{:.4f}", last.loss), "nats a token");
  if (const StepRecord* best = best_evaluation(records)) {
    html += fact("Best validation loss", fmt::format("{:.4f}", *best->val_loss),
                 fmt::format("at step {}", grouped(best->step)));
  }
  html += fact("Tokens seen", human_count(static_cast<double>(last.tokens)), grouped(last.tokens));
  html += fact("Time in steps", human_duration(training_seconds(report.log)));
  html += fact("Throughput", human_count(median_tokens_per_s(records)), "tokens/s, median");
  const auto skipped = std::count_if(records.begin(), records.end(),
                                     [](const StepRecord& record) { return record.skipped; });
  if (skipped > 0) html += fact("Skipped steps", grouped(skipped), "gradient not finite");
  const auto first_logged = date_and_time(records.front().wall_s.value_or(-1));
  const auto last_logged = date_and_time(last.wall_s.value_or(-1));
  if (first_logged) html += fact("First logged", first_logged->date, first_logged->time);
  if (last_logged) html += fact("Last logged", last_logged->date, last_logged->time);
  return html + "</dl>\n";
}

std::vector<std::string> all_notes(const RunReport& report) {
  std::vector<std::string> notes = report.notes;
  if (report.log.torn) {
    notes.push_back(
        "The last line of log.jsonl has no end and was left out: the run was killed as it wrote "
        "it, or is writing it now.");
  }
  if (report.log.unreadable > 0) {
    notes.push_back(fmt::format("Lines of log.jsonl that could not be read and were left out: {}.",
                                grouped(report.log.unreadable)));
  }
  if (report.log.replaced > 0) {
    notes.push_back(
        fmt::format("Lines of log.jsonl whose step a later line has again, as after a run was "
                    "resumed, and were left out: {}.",
                    grouped(report.log.replaced)));
  }
  return notes;
}

std::string value_cell(const std::optional<ValueAt>& value) {
  if (!value) return "<td></td>";
  return fmt::format("<td>{} <small>step {}</small></td>", html_escaped(value->text),
                     grouped(value->step));
}

std::string values_html(const StepLog& log) {
  if (log.records.empty()) return "";
  std::string html =
      "<h2>Values</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>quantity</th><th>last</th>"
      "<th>lowest</th><th>highest</th></tr></thead>\n<tbody>\n";
  for (const QuantitySummary& summary : summarise_quantities(log.records)) {
    html += fmt::format("<tr><th>{}</th>{}{}{}</tr>\n", html_escaped(summary.name),
                        value_cell(summary.last), value_cell(summary.lowest),
                        value_cell(summary.highest));
  }
  return html + "</tbody></table></div>\n";
}

std::string config_html(const std::vector<ReportRow>& rows) {
  if (rows.empty()) return "";
  std::string html = "<h2>Config</h2>\n<div class=\"scroll\"><table class=\"config\">\n<tbody>\n";
  for (const ReportRow& row : rows) {
    html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", html_escaped(row.name),
                        html_escaped(row.value));
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace

double training_seconds(const StepLog& log) {
  double seconds = 0;
  for (const StepRecord& record : log.records) {
    if (std::isfinite(record.step_time_s)) seconds += record.step_time_s;
  }
  return seconds;
}

std::string report_page(const RunReport& report) {
  const std::string title = html_escaped(report.title);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<title>{} - training report</title>\n<style>{}{}</style>\n</head>\n<body><main>\n"
      "<h1>{}</h1>\n",
      title, kLineChartStyle, kPageStyle, title);
  if (!report.model.empty()) html += fmt::format("<p>{}</p>\n", html_escaped(report.model));
  for (const std::string& note : all_notes(report)) {
    html += fmt::format("<p class=\"note\">{}</p>\n", html_escaped(note));
  }
  html += facts_html(report) + "<section class=\"charts\">\n";
  for (const LineChart& chart : run_charts(report.log.records)) {
    html += fmt::format("<figure>{}</figure>\n", line_chart_svg(chart));
  }
  html += "</section>\n" + values_html(report.log) + config_html(report.config);
  return html + fmt::format("<p>Made by tutti report from {}.</p>\n</main></body>\n</html>\n",
                            html_escaped(report.directory));
}

}  // namespace tutti
