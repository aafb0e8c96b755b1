#include "comm/texts.h"

namespace tutti {
namespace {

std::string name_of_size(std::string_view name) { return fmt::format("{}.bytes", name); }

}  // namespace

Result<std::string> share_text(Communicator& ranks, std::string text, std::string_view name) {
  auto bytes = static_cast<int64_t>(text.size());
  TUTTI_TRY(ranks.broadcast(&bytes, 1, DType::kI64, 0, name_of_size(name)));
  text.resize(static_cast<size_t>(bytes));
  TUTTI_TRY(ranks.broadcast(text.data(), bytes, DType::kU8, 0, name));
  return text;
}

Result<std::vector<std::string>> gather_texts(Communicator& ranks, std::string text,
                                              std::string_view name) {
  std::vector<std::string> texts;
  if (ranks.rank() != 0) {
    const auto bytes = static_cast<int64_t>(text.size());
    TUTTI_TRY(ranks.send(&bytes, 1, DType::kI64, 0, name_of_size(name)));
    TUTTI_TRY(ranks.send(text.data(), bytes, DType::kU8, 0, name));
    return texts;
  }
  texts.push_back(std::move(text));
  for (int rank = 1; rank < ranks.size(); ++rank) {
    int64_t bytes = 0;
    TUTTI_TRY(ranks.receive(&bytes, 1, DType::kI64, rank, name_of_size(name)));
    texts.emplace_back(static_cast<size_t>(bytes), '\0');
    TUTTI_TRY(ranks.receive(texts.back().data(), bytes, DType::kU8, rank, name));
  }
  return texts;
}

}  // namespace tutti
