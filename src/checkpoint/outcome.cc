#include "checkpoint/outcome.h"

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

Status send_text(Communicator& ranks, const std::string& text, int to) {
  const auto bytes = static_cast<int64_t>(text.size());
  TUTTI_TRY(ranks.send(&bytes, 1, DType::kI64, to, "outcome.bytes"));
  return ranks.send(text.data(), bytes, DType::kU8, to, "outcome");
}

Result<std::string> receive_text(Communicator& ranks, int from) {
  int64_t bytes = 0;
  TUTTI_TRY(ranks.receive(&bytes, 1, DType::kI64, from, "outcome.bytes"));
  std::string text(static_cast<size_t>(bytes), '\0');
  TUTTI_TRY(ranks.receive(text.data(), bytes, DType::kU8, from, "outcome"));
  return text;
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
  std::string text = ranks.rank() == 0 ? print_outcome(own) : "";
  auto bytes = static_cast<int64_t>(text.size());
  TUTTI_TRY(ranks.broadcast(&bytes, 1, DType::kI64, 0, "outcome.bytes"));
  text.resize(static_cast<size_t>(bytes));
  TUTTI_TRY(ranks.broadcast(text.data(), bytes, DType::kU8, 0, "outcome"));
  return parse_outcome(text);
}

Result<std::vector<Json>> gather_outcomes(Communicator& ranks, const Outcome& own) {
  if (ranks.rank() != 0) {
    TUTTI_TRY(send_text(ranks, print_outcome(own), 0));
    return std::vector<Json>();
  }
  std::vector<Json> values;
  std::vector<std::pair<int, Error>> failures;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    Outcome outcome = own;
    if (rank > 0) {
      TUTTI_ASSIGN(const std::string text, receive_text(ranks, rank));
      outcome = parse_outcome(text);
    }
    if (outcome.ok())
      values.push_back(std::move(outcome).value());
    else
      failures.emplace_back(rank, outcome.error());
  }
  if (!failures.empty()) return first_failure(failures);
  return values;
}

}  // namespace tutti
