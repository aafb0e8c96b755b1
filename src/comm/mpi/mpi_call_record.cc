#include "comm/mpi/mpi_call_record.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/digest.h"
#include "comm/call_check.h"

namespace tutti {
namespace {

std::string text_of(const MpiCallRecord& record) {
  return to_string(Call{.kind = record.kind,
                        .dtype = record.dtype,
                        .count = record.count,
                        .reduce = record.reduce,
                        .root = record.root,
                        .name = std::string(record.name.data(), record.name_length)});
}

}  // namespace

MpiCallRecord record_of(const Call& call) {
  MpiCallRecord record = {.count = call.count,
                          .name_digest = digest_of(call.name).low,
                          .root = call.root,
                          .kind = call.kind,
                          .dtype = call.dtype,
                          .reduce = call.reduce};
  record.name_length = static_cast<uint8_t>(call.name.copy(record.name.data(), record.name.size()));
  return record;
}

Status check_same_call(std::span<const MpiCallRecord> records, const std::vector<int>& ranks,
                       std::string_view group, int64_t number) {
  const MpiCallRecord& first = records.front();
  for (size_t i = 1; i < records.size(); ++i) {
    if (std::memcmp(&records[i], &first, sizeof(first)) == 0) continue;
    return calls_differ(group, number, {ranks[i], text_of(records[i])}, {ranks[0], text_of(first)});
  }
  return {};
}

Status check_message(const MpiMessageEnd& sender, const MpiMessageEnd& receiver,
                     std::string_view group, int64_t number) {
  const MpiCallRecord& given = sender.record;
  const MpiCallRecord& expected = receiver.record;
  if (given.dtype == expected.dtype && given.count == expected.count &&
      given.name_digest == expected.name_digest) {
    return {};
  }
  return calls_differ(group, number, {receiver.rank, text_of(expected)},
                      {sender.rank, text_of(given)});
}

}  // namespace tutti
