// tutti ckpt: what a checkpoint holds, whether it is still what was written, and in how many files.
#include <algorithm>

#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/reshard.h"
#include "checkpoint/run_directory.h"
#include "command_line.h"
#include "output.h"
#include "verbs.h"

namespace tutti {
namespace {

struct Totals {
  int64_t elements = 0;
  uint64_t bytes = 0;
};

Totals totals_of(const Manifest& manifest) {
  Totals totals;
  for (const LogicalTensor& tensor : manifest.tensors) {
    totals.elements += element_count(tensor.sizes);
    totals.bytes += static_cast<uint64_t>(tensor_bytes(tensor));
  }
  return totals;
}

Json tensor_to_json(const LogicalTensor& tensor) {
  Json shards = Json::array();
  for (const Shard& shard : tensor.shards) {
    Json boxes = Json::array();
    for (const Box& box : shard.boxes)
      boxes.push_back({{"offset", box.offset}, {"size", box.size}});
    shards.push_back({{"file", shard.file}, {"boxes", boxes}, {"digest", shard.digest.hex()}});
  }
  return {{"name", tensor.name},
          {"dtype", dtype_name(tensor.dtype)},
          {"sizes", tensor.sizes},
          {"bytes", tensor_bytes(tensor)},
          {"shards", shards}};
}

Json inspect_json(const Checkpoint& checkpoint) {
  const Manifest& manifest = checkpoint.manifest();
  const Totals totals = totals_of(manifest);
  Json tensors = Json::array();
  for (const LogicalTensor& tensor : manifest.tensors) tensors.push_back(tensor_to_json(tensor));
  return {{"path", checkpoint.directory()},
          {"step", manifest.step},
          {"save_index", manifest.save_index},
          {"write_token", manifest.write_token},
          {"world_size", manifest.world_size},
          {"data_position", manifest.data_position},
          {"plan", manifest.plan},
          {"trainer", manifest.trainer},
          {"elements", totals.elements},
          {"bytes", totals.bytes},
          {"tensors", tensors}};
}

// The digest of a tensor in one piece, else how many pieces it is in.
std::string digest_text(const LogicalTensor& tensor) {
  if (tensor.shards.size() == 1) return tensor.shards.front().digest.hex();
  return fmt::format("({} shards)", tensor.shards.size());
}

// `text` with every line indented.
std::string indented(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    result += fmt::format("  {}\n", text.substr(at, end - at));
    at = end + 1;
  }
  return result;
}

std::string inspect_text(const Checkpoint& checkpoint) {
  const Manifest& manifest = checkpoint.manifest();
  const Totals totals = totals_of(manifest);
  size_t name_width = 4, sizes_width = 5;
  for (const LogicalTensor& tensor : manifest.tensors) {
    name_width = std::max(name_width, tensor.name.size());
    sizes_width = std::max(sizes_width, sizes_text(tensor.sizes).size());
  }
  std::string text = fmt::format(
      "checkpoint     {}\nstep           {}\nsave           number {}, token {}\n"
      "world size     {}\ndata position  {} samples\n"
      "tensors        {}, {} elements, {}\ntrainer        {}\n",
      checkpoint.directory(), manifest.step, manifest.save_index, manifest.write_token,
      manifest.world_size, manifest.data_position, manifest.tensors.size(),
      human_count(static_cast<double>(totals.elements)), human_bytes(totals.bytes),
      manifest.trainer.dump());
  if (!manifest.plan.empty()) text += "plan\n" + indented(manifest.plan);
  text += fmt::format("\n{:<{}}  {:<5}  {:<{}}  {:>10}  {}\n", "name", name_width, "dtype", "sizes",
                      sizes_width, "bytes", "digest");
  for (const LogicalTensor& tensor : manifest.tensors) {
    text +=
        fmt::format("{:<{}}  {:<5}  {:<{}}  {:>10}  {}\n", tensor.name, name_width,
                    dtype_name(tensor.dtype), sizes_text(tensor.sizes), sizes_width,
                    human_bytes(static_cast<uint64_t>(tensor_bytes(tensor))), digest_text(tensor));
  }
  return text;
}

int inspect(FileSystem& fs, const std::string& path, bool json) {
  const Result<Checkpoint> checkpoint = load_checkpoint(fs, path, Trust::kStructure);
  if (!checkpoint.ok()) return print_error("ckpt inspect", checkpoint.error());
  if (json) return print_json("ckpt inspect", inspect_json(checkpoint.value()));
  return print_text("ckpt inspect", inspect_text(checkpoint.value()));
}

struct Verdict {
  std::string path;
  uint64_t bytes = 0;
  std::vector<std::string> faults;
};

Verdict verify_one(FileSystem& fs, const std::string& path) {
  Verdict verdict{.path = path, .faults = {}};
  Result<Checkpoint> checkpoint = Checkpoint::open(fs, path);
  if (!checkpoint.ok()) {
    verdict.faults.push_back(checkpoint.message());
    return verdict;
  }
  verdict.bytes = totals_of(checkpoint->manifest()).bytes;
  verdict.faults = checkpoint->verify();
  return verdict;
}

// The checkpoint at `path`, or all that a run directory holds. Saves that were never finished are
// no checkpoints, so no fault either.
Result<std::vector<std::string>> checkpoints_at(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const bool is_checkpoint, has_manifest(fs, path));
  if (is_checkpoint) return std::vector{path};
  TUTTI_ASSIGN(const std::vector<CheckpointEntry> entries, list_checkpoints(fs, path));
  std::vector<std::string> paths;
  for (const CheckpointEntry& entry : entries) {
    if (entry.committed) paths.push_back(entry.path);
  }
  if (paths.empty()) return not_found("{}: no checkpoint", path);
  return paths;
}

int verify(FileSystem& fs, const std::string& path, bool json) {
  const auto paths = checkpoints_at(fs, path);
  if (!paths.ok()) return print_error("ckpt verify", paths.error());
  Json verdicts = Json::array();
  std::string text;
  bool all_ok = true;
  for (const std::string& checkpoint : paths.value()) {
    const Verdict verdict = verify_one(fs, checkpoint);
    const bool ok = verdict.faults.empty();
    all_ok &= ok;
    verdicts.push_back(
        {{"path", verdict.path}, {"ok", ok}, {"bytes", verdict.bytes}, {"faults", verdict.faults}});
    if (ok) text += fmt::format("ok     {} ({})\n", verdict.path, human_bytes(verdict.bytes));
    for (const std::string& fault : verdict.faults) text += fmt::format("fault  {}\n", fault);
  }
  const int printed = json ? print_json("ckpt verify", {{"ok", all_ok}, {"checkpoints", verdicts}})
                           : print_text("ckpt verify", text);
  return printed == kExitOk && !all_ok ? kExitFailed : printed;
}

int reshard(FileSystem& fs, const std::string& path, const std::string& to, int ranks, bool json) {
  const Result<Checkpoint> checkpoint = reshard_checkpoint(fs, path, to, ranks);
  if (!checkpoint.ok()) return print_error("ckpt reshard", checkpoint.error());
  const Manifest& manifest = checkpoint->manifest();
  const uint64_t bytes = totals_of(manifest).bytes;
  Json files = Json::array();
  for (const ShardFile& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}});
  }
  if (json) {
    return print_json("ckpt reshard", {{"checkpoint", checkpoint->directory()},
                                       {"step", manifest.step},
                                       {"bytes", bytes},
                                       {"files", files}});
  }
  return print_text(
      "ckpt reshard",
      fmt::format("checkpoint  {}\nstep        {}\nfiles       {}, {} in all\n",
                  checkpoint->directory(), manifest.step, files.size(), human_bytes(bytes)));
}

}  // namespace

int run_ckpt(int argc, char** argv) {
  CommandLine app("Look into checkpoints, verify and reshard them.", "tutti ckpt");
  std::string path, to;
  int ranks = 1;
  bool json = false;
  CommandLine* const inspect_verb = app.add_subcommand(
      "inspect", "Print step, plan, data position and every tensor of a checkpoint");
  CommandLine* const verify_verb = app.add_subcommand(
      "verify", "Read every byte, compare digests; exit status 1 and a line for each fault");
  CommandLine* const reshard_verb = app.add_subcommand(
      "reshard", "Rewrite a checkpoint into another number of equal files, and verify them");
  for (CommandLine* const verb : {inspect_verb, verify_verb, reshard_verb}) {
    verb->add_option("PATH", path, "A checkpoint's directory, or a run's directory")->required();
    verb->add_flag("--json", json, "Print one JSON object");
  }
  reshard_verb->add_option("--to", to, "A run's directory to make; one with checkpoints is refused")
      ->required();
  reshard_verb->add_option("--ranks", ranks, "Files to make, as that many ranks would write")
      ->required()
      ->range(1, 99999);  // five digits of a file's name
  inspect_verb->footer(
      "Of a run's directory the newest checkpoint is shown.\n\n"
      "Example:\n  tutti ckpt inspect runs/quickstart --json");
  verify_verb->footer(
      "Of a run's directory every checkpoint is verified.\n\n"
      "Example:\n  tutti ckpt verify runs/quickstart");
  reshard_verb->footer(
      "Of a run's directory the newest valid checkpoint is taken; it stays as it is. Training goes "
      "on\nfrom any number of files on any number of ranks: this is for tools that want one file, "
      "or many.\n\n"
      "Example:\n  tutti ckpt reshard runs/quickstart --to /tmp/one-file --ranks 1");
  app.footer(
      "Examples:\n"
      "  tutti ckpt inspect runs/quickstart\n"
      "  tutti ckpt inspect runs/quickstart/step-000200 --json\n"
      "  tutti ckpt verify runs/quickstart\n"
      "  tutti ckpt reshard runs/quickstart --to /tmp/one-file --ranks 1");
  if (const auto status = app.parse(argc, argv)) return *status;
  const auto fs = make_posix_file_system();
  if (inspect_verb->parsed()) return inspect(*fs, path, json);
  if (reshard_verb->parsed()) return reshard(*fs, path, to, ranks, json);
  return verify(*fs, path, json);
}

}  // namespace tutti
