// Texts between ranks, of any length: it is told first. Collective; `name` is that of the text, for
// messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.h"

namespace tutti {

// Rank 0's text, on every rank; what others pass is ignored.
Result<std::string> share_text(Communicator& ranks, std::string text, std::string_view name);

// On rank 0 every rank's text, in their order; on other ranks nothing.
Result<std::vector<std::string>> gather_texts(Communicator& ranks, std::string text,
                                              std::string_view name);

}  // namespace tutti
