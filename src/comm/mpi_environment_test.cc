#include "comm/mpi_environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

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
          "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE"}) {
      unsetenv(name);
    }
  }
};

TEST_F(MpiEnvironmentTest, NoLauncher) {
  EXPECT_FALSE(started_by_mpi());
  EXPECT_FALSE(mpi_local_ranks());
}

TEST_F(MpiEnvironmentTest, OpenMpi) {
  setenv("OMPI_COMM_WORLD_SIZE", "8", 1);
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1);
  EXPECT_TRUE(started_by_mpi());
  EXPECT_EQ(mpi_local_ranks(), 4);
}

TEST_F(MpiEnvironmentTest, Mpich) {
  setenv("PMI_RANK", "0", 1);
  setenv("MPI_LOCALNRANKS", "2", 1);
  EXPECT_TRUE(started_by_mpi());
  EXPECT_EQ(mpi_local_ranks(), 2);
}

TEST_F(MpiEnvironmentTest, SlurmWithPmixTellsNoLocalCount) {
  setenv("PMIX_RANK", "3", 1);
  EXPECT_TRUE(started_by_mpi());
  EXPECT_FALSE(mpi_local_ranks());
}

TEST_F(MpiEnvironmentTest, NonsenseIsNoCount) {
  setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4x", 1);
  EXPECT_FALSE(mpi_local_ranks());
}

}  // namespace
}  // namespace tutti
