#include "parity/layouts.h"

#include <map>
#include <sstream>

#include "base/status.h"
#include "parity/models.h"

namespace tutti {

ParityLayout parity_layout(const std::string& text) {
  ParityLayout layout{text, Plan()};
  Plan& plan = layout.plan;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    const auto axis = parse_axis(key);
    if (axis)
      plan.mesh.size(*axis) = std::stoi(value);
    else if (key == "zero")
      plan.zero = std::stoi(value);
    else if (key == "accumulate")
      plan.microbatches = std::stoi(value);
    else if (key == "cp_by") {
      plan.context_parallel = value == "ring"     ? ContextParallel::kRing
                              : value == "gather" ? ContextParallel::kGather
                                                  : ContextParallel::kUlysses;
    } else if (key == "gathered")
      plan.reshard_after_forward = false;
    else if (key == "stream")
      plan.rules = rules_without_sequence_parallel();
    else if (key == "prefetch")
      plan.prefetch = std::stoi(value);
    else if (key == "reduce")
      plan.grad_reduce = value == "end" ? GradReduce::kEnd : GradReduce::kMicrobatch;
    else
      TUTTI_CHECK(false, "layout '{}': {}", text, key);
  }
  plan.micro_batch = kParitySamples / (plan.data_ranks() * plan.microbatches);
  return layout;
}

std::vector<ParityLayout> parity_layouts(const ModelConfig& model) {
  std::vector<ParityLayout> layouts;
  for (const char* text : {
           "dp=2",
           "dp=4 accumulate=2",
           "shard=2 zero=0",
           "shard=2 zero=1",
           "shard=2 zero=2",
           "shard=2 zero=3",
           "shard=4 zero=3 accumulate=2",
           "shard=8 zero=1",
           "tp=2",
           "tp=4",
           "tp=8",
           "dp=2 shard=2 zero=1",
           "dp=2 shard=2 zero=2 accumulate=2",
           "dp=2 shard=4 zero=3",
           "dp=2 tp=2",
           "dp=2 tp=4 accumulate=2",
           "shard=2 tp=2 zero=1",
           "shard=2 tp=4 zero=2",
           "shard=2 tp=2 zero=3 accumulate=4",
           "shard=4 tp=2 zero=3",
           "dp=2 shard=2 tp=2 zero=1",
           "dp=2 shard=2 tp=2 zero=2",
           "dp=2 shard=2 tp=2 zero=3",
           "shard=2 zero=3 prefetch=0",
           "shard=2 zero=3 gathered=kept accumulate=2",
           "shard=2 zero=2 accumulate=2 reduce=end",
           "shard=2 zero=1 accumulate=2 reduce=microbatch",
           "cp=2",
           "cp=4 cp_by=ring accumulate=2",
           "cp=2 cp_by=gather",
           "cp=4 cp_by=gather zero=3",
           "cp=2 cp_by=ulysses",
           "dp=2 cp=2 zero=1",
           "shard=2 cp=2 zero=3",
           "cp=2 tp=2",
           "cp=2 tp=4 cp_by=gather",
           "dp=2 cp=2 tp=2",
           "shard=2 cp=2 tp=2 zero=3",
           "tp=4 stream=whole",
           "dp=2 cp=2 tp=2 stream=whole accumulate=2",
       }) {
    layouts.push_back(parity_layout(text));
  }
  // Heads are exchanged for positions where a rank has enough of them.
  if (model.kv_heads >= 4) layouts.push_back(parity_layout("cp=2 tp=2 cp_by=ulysses zero=2"));
  return layouts;
}

}  // namespace tutti
