// tutti eval: the loss of a checkpoint on a token dataset.
#include <cmath>

#include "base/clock.h"
#include "base/format.h"
#include "base/signal.h"
#include "command_line.h"
#include "output.h"
#include "train/evaluate_checkpoint.h"
#include "verbs.h"

namespace tutti {
namespace {

std::string to_text(const CheckpointEvaluation& evaluation, double seconds) {
  const EvaluationResult& result = evaluation.result;
  return fmt::format(
      "checkpoint  {} (step {}, {} parameters)\n"
      "loss        {:.4f} nats a token\n"
      "perplexity  {:.2f}\n"
      "tokens      {} in {} batches, {} tok/s\n",
      evaluation.checkpoint, evaluation.step,
      human_count(static_cast<double>(evaluation.parameters)), result.loss, std::exp(result.loss),
      result.tokens, result.batches, human_count(static_cast<double>(result.tokens) / seconds));
}

Json to_json(const CheckpointEvaluation& evaluation, const std::string& data, double seconds) {
  const EvaluationResult& result = evaluation.result;
  return {{"checkpoint", evaluation.checkpoint},
          {"step", evaluation.step},
          {"parameters", evaluation.parameters},
          {"data", data},
          {"loss", result.loss},
          {"perplexity", std::exp(result.loss)},
          {"tokens", result.tokens},
          {"batches", result.batches},
          {"seconds", seconds}};
}

}  // namespace

int run_eval(int argc, char** argv) {
  CommandLine app("Compute the loss of a trained model on held-out text.", "tutti eval");
  EvaluateCheckpointOptions options;
  bool json = false;
  app.add_option("CHECKPOINT", options.path,
                 "A checkpoint's directory, a run's (its newest valid one), or a Hugging Face one")
      ->required();
  app.add_option("--data", options.data,
                 "Tokens: the prefix of a .bin/.idx pair, or a .bin of llm.c or nanoGPT")
      ->required();
  app.add_option("--batches", options.batches,
                 "Microbatches of the run's size, a fixed selection of the data; without it all")
      ->range(1, int64_t{1} << 40);
  app.add_option("--threads", options.threads, "Threads for kernels; without it every core")
      ->range(1, 4096);
  app.add_flag("--json", json, "Print one JSON object");
  app.footer(
      "Example:\n"
      "  tutti eval runs/quickstart --data runs/quickstart/data/validation\n"
      "  tutti eval models/smollm2 --data data/validation --batches 100");
  if (const auto status = app.parse(argc, argv)) return *status;

  const auto fs = make_posix_file_system();
  const auto clock = make_system_clock();
  const StopSignal stop;
  options.stop_requested = [&stop] { return stop.requested(); };
  const double start = clock->monotonic_s();
  const auto evaluation = evaluate_checkpoint(*fs, options);
  if (!evaluation.ok()) {
    print_error("eval", evaluation.error());
    return stop.requested() ? 128 + stop.caught() : kExitFailed;
  }
  const double seconds = clock->monotonic_s() - start;
  return json ? print_json("eval", to_json(*evaluation, options.data, seconds))
              : print_text("eval", to_text(*evaluation, seconds));
}

}  // namespace tutti
