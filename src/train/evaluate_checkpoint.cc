#include "train/evaluate_checkpoint.h"

#include <omp.h>

#include "base/format.h"
#include "kernels/cpu/kernels.h"
#include "tensor/available_memory.h"
#include "train/layout.h"
#include "train/model_tensors.h"
#include "train/run_data.h"
#include "train/run_programs.h"
#include "train/saved_model.h"

namespace tutti {
namespace {

// Before the executor takes it.
Status check_fits(const std::string& path, const Program& program, int threads) {
  const auto needed = static_cast<uint64_t>(program.total_bytes());
  const AvailableMemory available = process_memory(process_reserve(threads));
  if (needed <= available.bytes) return {};
  return error(ErrorKind::kResource,
               "{}: the evaluation needs {} of memory, but {} are available ({})", path,
               human_bytes(needed), human_bytes(available.bytes), available.limit);
}

}  // namespace

Result<CheckpointEvaluation> evaluate_checkpoint(FileSystem& fs,
                                                 const EvaluateCheckpointOptions& options) {
  TUTTI_ASSIGN(const SavedModel saved, open_saved_model(fs, options.path));
  const Config& config = saved.config;
  TUTTI_ASSIGN(const TokenDataset dataset,
               open_samples(fs, config, options.data, "--data", saved.tokenizer_paths));

  const OpTable ops;
  const int threads = options.threads > 0 ? options.threads : omp_get_max_threads();
  auto backend = make_cpu_backend(cpu::default_kernels(), threads);
  TUTTI_ASSIGN(CompiledStep compiled,
               compile_evaluation(config, one_rank_plan(config.train.micro_batch, 1), ops, *backend,
                                  nullptr));
  TUTTI_TRY(check_fits(saved.tensors->directory(), compiled.stages[0], threads));
  std::vector<Program> programs;
  programs.push_back(std::move(compiled.stages[0]));
  TUTTI_ASSIGN(auto executor, Executor::create(std::move(programs), std::move(backend)));
  TUTTI_TRY(load_tensors(*saved.tensors,
                         model_tensors(*executor, 0, compiled.step, TensorSet::kParameters)));

  CheckpointEvaluation evaluation;
  evaluation.checkpoint = saved.tensors->directory();
  evaluation.step = saved.step;
  evaluation.parameters = parameter_count(compiled.step.graph, compiled.step.model.parameters);
  TUTTI_ASSIGN(Ranks alone, Ranks::create(nullptr, 1));
  TUTTI_ASSIGN(const auto result,
               evaluate(*executor, 0, alone, dataset,
                        {.batches = options.batches, .stop_requested = options.stop_requested}));
  if (!result) return error(ErrorKind::kInterrupted, "asked to stop before the evaluation's end");
  if (result->tokens == 0) {
    return invalid("--data: {}: none of the tokens in {} batches is learned, so there is no loss",
                   options.data, result->batches);
  }
  evaluation.result = *result;
  return evaluation;
}

}  // namespace tutti
