#include "parity/layouts.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/status.h"
#include "parity/models.h"
#include "schedule/make_schedule.h"

namespace tutti {

namespace {

constexpr std::array kLayouts = {
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
    "pp=2",
    "pp=2 accumulate=8",
    "pp=2 accumulate=4 schedule=gpipe",
    "pp=2 accumulate=4 schedule=eager-1f1b",
    "pp=2 accumulate=4 schedule=zb-h1",
    "pp=2 accumulate=4 schedule=zb-h2",
    "pp=2 accumulate=8 schedule=zero-bubble layers=8",
    "pp=2 accumulate=4 schedule=interleaved-1f1b chunks=4 layers=8",
    "pp=2 accumulate=4 schedule=zbv layers=8",
    "pp=2 accumulate=4 schedule=dualpipev layers=8",
    "pp=4 accumulate=8 schedule=zbv layers=8",
    "pp=4 accumulate=8 schedule=dualpipev layers=8",
    "pp=2 shard=2 zero=1 accumulate=4 schedule=zbv layers=8",
    "pp=2 dp=2 shard=2 zero=3 accumulate=2 schedule=dualpipev layers=8",
    "pp=4 accumulate=8 layers=8",
    "pp=4 accumulate=8 schedule=eager-1f1b layers=8",
    "pp=4 accumulate=4 schedule=zb-h1 layers=8",
    "pp=4 accumulate=8 schedule=interleaved-1f1b chunks=2 layers=8",
    "pp=8 accumulate=8 layers=8",
    "pp=8 accumulate=8 schedule=zb-h2 layers=8",
    "pp=2 dp=2 accumulate=4",
    "pp=2 shard=2 zero=1 accumulate=4",
    "pp=2 shard=2 zero=2 accumulate=4 schedule=zb-h1",
    "pp=2 shard=2 zero=3 accumulate=4",
    "pp=2 tp=2 accumulate=4 schedule=zb-h1",
    "pp=2 cp=2 accumulate=2",
    "pp=2 tp=4 accumulate=2",
    "pp=2 dp=2 tp=2 accumulate=4",
    "pp=2 shard=2 tp=2 zero=3 accumulate=4 schedule=zb-h1",
    "pp=2 shard=2 cp=2 zero=2 accumulate=4 schedule=interleaved-1f1b chunks=4 layers=8",
    "pp=4 shard=2 zero=3 accumulate=4 schedule=interleaved-1f1b chunks=2 layers=8",
    "pp=2 dp=2 shard=2 tp=2 zero=1 accumulate=2",
    "tp=2 recompute=full",
    "cp=2 recompute=full",
    "pp=2 accumulate=4 schedule=zb-h1 recompute=full",
    "pp=2 accumulate=4 schedule=zbv recompute=selective layers=8",
    "pp=4 accumulate=4 schedule=zb-h2 recompute=budget stash=24000 layers=8",
    "pp=2 shard=2 tp=2 zero=3 accumulate=4 schedule=zb-h1 recompute=full",
    "offload=parameters,optimizer,activations",
    "tp=2 accumulate=2 offload=parameters,optimizer,activations",
    "dp=2 shard=2 zero=1 offload=optimizer,activations",
    "shard=4 zero=2 accumulate=2 offload=optimizer",
    "shard=2 tp=2 zero=1 offload=optimizer",
    "shard=2 tp=2 zero=3 accumulate=2 offload=parameters,optimizer,activations",
    "shard=2 cp=2 zero=3 offload=parameters,optimizer,activations",
    "pp=2 shard=2 zero=3 accumulate=4 schedule=zb-h1 offload=parameters,optimizer,activations",
    "pp=2 accumulate=4 schedule=interleaved-1f1b chunks=4 layers=8 offload=parameters,activations",
    "pp=4 cp=2 tp=2 accumulate=8 schedule=zb-h1 layers=8",
};

PipelineSchedule pipeline_schedule(const std::string& name) {
  const auto found = std::ranges::find(kPipelineSchedules, name);
  TUTTI_CHECK(found != std::end(kPipelineSchedules), "schedule {}", name);
  return static_cast<PipelineSchedule>(found - std::begin(kPipelineSchedules));
}

// Of the small model's values, too, and the larger ones in pieces.
Offload small_offload(const std::string& names) {
  Result<Offload> offload = parse_offload(names);
  TUTTI_CHECK(offload.ok(), "{}", offload.message());
  offload->least_bytes = 512;
  offload->piece_bytes = 4096;
  return *offload;
}

void set_schedule(ScheduleRequest request, ParityLayout& layout) {
  Plan& plan = layout.plan;
  request.stages = plan.mesh.size(Axis::kPp);
  request.microbatches = static_cast<int>(plan.microbatches);
  layout.schedule =
      request.stages == 1 ? sequential_schedule(request.microbatches) : make_schedule(request);
  plan.chunks = layout.schedule.chunks;
  plan.chunk_order = layout.schedule.order;
  plan.split_backward = layout.schedule.splits_backward();
}

}  // namespace

ParityLayout parity_layout(const std::string& text) {
  ParityLayout layout{text, Plan(), Schedule()};
  Plan& plan = layout.plan;
  ScheduleRequest request;
  int64_t stash = 0;  // bytes of a microbatch at a position
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
    else if (key == "recompute") {
      plan.recompute = value == "full"        ? RecomputePolicy::kFull
                       : value == "selective" ? RecomputePolicy::kSelective
                                              : RecomputePolicy::kBudget;
    } else if (key == "stash")
      stash = std::stoi(value);
    else if (key == "offload")
      plan.offload = small_offload(value);
    else if (key == "layers")
      layout.layers = std::stoi(value);
    else if (key == "chunks")
      request.chunks = std::stoi(value);
    else if (key == "schedule")
      request.kind = pipeline_schedule(value);
    else
      TUTTI_CHECK(false, "layout '{}': {}", text, key);
  }
  TUTTI_CHECK(kParitySamples % (plan.data_ranks() * plan.microbatches) == 0,
              "layout '{}': {} samples do not divide", text, kParitySamples);
  plan.micro_batch = kParitySamples / (plan.data_ranks() * plan.microbatches);
  set_schedule(request, layout);
  plan.stash_bytes.assign(static_cast<size_t>(plan.pipeline().positions()), stash);
  return layout;
}

std::vector<ParityLayout> parity_layouts(const ModelConfig& model) {
  std::vector<ParityLayout> layouts;
  for (const char* text : kLayouts) {
    layouts.push_back(parity_layout(text));
  }
  // Heads are exchanged for positions where a rank has enough of them.
  if (model.kv_heads >= 4) layouts.push_back(parity_layout("cp=2 tp=2 cp_by=ulysses zero=2"));
  return layouts;
}

}  // namespace tutti
