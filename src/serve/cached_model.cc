#include "serve/cached_model.h"

#include <algorithm>

#include "execute/initialise.h"
#include "execute/program_set.h"
#include "serve/prompt_pieces.h"
#include "train/model_tensors.h"

namespace tutti {
namespace {

Result<std::vector<int64_t>> program_sizes(const CachedModelOptions& options, int64_t capacity) {
  std::vector<int64_t> sizes = {1};
  for (const int64_t size : options.prefill_sizes) {
    if (size <= sizes.back()) {
      return invalid("a prefill size of {} tokens after {}, expected more", size, sizes.back());
    }
    if (size <= capacity) sizes.push_back(size);
  }
  return sizes;
}

Result<CompiledStep> compile_size(const ModelConfig& config, const BuildOptions& build,
                                  const OpTable& ops, const Backend& backend,
                                  PersistentLayouts& layouts) {
  TUTTI_ASSIGN(StepGraph step, build_generation_step(ops, config, build));
  return compile_step(std::move(step), Plan{}, forward_schedule(1), ops, backend, PassOptions{},
                      &layouts);
}

// Bytes of the parameters that the program reads as a whole: an embedding looks up a row.
int64_t whole_parameter_bytes(const Program& program) {
  std::vector<bool> read(program.buffers.size(), false);
  for (const Body& body : program.bodies) {
    for (const Instruction& instruction : body.instructions) {
      if (instruction.kind == OpKind::kEmbedding) continue;
      for (BufferId id : instruction.inputs) read[static_cast<size_t>(id.index)] = true;
    }
  }
  int64_t bytes = 0;
  for (size_t i = 0; i < read.size(); ++i) {
    const Buffer& buffer = program.buffers[i];
    if (read[i] && buffer.role == Role::kParameter) bytes += buffer.bytes;
  }
  return bytes;
}

int64_t cache_bytes(const Program& program) {
  int64_t bytes = 0;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.role == Role::kState) bytes += buffer.bytes;
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<CachedModel>> CachedModel::create(const ModelConfig& config,
                                                         const CachedModelOptions& options,
                                                         std::unique_ptr<Backend> backend) {
  const int64_t capacity = options.capacity == 0 ? config.context : options.capacity;
  if (capacity < 1 || capacity > config.context) {
    return invalid("a cache of {} positions, expected 1 to model.context = {}", capacity,
                   config.context);
  }
  TUTTI_ASSIGN(const std::vector<int64_t> sizes, program_sizes(options, capacity));
  std::unique_ptr<CachedModel> model(new CachedModel());
  model->capacity_ = capacity;
  model->vocab_ = config.vocab;
  const OpTable ops;
  PersistentLayouts layouts;
  std::vector<Program> programs;
  BuildOptions build;
  build.cache_context = capacity;
  build.weights = options.weights;
  for (const int64_t seq : sizes) {
    build.seq = seq;
    TUTTI_ASSIGN(CompiledStep compiled, compile_size(config, build, ops, *backend, layouts));
    if (programs.empty()) model->step_ = std::move(compiled.step);
    programs.push_back(std::move(compiled.stages[0]));
  }
  TUTTI_ASSIGN(model->executor_, Executor::create(std::move(programs), std::move(backend)));
  model->program_tokens_ = sizes;
  const Executor& executor = *model->executor_;
  model->weight_bytes_ = whole_parameter_bytes(executor.program(0));
  model->position_bytes_ = cache_bytes(executor.program(0)) / capacity;
  for (size_t i = 0; i < sizes.size(); ++i) {
    model->sizes_.push_back({sizes[i], executor.operand(i, "tokens").as<int32_t>(),
                             executor.operand(i, "positions").as<int32_t>(),
                             executor.operand(i, "cache_length").as<int32_t>(),
                             executor.operand(i, "last_index").as<int32_t>(),
                             executor.operand(i, "logits").as<float>()});
  }
  return model;
}

Status CachedModel::load(TensorSource& source) {
  return load_tensors(source, model_tensors(*executor_, 0, step_, TensorSet::kParameters),
                      StoredAs::kAnyFloat);
}

void CachedModel::initialise(uint64_t seed, const cpu::Kernels& kernels, int threads) {
  const Status filled = initialise_parameters(*executor_, 0, step_, seed, kernels, threads);
  TUTTI_CHECK(filled.ok(), "{}", filled.message());
}

void CachedModel::rewind(int64_t length) {
  TUTTI_CHECK(length >= 0 && length <= length_, "{} of {} tokens", length, length_);
  length_ = length;
}

Result<std::span<const float>> CachedModel::append(std::span<const int32_t> tokens) {
  TUTTI_CHECK(!tokens.empty());
  const auto count = std::ssize(tokens);
  if (count > capacity_ - length_) {
    return invalid("{} tokens after {} do not fit into {} positions", count, length_, capacity_);
  }
  for (const int32_t token : tokens) {
    if (token < 0 || token >= vocab_) {
      return invalid("token {} is not below model.vocab = {}", token, vocab_);
    }
  }
  const float* logits = nullptr;
  while (!tokens.empty()) {
    const size_t size = choose_piece(program_tokens_, std::ssize(tokens), capacity_ - length_);
    const auto piece = tokens.first(std::min<size_t>(tokens.size(), sizes_[size].tokens));
    logits = run(size, piece);
    tokens = tokens.subspan(piece.size());
  }
  return std::span<const float>(logits, static_cast<size_t>(vocab_));
}

const float* CachedModel::run(size_t index, std::span<const int32_t> tokens) {
  const Size& size = sizes_[index];
  for (int64_t i = 0; i < size.tokens; ++i) {
    const auto at = static_cast<size_t>(i);
    size.token_ids[i] = at < tokens.size() ? tokens[at] : 0;
    size.positions[i] = static_cast<int32_t>(length_ + i);
  }
  *size.cache_length = static_cast<int32_t>(length_);
  *size.last_index = static_cast<int32_t>(tokens.size()) - 1;
  const Status status = executor_->run(index);
  TUTTI_CHECK(status.ok(), "{}", status.message());
  length_ += std::ssize(tokens);
  return size.logits;
}

}  // namespace tutti
