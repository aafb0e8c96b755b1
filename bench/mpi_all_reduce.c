// Times MPI's own all-reduce, as comm_bench times Tutti's: blocking, floats, out of place. Each
// repetition but the first prints the seconds of the slowest rank as one line of JSON.
//
//   mpirun -n 2 mpi_all_reduce BYTES REPETITIONS
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static void time_all_reduce(const float* in, float* out, int count, int repetition) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double begin_s = MPI_Wtime();
  MPI_Allreduce(in, out, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  const double here_s = MPI_Wtime() - begin_s;
  double seconds = 0;
  MPI_Reduce(&here_s, &seconds, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank != 0 || repetition < 0) return;
  printf("{\"repetition\":%d,\"seconds\":%.9f}\n", repetition, seconds);
  fflush(stdout);
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int count = argc == 3 ? (int)(atoll(argv[1]) / (long long)sizeof(float)) : 0;
  const int repetitions = argc == 3 ? atoi(argv[2]) : 0;
  if (count < 1 || repetitions < 1) {
    fprintf(stderr, "usage: mpi_all_reduce BYTES REPETITIONS\n");
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  float* in = malloc((size_t)count * sizeof(float));
  float* out = malloc((size_t)count * sizeof(float));
  if (in == NULL || out == NULL) {
    fprintf(stderr, "mpi_all_reduce: no memory for twice %d floats\n", count);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  for (int i = 0; i < count; ++i) {
    in[i] = 1;
    out[i] = 0;
  }
  for (int i = -1; i < repetitions; ++i) time_all_reduce(in, out, count, i);
  free(in);
  free(out);
  MPI_Finalize();
  return 0;
}
