// tutti plan: what a config's training step needs, before anything of it is there.
#include <map>

#include "base/format.h"
#include "base/nearest.h"
#include "command_line.h"
#include "execute/cpu.h"
#include "ir/text.h"
#include "kernels/backend.h"
#include "kernels/cpu/kernels.h"
#include "models/presets.h"
#include "output.h"
#include "program/calls.h"
#include "program/cost.h"
#include "program/report.h"
#include "program/text.h"
#include "schedule/draw.h"
#include "train/config_keys.h"
#include "train/layout.h"
#include "train/run_programs.h"
#include "verbs.h"

namespace tutti {
namespace {

struct PlanFlags {
  std::string path;
  std::vector<std::string> overrides;
  bool passes = false;
  int32_t ranks = 0;  // 0: those of the config's axes
  std::string dump;   // a pass
  bool program = false;
  bool schedule = false;
  std::string svg;
  bool json = false;
};

// A config's training step, compiled for every stage without data and without memory for tensors.
struct PlannedStep {
  Layout layout;
  CompiledStep compiled;
};

struct BodyReport {
  std::string name;
  size_t instructions = 0;
  size_t communications = 0;
  int64_t scratch_bytes = 0;
  double flops = 0;
};

// Calls of one kind over one group, in a step.
struct CallRow {
  std::string group;  // axes
  int64_t ranks = 1;  // of the group
  CallKind kind = CallKind::kAllReduce;
  int64_t count = 0;
  int64_t bytes = 0;  // that one rank sends, at most
};

struct StageReport {
  MemoryReport memory;
  std::vector<CallRow> calls;
  CopiedBytes copied;
  double flops = 0;
  std::vector<BodyReport> bodies;
};

// A row of the memory table, and where its number is.
struct MemoryKind {
  const char* name;
  int64_t MemoryReport::*bytes;
};
constexpr MemoryKind kMemoryKinds[] = {{"parameters", &MemoryReport::parameters},
                                       {"gradients", &MemoryReport::gradients},
                                       {"optimizer", &MemoryReport::optimizer},
                                       {"kept", &MemoryReport::kept},
                                       {"stash", &MemoryReport::stash},
                                       {"scratch", &MemoryReport::scratch},
                                       {"io", &MemoryReport::io}};

// Beside the arena.
std::string offloaded_line(const MemoryReport& memory, const CopiedBytes& copied) {
  if (memory.offloaded == 0) return "";
  return fmt::format("  offloaded {} B ({}); a step fetches {} B and stores {} B\n",
                     memory.offloaded, human_bytes(static_cast<uint64_t>(memory.offloaded)),
                     copied.in, copied.out);
}

// Collectives of a step by group and kind.
std::vector<CallRow> call_rows(const Program& program) {
  std::vector<CallRow> rows;
  for (const GroupCalls& group : step_calls(program)) {
    const int64_t size = group_size(group.axes);
    std::map<CallKind, CallRow> by_kind;
    for (const Call& call : group.calls) {
      CallRow& row = by_kind[call.kind];
      row = {to_string(group.axes), size, call.kind, row.count + 1,
             row.bytes + wire_bytes(call, static_cast<int>(size)) / size};
    }
    for (const auto& [kind, row] : by_kind) rows.push_back(row);
  }
  for (const StreamCalls& stream : step_messages(program)) {
    if (!stream.sends) continue;
    CallRow row{fmt::format("to stage {} ({})", stream.peer_stage, stream.stream), 2,
                CallKind::kSend, 0, 0};
    for (const Call& call : stream.calls) {
      ++row.count;
      row.bytes += wire_bytes(call, 2);
    }
    rows.push_back(row);
  }
  return rows;
}

StageReport report_stage(const OpTable& ops, const Program& program) {
  StageReport report{memory_report(program),
                     call_rows(program),
                     step_copies(program),
                     step_flops(ops, program),
                     {}};
  for (const Body& body : program.bodies) {
    BodyReport row{body.name, body.instructions.size(), 0, body.scratch_bytes, 0};
    for (const Instruction& i : body.instructions) {
      row.flops += instruction_flops(ops, program, i);
      row.communications += i.lane == LaneKind::kCommunication;
    }
    report.bodies.push_back(std::move(row));
  }
  return report;
}

std::string passes_text(const PlannedStep& step) {
  std::string text = fmt::format("\nPasses over {} ops\n  {:<20} {:>8} {:>8} {:>10}\n",
                                 step.compiled.graph_ops, "pass", "before", "after", "time");
  for (const PassRecord& pass : step.compiled.passes) {
    text += fmt::format("  {:<20} {:>8} {:>8} {:>10}\n", pass.name, pass.ops_before, pass.ops_after,
                        human_duration(pass.seconds));
  }
  return text;
}

std::string bytes_line(std::string_view name, int64_t bytes) {
  return fmt::format("  {:<11} {:>17} B {:>12}\n", name, bytes,
                     human_bytes(static_cast<uint64_t>(bytes)));
}

std::string stage_text(const StageReport& report, size_t stage, size_t stages) {
  const std::string title = stages == 1 ? "" : fmt::format(", stage {} of {}", stage, stages);
  std::string text = fmt::format("\nMemory of a rank{}\n", title);
  for (const MemoryKind& kind : kMemoryKinds) {
    text += bytes_line(kind.name, report.memory.*kind.bytes);
  }
  text += bytes_line("total", report.memory.total());
  text += offloaded_line(report.memory, report.copied);
  text += fmt::format("  peak at {}\n", report.memory.peak_instruction);
  text += fmt::format("  {} FLOP a step\n", human_count(report.flops));
  text += fmt::format("  {:<11} {:>12} {:>14} {:>12} {:>10}\n", "body", "instructions",
                      "communications", "scratch", "FLOP");
  for (const BodyReport& body : report.bodies) {
    text += fmt::format("  {:<11} {:>12} {:>14} {:>12} {:>10}\n", body.name, body.instructions,
                        body.communications, human_bytes(static_cast<uint64_t>(body.scratch_bytes)),
                        human_count(body.flops));
  }
  if (report.calls.empty()) return text;
  text += fmt::format("  {:<22} {:<15} {:>6} {:>10} {:>18}\n", "group", "collective", "ranks",
                      "a step", "sent by a rank");
  for (const CallRow& row : report.calls) {
    text += fmt::format("  {:<22} {:<15} {:>6} {:>10} {:>16} B\n", row.group, call_name(row.kind),
                        row.ranks, row.count, row.bytes);
  }
  return text;
}

// Microbatches of activations that each stage holds at most.
std::vector<double> held_by_stage(const Schedule& schedule) {
  std::vector<double> held;
  for (int s = 0; s < schedule.stage_count(); ++s) held.push_back(held_microbatches(schedule, s));
  return held;
}

std::string layers_text(const PlannedStep& step, int64_t layers) {
  std::vector<int> counts(static_cast<size_t>(step.layout.plan.pipeline().positions()), 0);
  for (int64_t i = 0; i < layers; ++i) {
    ++counts[static_cast<size_t>(position_of_block(step.layout.plan, static_cast<int>(i), layers))];
  }
  return fmt::format("{}", fmt::join(counts, ", "));
}

std::string schedule_text(const Config& config, const PlannedStep& step) {
  if (step.layout.schedule.stage_count() == 1) return "";
  return fmt::format(
      "pipeline: {} of {} microbatches; layers {}; {:.1f} % of bubble where stages take equally "
      "long; at most {} microbatches of activations\n",
      key_value(*find_config_key("parallel.schedule"), config), step.layout.schedule.microbatches,
      layers_text(step, config.model.layers), 100 * step.layout.bubble_rate(),
      fmt::join(held_by_stage(step.layout.schedule), ", "));
}

std::string plan_text(const Config& config, const PlannedStep& step,
                      const std::vector<StageReport>& stages, bool passes) {
  const std::string ranks =
      config.world_size() == 1
          ? "one rank"
          : fmt::format("{} ranks ({})", config.world_size(), to_string(step.layout.plan.mesh));
  std::string text = fmt::format(
      "{}: {} parameters on {}\n"
      "{} tokens a step: on each data rank {} x {} samples of {} tokens\n",
      config.preset.empty() ? "model" : config.preset,
      human_count(static_cast<double>(parameter_count(config.model))), ranks,
      config.tokens_per_step(), step.layout.plan.microbatches, step.layout.plan.micro_batch,
      config.train.seq_len);
  text += schedule_text(config, step);
  for (size_t s = 0; s < stages.size(); ++s) text += stage_text(stages[s], s, stages.size());
  if (passes) text += passes_text(step);
  text += fmt::format(
      "\ncompiled in {} (graph {}, passes {}, programs {})\n",
      human_duration(step.compiled.build_s + step.compiled.passes_s + step.compiled.programs_s),
      human_duration(step.compiled.build_s), human_duration(step.compiled.passes_s),
      human_duration(step.compiled.programs_s));
  return text;
}

Json memory_json(const MemoryReport& memory) {
  Json object = Json::object();
  for (const MemoryKind& kind : kMemoryKinds) {
    object[fmt::format("{}_bytes", kind.name)] = memory.*kind.bytes;
  }
  object["total_bytes"] = memory.total();
  return object;
}

Json stage_json(const StageReport& report, const Program& program) {
  Json bodies = Json::array();
  for (const BodyReport& body : report.bodies) {
    bodies.push_back({{"name", body.name},
                      {"instructions", body.instructions},
                      {"communications", body.communications},
                      {"scratch_bytes", body.scratch_bytes},
                      {"flops", body.flops}});
  }
  Json calls = Json::array();
  for (const CallRow& row : report.calls) {
    calls.push_back({{"group", row.group},
                     {"ranks", row.ranks},
                     {"collective", std::string(call_name(row.kind))},
                     {"count", row.count},
                     {"rank_bytes", row.bytes}});
  }
  Json slots = Json::array();
  for (const SlotClass& slot : program.slot_classes) {
    slots.push_back({{"name", slot.name},
                     {"bytes", slot.bytes},
                     {"count", slot.count},
                     {"offloaded", slot.offloaded}});
  }
  return {{"stage", program.stage},
          {"memory", memory_json(report.memory)},
          {"offloaded_bytes", report.memory.offloaded},
          {"fetched_bytes_per_step", report.copied.in},
          {"stored_bytes_per_step", report.copied.out},
          {"peak_instruction", report.memory.peak_instruction},
          {"flops_per_step", report.flops},
          {"actions", program.actions.size()},
          {"bodies", bodies},
          {"collectives", calls},
          {"slots", slots}};
}

Json plan_json(const Config& config, const PlannedStep& step,
               const std::vector<StageReport>& stages) {
  Json mesh = Json::object();
  for (const AxisName& axis : kAxes)
    mesh[std::string(axis.name)] = step.layout.plan.mesh.size(axis.axis);
  Json passes = Json::array();
  for (const PassRecord& pass : step.compiled.passes) {
    passes.push_back({{"name", pass.name},
                      {"ops_before", pass.ops_before},
                      {"ops_after", pass.ops_after},
                      {"seconds", pass.seconds}});
  }
  Json reports = Json::array();
  double flops = 0;
  for (size_t s = 0; s < stages.size(); ++s) {
    reports.push_back(stage_json(stages[s], step.compiled.stages[s]));
    flops += stages[s].flops;
  }
  const int64_t ranks_per_stage = config.world_size() / config.parallel.pp;
  return {{"preset", config.preset},
          {"parameters", parameter_count(config.model)},
          {"world_size", config.world_size()},
          {"mesh", mesh},
          {"micro_batch", step.layout.plan.micro_batch},
          {"microbatches", step.layout.plan.microbatches},
          {"tokens_per_step", config.tokens_per_step()},
          {"flops_per_step", flops * static_cast<double>(ranks_per_stage)},
          {"compile_s", step.compiled.build_s + step.compiled.passes_s + step.compiled.programs_s},
          {"passes", passes},
          {"bubble_rate", step.layout.bubble_rate()},
          {"held_microbatches", held_by_stage(step.layout.schedule)},
          {"stages", reports}};
}

Status check_pass_name(const std::string& name) {
  std::vector<std::string> names;
  for (const Pass& pass : all_passes()) names.emplace_back(pass.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  return invalid("there is no pass called {}{}; the passes are {}", name, did_you_mean(name, names),
                 fmt::join(names, ", "));
}

Result<int> draw(FileSystem& fs, const PlanFlags& flags, const Config& config,
                 const PlannedStep& step) {
  const Timeline timeline = simulate(step.layout.schedule, step.layout.times);
  if (!flags.svg.empty()) {
    TUTTI_TRY(write_file_atomic(fs, flags.svg, draw_svg(step.layout.schedule, timeline)));
  }
  if (!flags.schedule) return print_text("plan", fmt::format("{} is written\n", flags.svg));
  return print_text("plan",
                    schedule_text(config, step) + draw_text(step.layout.schedule, timeline));
}

Result<int> run(FileSystem& fs, const PlanFlags& flags) {
  if (!flags.dump.empty()) TUTTI_TRY(check_pass_name(flags.dump));
  TUTTI_ASSIGN(const Config config, load_laid_out(fs, flags.path, flags.overrides, flags.ranks));
  const OpTable ops;
  const auto cores = static_cast<int64_t>(describe_cpu().logical_cores);
  const int64_t threads = config.train.threads > 0 ? config.train.threads : cores;
  const auto backend = make_cpu_backend(cpu::default_kernels(), static_cast<int>(threads));
  PassOptions passes;
  std::string dumped;
  if (!flags.dump.empty()) {
    passes.dump = [&](std::string_view name, const Graph& graph) {
      if (name == flags.dump) dumped = print(graph);
    };
  }
  PlannedStep step;
  TUTTI_ASSIGN(step.layout, layout_of(fs, config, ops));
  TUTTI_ASSIGN(step.compiled,
               compile_training(config, step.layout, ops, *backend, passes, nullptr));
  if (!flags.dump.empty()) return print_text("plan", dumped);
  if (flags.program) {
    std::string text;
    for (const Program& program : step.compiled.stages) text += print(program);
    return print_text("plan", text);
  }
  if (flags.schedule || !flags.svg.empty()) return draw(fs, flags, config, step);
  std::vector<StageReport> stages;
  for (const Program& program : step.compiled.stages) stages.push_back(report_stage(ops, program));
  if (flags.json) return print_json("plan", plan_json(config, step, stages));
  return print_text("plan", plan_text(config, step, stages, flags.passes));
}

}  // namespace

int run_plan(int argc, char** argv) {
  CommandLine app(
      "Compile a config's training step without data and without memory for tensors, and say what "
      "it needs: memory to the byte, arithmetic, instructions.",
      "tutti plan");
  PlanFlags flags;
  app.add_option("CONFIG", flags.path, "A config in TOML")->required();
  app.add_option("OVERRIDE", flags.overrides, "section.key=value ...");
  app.add_option("--ranks", flags.ranks,
                 "Plan for this many ranks; without axes in the config they share optimizer state")
      ->range(1, 1 << 20);
  app.add_flag("--passes", flags.passes, "Show each pass's effect and time");
  CommandLineOption* dump = app.add_option("--dump", flags.dump, "Print the graph after this pass");
  app.add_flag("--program", flags.program, "Print the program of each stage")->excludes(dump);
  app.add_flag("--schedule", flags.schedule, "Draw the pipeline's schedule")->excludes(dump);
  app.add_option("--svg", flags.svg, "Draw it as an SVG into this file");
  app.add_flag("--json", flags.json, "Print one JSON object")->excludes(dump);
  app.footer(
      "Examples:\n  tutti plan configs/gpt2-124m.toml --passes\n"
      "  tutti plan configs/gpt2-124m.toml --ranks 8\n"
      "  tutti plan configs/gpt2-124m.toml parallel.pp=4 parallel.schedule=zbv --schedule --svg "
      "zbv.svg\n"
      "  tutti plan configs/llama3-8b.toml parallel.tp=8 parallel.shard=1 parallel.zero=0");
  if (const auto status = app.parse(argc, argv)) return *status;

  const auto fs = make_posix_file_system();
  const Result<int> exit = run(*fs, flags);
  return exit.ok() ? *exit : print_error("plan", exit.error());
}

}  // namespace tutti
