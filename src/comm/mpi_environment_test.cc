#include "comm/mpi_environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

namespace tutti {
namespace {

class MpiEnvironmentTest : public testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }

 private:
  static void clear() {
    for (const char* name :
         {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "PMIX_RANK",
          "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE",
          "SLURM_STEP_TASKS_PER_NODE", "SLURM_NODEID"}) {
      unsetenv(name);
    }
  }
};

TEST_F(MpiEnvironmentTest, NoLauncher) {
  EXPECT_FALSE(started_by_mpi());
  EXPECT_FALSE(mpi_local_ranks());
  EXPECT_FALSE(mpi_rank());
}

TEST_F(MpiEnvironmentTest, OpenMpi) {
  setenv("OMPI_COMM_WORLD_RANK", "5", 1);
  setenv("OMPI_COMM_WORLD_SIZE", "8", 1);
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1);
  EXPECT_TRUE(started_by_mpi());
  EXPECT_EQ(mpi_local_ranks(), 4);
  EXPECT_EQ(mpi_rank(), 5);
}

TEST_F(MpiEnvironmentTest, Mpich) {
  setenv("PMI_RANK", "0", 1);
  setenv("MPI_LOCALNRANKS", "2", 1);
  EXPECT_TRUE(started_by_mpi());
  EXPECT_EQ(mpi_local_ranks(), 2);
  EXPECT_EQ(mpi_rank(), 0);
}

TEST_F(MpiEnvironmentTest, SlurmCountsTheTasksOfEachNode) {
  setenv("PMIX_RANK", "3", 1);
  EXPECT_TRUE(started_by_mpi());
  EXPECT_FALSE(mpi_local_ranks());
  setenv("SLURM_STEP_TASKS_PER_NODE", "4(x2),3,16(x10)", 1);
  EXPECT_FALSE(mpi_local_ranks());
  const std::pair<const char*, int> expected[] = {
      {"0", 4}, {"1", 4}, {"2", 3}, {"3", 16}, {"12", 16}};
  for (const auto& [node, tasks] : expected) {
    setenv("SLURM_NODEID", node, 1);
    EXPECT_EQ(mpi_local_ranks(), tasks) << node;
  }
  setenv("SLURM_NODEID", "13", 1);
  EXPECT_FALSE(mpi_local_ranks());
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "5", 1);  // mpirun within the job
  EXPECT_EQ(mpi_local_ranks(), 5);
}

TEST_F(MpiEnvironmentTest, NonsenseOfSlurmIsNoCount) {
  setenv("SLURM_NODEID", "1", 1);
  for (const char* tasks :
       {"", "4", "4(x", "4(x1", "4(x1)", "4(x1);3", "4,", "4,0", "4,x", "4,-1"}) {
    setenv("SLURM_STEP_TASKS_PER_NODE", tasks, 1);
    EXPECT_FALSE(mpi_local_ranks()) << tasks;
  }
}

TEST_F(MpiEnvironmentTest, NonsenseIsNoCount) {
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4x", 1);
  EXPECT_FALSE(mpi_local_ranks());
}

}  // namespace
}  // namespace tutti
