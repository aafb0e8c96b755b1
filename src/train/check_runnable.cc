#include "train/check_runnable.h"

#include "base/format.h"

namespace tutti {
namespace {

std::string size_text(int64_t bytes) { return human_bytes(static_cast<uint64_t>(bytes)); }

}  // namespace

Status check_runnable(const Config& config) {
  if (config.data.sets().empty()) {
    return invalid(
        "data.train is not set; set it to the prefix of a .bin/.idx pair, which `tutti data "
        "prepare` makes, or set data.mixture");
  }
  return {};
}

Status check_memory(const MemoryReport& plan, const MemoryNeed& need,
                    const AvailableMemory& available) {
  if (static_cast<uint64_t>(need.total()) <= available.bytes) return {};
  const std::string host = need.host_bytes > 0 ? fmt::format(", offloaded to the host's memory {}",
                                                             size_text(need.host_bytes))
                                               : "";
  return error(
      ErrorKind::kResource,
      "the run needs {} of memory{}, but {} are available ({}): parameters {}, gradients {}, "
      "optimizer {}, stash {}, scratch {}{}, checkpoint staging {}; make train.micro_batch, "
      "train.seq_len or the model smaller{}{}",
      size_text(need.total()), need.ranks > 1 ? fmt::format(" for {} ranks", need.ranks) : "",
      human_bytes(available.bytes), available.limit, size_text(plan.parameters),
      size_text(plan.gradients), size_text(plan.optimizer), size_text(plan.stash),
      size_text(plan.scratch), host, size_text(need.staging_bytes),
      need.host_bytes > 0 ? ", set parallel.offload_to = \"file\""
      : need.offloads_all ? ""
                          : ", set parallel.offload",
      need.staging_bytes > 0 ? ", or set checkpoint.async = false" : "");
}

}  // namespace tutti
