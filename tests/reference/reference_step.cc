// Runs a reference case from files, for comparison with another implementation.
//
//   reference_step DIR [--threads N] [--isa portable|x86-64-v3|x86-64-v4] [--curve]
//
// reads DIR/case.json, DIR/weights.safetensors (a tensor for each parameter) and
// DIR/tokens.safetensors ("tokens" and "labels", i32[batches, microbatch, batch, seq]). It runs one
// step with learning rate 0, or with --curve the case's number of training steps, and writes
// DIR/result.json (the losses and norms of each step) and DIR/gradients.safetensors (of the last).
#include <cstring>
#include <iostream>

#include "base/fs.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/safetensors_writer.h"
#include "command_line.h"
#include "reference/reference_run.h"

namespace tutti {
namespace {

struct Flags {
  std::string directory;
  int threads = 1;
  std::string isa;
  bool curve = false;
};

Result<const cpu::Kernels*> choose_kernels(const std::string& name) {
  if (name.empty()) return &cpu::default_kernels();
  for (const cpu::Isa isa : {cpu::Isa::kPortable, cpu::Isa::kV3, cpu::Isa::kV4}) {
    if (cpu::has_isa(isa) && cpu::fast_kernels(isa).name == name) return &cpu::fast_kernels(isa);
  }
  return invalid("no kernels '{}' on this machine", name);
}

Result<ReferenceCase> read_case(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const std::string text, read_file(fs, path));
  TUTTI_ASSIGN(const Json object, parse_json(text, path));
  return parse_reference_case(object, path);
}

// The bytes of a tensor that must have this type and shape.
Result<std::span<const char>> find_tensor(const SafetensorsReader& file, const std::string& name,
                                          DType dtype, const Sizes& sizes) {
  const SafetensorsTensor* tensor = file.find(name);
  if (tensor == nullptr) return not_found("{}: no tensor '{}'", file.path(), name);
  if (tensor->dtype != dtype || tensor->sizes != sizes) {
    return corrupt("{}: '{}' is {}{}, expected {}{}", file.path(), name, dtype_name(tensor->dtype),
                   sizes_text(tensor->sizes), dtype_name(dtype), sizes_text(sizes));
  }
  return file.bytes(*tensor);
}

Result<std::vector<ReferenceBatch>> read_batches(FileSystem& fs, const ReferenceCase& c,
                                                 const std::string& path) {
  TUTTI_ASSIGN(const SafetensorsReader file, SafetensorsReader::map(fs, path));
  const Sizes sizes{c.batches, c.microbatches, c.batch, c.seq};
  TUTTI_ASSIGN(const auto tokens, find_tensor(file, "tokens", DType::kI32, sizes));
  TUTTI_ASSIGN(const auto labels, find_tensor(file, "labels", DType::kI32, sizes));
  const auto count = static_cast<size_t>(c.tokens());
  const size_t bytes = count * sizeof(int32_t);
  std::vector<ReferenceBatch> batches(static_cast<size_t>(c.batches));
  for (size_t b = 0; b < batches.size(); ++b) {
    batches[b].tokens.resize(count);
    batches[b].labels.resize(count);
    std::memcpy(batches[b].tokens.data(), tokens.data() + b * bytes, bytes);
    std::memcpy(batches[b].labels.data(), labels.data() + b * bytes, bytes);
    for (const int32_t token : batches[b].tokens) {
      if (token < 0 || token >= c.model.vocab) return corrupt("{}: token {}", path, token);
    }
    for (const int32_t label : batches[b].labels) {
      if (label < -1 || label >= c.model.vocab) return corrupt("{}: label {}", path, label);
    }
  }
  return batches;
}

Status read_weights(FileSystem& fs, ReferenceRun& run, const std::string& path) {
  TUTTI_ASSIGN(const SafetensorsReader file, SafetensorsReader::map(fs, path));
  for (const ReferenceRun::Parameter& parameter : run.parameters()) {
    TUTTI_ASSIGN(const auto bytes, find_tensor(file, parameter.name, DType::kF32, parameter.sizes));
    std::memcpy(run.weights(parameter).data(), bytes.data(), bytes.size());
  }
  if (file.tensors().size() != run.parameters().size()) {
    return corrupt("{}: {} tensors, but the model has {} parameters", path, file.tensors().size(),
                   run.parameters().size());
  }
  return {};
}

Status write_gradients(FileSystem& fs, const ReferenceRun& run, const std::string& path) {
  std::vector<SafetensorsDeclaration> tensors;
  for (const ReferenceRun::Parameter& parameter : run.parameters()) {
    tensors.push_back({parameter.name, DType::kF32, parameter.sizes});
  }
  TUTTI_ASSIGN(SafetensorsWriter writer, SafetensorsWriter::create(fs, path, tensors, {}));
  for (const ReferenceRun::Parameter& parameter : run.parameters()) {
    const std::span<const float> gradient = run.gradient(parameter);
    TUTTI_TRY(
        writer.append({reinterpret_cast<const char*>(gradient.data()), gradient.size_bytes()}));
  }
  TUTTI_TRY(writer.finish());
  return {};
}

Status compare(FileSystem& fs, const Flags& flags) {
  TUTTI_ASSIGN(const cpu::Kernels* const kernels, choose_kernels(flags.isa));
  const auto path = [&](const char* name) { return join_path(flags.directory, name); };
  TUTTI_ASSIGN(const ReferenceCase c, read_case(fs, path("case.json")));
  TUTTI_ASSIGN(const auto batches, read_batches(fs, c, path("tokens.safetensors")));
  TUTTI_ASSIGN(const auto run, ReferenceRun::create(c, *kernels, flags.threads));
  TUTTI_TRY(read_weights(fs, *run, path("weights.safetensors")));

  Json result;
  result["kernels"] = kernels->name;
  for (int64_t s = 0; s < (flags.curve ? c.steps : 1); ++s) {
    const double lr = flags.curve ? learning_rate(c.schedule, s) : 0.0;
    const auto& batch = batches[static_cast<size_t>(s % c.batches)];
    const ReferenceRun::StepResult step = run->step(batch, s, lr);
    result["losses"].push_back(step.loss);
    result["grad_norms"].push_back(step.grad_norm);
  }
  TUTTI_TRY(write_gradients(fs, *run, path("gradients.safetensors")));
  return write_file_atomic(fs, path("result.json"), result.dump() + "\n");
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  tutti::Flags flags;
  tutti::CommandLine app("Run a reference case from files.", "reference_step");
  app.add_option("DIR", flags.directory, "Where the files are and go")->required();
  app.add_option("--threads", flags.threads)->capture_default_str();
  app.add_option("--isa", flags.isa, "Kernels to use; the machine's best when missing");
  app.add_flag("--curve", flags.curve, "Train for the case's number of steps");
  if (const auto status = app.parse(argc, argv)) return *status;
  const auto fs = tutti::make_posix_file_system();
  const tutti::Status status = tutti::compare(*fs, flags);
  if (status.ok()) return 0;
  std::cerr << "reference_step: error: " << status.message() << "\n";
  return 1;
}
