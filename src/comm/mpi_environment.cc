#include "comm/mpi_environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <span>
#include <string_view>

namespace tutti {
namespace {

// Open MPI; PMIx (srun --mpi=pmix, prterun); PMI of MPICH, Intel MPI and srun --mpi=pmi2.
constexpr const char* kRankVariables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
constexpr const char* kSizeVariables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
// Open MPI; MPICH and Intel MPI; MVAPICH.
constexpr const char* kLocalSizeVariables[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS",
                                               "MV2_COMM_WORLD_LOCAL_SIZE"};

// The count that `text` begins with, which is taken off it.
std::optional<int> take_count(std::string_view& text) {
  int count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failed != std::errc() || count < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return count;
}

// Of tasks as srun counts them: "2(x3),1" is two on each of three nodes, and one on the fourth.
std::optional<int> slurm_tasks_of_node(std::string_view text, int node) {
  while (!text.empty()) {
    const std::optional<int> tasks = take_count(text);
    if (!tasks || *tasks == 0) return std::nullopt;
    int nodes = 1;
    if (text.starts_with("(x")) {
      text.remove_prefix(2);
      const std::optional<int> repeated = take_count(text);
      if (!repeated || !text.starts_with(")")) return std::nullopt;
      text.remove_prefix(1);
      nodes = *repeated;
    }
    if (node < nodes) return tasks;
    node -= nodes;
    if (!text.starts_with(",")) return std::nullopt;
    text.remove_prefix(1);
  }
  return std::nullopt;
}

// The value of the first of the variables that is a count and nothing else.
std::optional<int> count_of(std::span<const char* const> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    std::string_view text(value);
    const std::optional<int> count = take_count(text);
    if (count && text.empty()) return count;
  }
  return std::nullopt;
}

bool any_is_set(std::span<const char* const> names) {
  return std::any_of(names.begin(), names.end(),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

}  // namespace

bool started_by_mpi() { return any_is_set(kRankVariables) || any_is_set(kSizeVariables); }

std::optional<int> mpi_rank() { return count_of(kRankVariables); }

std::optional<int> mpi_local_ranks() {
  const std::optional<int> ranks = count_of(kLocalSizeVariables);
  if (ranks && *ranks > 0) return ranks;
  const char* tasks = std::getenv("SLURM_STEP_TASKS_PER_NODE");
  const char* node = std::getenv("SLURM_NODEID");
  if (tasks == nullptr || node == nullptr) return std::nullopt;
  std::string_view node_text(node);
  const std::optional<int> index = take_count(node_text);
  return index ? slurm_tasks_of_node(tasks, *index) : std::nullopt;
}

}  // namespace tutti
