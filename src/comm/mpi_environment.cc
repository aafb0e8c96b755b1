#include "comm/mpi_environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace tutti {
namespace {

// Open MPI; PMIx (srun --mpi=pmix, prterun); PMI of MPICH, Intel MPI and srun --mpi=pmi2.
constexpr const char* kRankVariables[] = {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                          "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
// Open MPI; MPICH and Intel MPI; MVAPICH.
constexpr const char* kLocalSizeVariables[] = {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS",
                                               "MV2_COMM_WORLD_LOCAL_SIZE"};

}  // namespace

bool started_by_mpi() {
  return std::any_of(std::begin(kRankVariables), std::end(kRankVariables),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

std::optional<int> mpi_local_ranks() {
  for (const char* name : kLocalSizeVariables) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    const std::string_view text(value);
    int ranks = 0;
    const auto [end, failed] = std::from_chars(text.begin(), text.end(), ranks);
    if (failed == std::errc() && end == text.end() && ranks > 0) return ranks;
  }
  return std::nullopt;
}

}  // namespace tutti
