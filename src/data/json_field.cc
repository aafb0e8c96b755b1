#include "data/json_field.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_error.h"

namespace tutti {
namespace {

using Json = nlohmann::json;

constexpr int kDepthMax = 512;

// Takes the parser's events; a method returns false to stop it.
class FieldFinder {
 public:
  explicit FieldFinder(const std::string& field) : field_(field) {}

  bool null() { return scalar("null"); }
  bool boolean(bool) { return scalar("boolean"); }
  bool number_integer(int64_t) { return scalar("number"); }
  bool number_unsigned(uint64_t) { return scalar("number"); }
  bool number_float(double, const std::string&) { return scalar("number"); }
  bool binary(std::vector<uint8_t>&) { return scalar("binary"); }
  bool string(std::string& value) {
    if (!scalar("string")) return false;
    if (here_) text = std::move(value);
    return true;
  }
  bool key(std::string& name) {
    here_ = depth_ == 1 && name == field_;
    return true;
  }
  bool start_object(size_t) { return enter("object"); }
  bool start_array(size_t) { return enter("array"); }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }
  bool parse_error(size_t position, const std::string&, const Json::exception& failure) {
    error_at = position > 0 ? position - 1 : 0;
    problem = fmt::format("not JSON: {}", json_error_reason(failure.what()));
    return false;
  }

  std::optional<std::string> text;
  std::string found_type = "no such field";
  std::string problem;  // not empty once the parser was stopped
  size_t error_at = 0;

 private:
  bool scalar(const char* type) {
    if (depth_ == 0) return stop_outside(type);
    note(type);
    return true;
  }

  bool enter(const char* type) {
    if (depth_ == 0 && std::string_view(type) != "object") return stop_outside(type);
    note(type);
    here_ = false;
    if (++depth_ <= kDepthMax) return true;
    problem = fmt::format("nested deeper than {}", kDepthMax);
    return false;
  }

  bool leave() {
    --depth_;
    here_ = false;
    return true;
  }

  // The value of the field, of whatever type, replaces one that came before.
  void note(const char* type) {
    if (!here_) return;
    text.reset();
    found_type = type;
  }

  bool stop_outside(const char* type) {
    problem = fmt::format("expected an object, got {}", type);
    return false;
  }

  const std::string& field_;
  int depth_ = 0;
  bool here_ = false;  // the next value is that of the field
};

}  // namespace

Result<std::string> read_json_field(std::string_view json, const std::string& field,
                                    const JsonPlace& place) {
  FieldFinder finder(field);
  const bool parsed = Json::sax_parse(json, &finder);
  if (!parsed) {
    return corrupt("{}:{}: {} (offset {})", place.path, place.line, finder.problem,
                   place.offset + finder.error_at);
  }
  if (!finder.text) {
    return corrupt("{}:{}: expected a string '{}' in the object at offset {}, got {}", place.path,
                   place.line, field, place.offset, finder.found_type);
  }
  return std::move(*finder.text);
}

}  // namespace tutti
