#include "checkpoint/outcome.h"

#include "comm/texts.h"

namespace tutti {
namespace {

constexpr const char* kWhat = "a message between ranks";

std::string print_outcome(const Outcome& outcome) {
  if (outcome.ok()) return Json{{"value", outcome.value()}}.dump();
  const Json error = {{"kind", static_cast<int>(outcome.error().kind)},
                      {"message", outcome.message()}};
  return Json{{"error", error}}.dump();
}

Outcome parse_outcome(const std::string& text) {
  TUTTI_ASSIGN(const Json object, parse_json(text, kWhat));
  if (const Json* value = object.find("value")) return *value;
  const Json& fault = object["error"];
  return Error{static_cast<ErrorKind>(fault["kind"].get<int32_t>()), fault["message"].text()};
}

// Of those that failed the first, which is the lowest.
Error first_failure(const std::vector<std::pair<int, Error>>& failures) {
  const auto& [rank, error] = failures.front();
  const size_t more = failures.size() - 1;
  const std::string others =
      more == 0 ? "" : fmt::format(" (and {} more rank{} failed)", more, more == 1 ? "" : "s");
  return {error.kind, fmt::format("rank {}: {}{}", rank, error.message, others)};
}

}  // namespace

Outcome share_outcome(Communicator& ranks, const Outcome& own) {
  TUTTI_ASSIGN(const std::string text,
               share_text(ranks, ranks.rank() == 0 ? print_outcome(own) : "", "outcome"));
  return parse_outcome(text);
}

Result<std::vector<Json>> gather_outcomes(Communicator& ranks, const Outcome& own) {
  TUTTI_ASSIGN(const std::vector<std::string> texts,
               gather_texts(ranks, print_outcome(own), "outcome"));
  std::vector<Json> values;
  std::vector<std::pair<int, Error>> failures;
  for (size_t rank = 0; rank < texts.size(); ++rank) {
    Outcome outcome = rank == 0 ? own : parse_outcome(texts[rank]);
    if (outcome.ok())
      values.push_back(std::move(outcome).value());
    else
      failures.emplace_back(static_cast<int>(rank), outcome.error());
  }
  if (!failures.empty()) return first_failure(failures);
  return values;
}

}  // namespace tutti
