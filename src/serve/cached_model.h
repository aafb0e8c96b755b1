// A model that reads a text piece by piece and remembers its keys and values.
//
// It is a set of compiled programs over one arena: one for each prefill size (16 to 1024 tokens at
// once) and one for a single token. Parameters and the cache lie in their common
// persistent region. A piece that fits no size is padded: what padding writes lies behind the end
// of the text in the cache, where nothing reads it and the next piece overwrites it.
//
// Matrices are kept in FP32 or, for half the memory and 1.6 to 1.9 times the speed, in BF16;
// activations, sums, norms, biases and the cache are FP32 either way.
//
// Memory is taken at create() and is what the programs planned. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "checkpoint/tensor_source.h"
#include "execute/executor.h"
#include "kernels/cpu/kernels.h"
#include "models/config.h"
#include "models/step_graph.h"

namespace tutti {

struct CachedModelOptions {
  DType weights = DType::kF32;  // of matrices: kF32 or kBF16
  int64_t capacity = 0;         // positions in the cache; 0 is model.context
  // Tokens at once, rising; those larger than the cache are unused.
  std::vector<int64_t> prefill_sizes = {16, 64, 256, 512, 1024};
};

class CachedModel {
 public:
  // kInvalidArgument: sizes that cannot be, a capacity above model.context. kResource: not enough
  // memory. Parameters are zeros until load().
  static Result<std::unique_ptr<CachedModel>> create(const ModelConfig& config,
                                                     const CachedModelOptions& options,
                                                     std::unique_ptr<Backend> backend);

  // Reads every parameter and rounds it to what it is kept in. An error names the tensor that is
  // missing or differs.
  Status load(TensorSource& source);
  // Random parameters, as those that training starts from (initialise_parameters).
  void initialise(uint64_t seed, const cpu::Kernels& kernels, int threads);
  // One parameter as the compiler laid it out, with the padding rows of a vocabulary.
  Operand parameter(std::string_view name) const { return executor_->operand(0, name); }
  const StepGraph& step() const { return step_; }

  // Forgets the text.
  void reset() { length_ = 0; }
  // Goes back to the first `length` tokens of the text. Requires 0 <= length <= length().
  void rewind(int64_t length);

  // Appends `tokens` to the text: the logits[vocab] of the token that follows, valid until the next
  // call. kInvalidArgument, with nothing appended, when they do not fit into the cache or one is no
  // token of the model. Requires at least one token.
  Result<std::span<const float>> append(std::span<const int32_t> tokens);

  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }
  int64_t vocab() const { return vocab_; }
  int64_t allocated_bytes() const { return executor_->allocated_bytes(); }
  // What one token must read when `length` are before it: every weight but the rows of embeddings
  // that it does not look up, and their keys and values.
  int64_t token_bytes(int64_t length) const { return weight_bytes_ + length * position_bytes_; }

  // Times each instruction from now on (null: stops). The profile must outlive the runs.
  void set_profile(Profile* profile) { executor_->set_profile(profile); }

 private:
  // A program and where its inputs and its output lie.
  struct Size {
    int64_t tokens = 0;
    int32_t* token_ids = nullptr;
    int32_t* positions = nullptr;
    int32_t* cache_length = nullptr;
    int32_t* last_index = nullptr;
    const float* logits = nullptr;
  };

  CachedModel() = default;
  const float* run(size_t size, std::span<const int32_t> tokens);

  std::unique_ptr<Executor> executor_;
  StepGraph step_;                       // of program 0
  std::vector<int64_t> program_tokens_;  // by program, rising; the first takes one token
  std::vector<Size> sizes_;              // by program
  int64_t capacity_ = 0;
  int64_t vocab_ = 0;
  int64_t length_ = 0;
  int64_t weight_bytes_ = 0;    // that one token reads
  int64_t position_bytes_ = 0;  // of keys and values in the cache
};

}  // namespace tutti
