// The logits of a model, for comparison with another implementation.
//
//   model_logits MODEL TOKENS OUT [--threads N]
//
// MODEL is what `tutti generate` takes; TOKENS a file of token ids. OUT gets a safetensors file
// with "decoded", f32[tokens, vocab], the logits after each token when they are read one by one,
// and "prompt", f32[vocab], those after the last when all are read at once.
#include <iostream>
#include <sstream>

#include "checkpoint/safetensors_writer.h"
#include "command_line.h"
#include "kernels/cpu/kernels.h"
#include "serve/cached_model.h"
#include "train/saved_model.h"

namespace tutti {
namespace {

struct Flags {
  std::string model, tokens, out;
  int threads = 1;
};

Result<std::vector<int32_t>> read_tokens(FileSystem& fs, const std::string& path) {
  TUTTI_ASSIGN(const std::string text, read_file(fs, path));
  std::istringstream stream(text);
  std::vector<int32_t> tokens;
  for (int32_t token = 0; stream >> token;) tokens.push_back(token);
  if (tokens.empty() || !stream.eof()) return corrupt("{}: not a list of token ids", path);
  return tokens;
}

Status run(const Flags& flags) {
  const auto fs = make_posix_file_system();
  TUTTI_ASSIGN(const std::vector<int32_t> tokens, read_tokens(*fs, flags.tokens));
  TUTTI_ASSIGN(const SavedModel saved, open_saved_model(*fs, flags.model));
  const CachedModelOptions options{.capacity = std::ssize(tokens), .prefill_sizes = {16}};
  TUTTI_ASSIGN(const auto model,
               CachedModel::create(saved.config.model, options,
                                   make_cpu_backend(cpu::default_kernels(), flags.threads)));
  TUTTI_TRY(model->load(*saved.tensors));
  const auto as_bytes = [](std::span<const float> values) {
    return std::span(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  };
  const Sizes sizes{std::ssize(tokens), model->vocab()};
  TUTTI_ASSIGN(
      SafetensorsWriter writer,
      SafetensorsWriter::create(
          *fs, flags.out,
          {{"decoded", DType::kF32, sizes}, {"prompt", DType::kF32, {model->vocab()}}}, {}));
  for (const int32_t& token : tokens) {
    TUTTI_ASSIGN(const std::span<const float> logits, model->append({&token, 1}));
    TUTTI_TRY(writer.append(as_bytes(logits)));
  }
  model->reset();
  TUTTI_ASSIGN(const std::span<const float> logits, model->append(tokens));
  TUTTI_TRY(writer.append(as_bytes(logits)));
  return writer.finish().status();
}

}  // namespace
}  // namespace tutti

int main(int argc, char** argv) {
  tutti::CommandLine line("Writes the logits of a model.", "model_logits");
  tutti::Flags flags;
  line.add_option("MODEL", flags.model)->required();
  line.add_option("TOKENS", flags.tokens)->required();
  line.add_option("OUT", flags.out)->required();
  line.add_option("--threads", flags.threads);
  if (const auto status = line.parse(argc, argv)) return *status;
  const tutti::Status status = tutti::run(flags);
  if (status.ok()) return 0;
  std::cerr << "model_logits: " << status.message() << "\n";
  return 1;
}
