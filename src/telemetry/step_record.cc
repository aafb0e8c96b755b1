#include "telemetry/step_record.h"

#include <cmath>
#include <limits>

#include "base/json.h"

namespace tutti {
namespace {

struct NumberField {
  const char* key;
  double StepRecord::*member;
};

struct OptionalField {
  const char* key;
  std::optional<double> StepRecord::*member;
};

constexpr NumberField kNumbers[] = {
    {"loss", &StepRecord::loss},
    {"grad_norm", &StepRecord::grad_norm},
    {"lr", &StepRecord::lr},
    {"tokens_per_s", &StepRecord::tokens_per_s},
    {"step_time_s", &StepRecord::step_time_s},
};

constexpr OptionalField kOptionals[] = {
    {"mfu", &StepRecord::mfu},
    {"loss_z", &StepRecord::loss_z},
    {"val_loss", &StepRecord::val_loss},
    {"wall_s", &StepRecord::wall_s},
};

Json number_to_json(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

Result<double> number_from_json(const char* key, const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return corrupt("\"{}\" is {}, expected a number", key, value.type_name());
}

}  // namespace

std::string to_json_line(const StepRecord& record) {
  Json json;
  json["step"] = record.step;
  for (const NumberField& field : kNumbers) json[field.key] = number_to_json(record.*field.member);
  json["tokens"] = record.tokens;
  if (record.skipped) json["skipped"] = true;
  if (record.memory_bytes) json["memory_bytes"] = *record.memory_bytes;
  for (const OptionalField& field : kOptionals) {
    const std::optional<double>& value = record.*field.member;
    if (value) json[field.key] = number_to_json(*value);
  }
  return json.dump();
}

Result<StepRecord> parse_step_record(std::string_view line) {
  Json json;
  if (read_json(line, json) || !json.is_object())
    return corrupt("a step record that is not a JSON object");
  if (!json.contains("step") || !json["step"].is_integer()) {
    return corrupt("a step record without an integer \"step\"");
  }
  StepRecord record;
  record.step = json["step"].get<int64_t>();
  for (const NumberField& field : kNumbers) {
    if (!json.contains(field.key)) continue;
    TUTTI_ASSIGN(record.*field.member, number_from_json(field.key, json[field.key]));
  }
  for (const OptionalField& field : kOptionals) {
    if (!json.contains(field.key)) continue;
    TUTTI_ASSIGN(record.*field.member, number_from_json(field.key, json[field.key]));
  }
  if (json.contains("tokens") && json["tokens"].is_integer()) {
    record.tokens = json["tokens"].get<int64_t>();
  }
  if (json.contains("memory_bytes") && json["memory_bytes"].is_integer()) {
    record.memory_bytes = json["memory_bytes"].get<int64_t>();
  }
  record.skipped = json.contains("skipped") && json["skipped"] == true;
  return record;
}

}  // namespace tutti
