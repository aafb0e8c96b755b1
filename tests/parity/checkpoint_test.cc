// Every layout goes on from every other one's checkpoint.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <thread>

#include "base/test_file_system.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/save_group.h"
#include "comm/threads/world.h"
#include "execute/initialise.h"
#include "kernels/cpu/kernels.h"
#include "parity/layouts.h"
#include "parity/parity_rank.h"
#include "train/model_tensors.h"

namespace tutti {
namespace {

constexpr int kSavedAfter = 3;  // steps
constexpr int kSteps = 5;
constexpr double kLossTolerance = 1e-5;

constexpr std::array kLayouts = {
    "",
    "dp=2",
    "shard=2 zero=1",
    "shard=4 zero=3 accumulate=2",
    "shard=8 zero=1",
    "tp=2",
    "tp=8",
    "dp=2 shard=2 zero=2 accumulate=2",
    "shard=2 tp=4 zero=2",
    "shard=4 tp=2 zero=3",
    "dp=2 shard=2 tp=2 zero=1",
    "dp=2 shard=2 tp=2 zero=3",
    "pp=2 accumulate=4",
    "pp=2 shard=2 tp=2 zero=1 accumulate=4 schedule=zb-h1",
    "pp=2 dp=2 shard=2 zero=3 accumulate=2",
    "shard=2 zero=3 offload=parameters,optimizer",
    "pp=2 accumulate=4 offload=parameters,optimizer,activations",
};

using Tensors = std::map<std::string, std::string>;  // bytes by name, logical

// All ranks of a layout.
class Ranks {
 public:
  Ranks(const ParityModel& model, const std::string& layout) {
    const ParityLayout laid_out = parity_layout(layout);
    worlds_ = make_thread_worlds(laid_out.plan.mesh.world_size(), {.timeout_s = 60}, *clock_);
    ranks_.resize(worlds_.size());
    each([&](size_t r) -> Status {
      TUTTI_ASSIGN(ranks_[r], ParityRank::create(model, laid_out, *worlds_[r]));
      return {};
    });
  }

  ParityRank& rank(size_t r) { return *ranks_[r]; }

  // On a thread for each rank. Fails the test when one fails.
  void each(const std::function<Status(size_t)>& run) {
    std::vector<std::thread> threads;
    for (size_t r = 0; r < worlds_.size(); ++r) {
      threads.emplace_back([&, r] {
        const Status status = run(r);
        EXPECT_TRUE(status.ok()) << "rank " << r << ": " << status.message();
        if (!status.ok()) worlds_[r]->abort(status);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::vector<ModelTensor> held(size_t r, TensorSet set = TensorSet::kParametersAndState) {
    return model_tensors(ranks_[r]->executor(), 0, ranks_[r]->graph(), set);
  }

  // What the ranks that write hold together; what others hold must be the same.
  Tensors gathered(TensorSet set = TensorSet::kParametersAndState) {
    Tensors tensors;
    for (const bool written : {true, false}) {
      for (size_t r = 0; r < ranks_.size(); ++r) {
        for (const ModelTensor& tensor : held(r, set)) {
          if (tensor.written == written) gather(tensor, tensors);
        }
      }
    }
    return tensors;
  }

  void train(int first, int last) {
    each([&](size_t r) -> Status {
      for (int step = first; step < last; ++step) TUTTI_TRY(ranks_[r]->run_step(step));
      return {};
    });
  }

  void save(FileSystem& fs, const std::string& run_dir) {
    each([&](size_t r) -> Status {
      SaveGroup group(fs, run_dir, 0, &ranks_[r]->all());
      const Program& program = ranks_[r]->executor().program(0);
      Snapshot snapshot;
      snapshot.tensors = snapshot_tensors(held(r));
      int64_t bytes = 0;
      for (const SnapshotTensor& tensor : snapshot.tensors) {
        bytes += static_cast<int64_t>(tensor.byte_count());
      }
      EXPECT_EQ(bytes, snapshot_bytes(program, static_cast<int>(r), ranks_[r]->graph(),
                                      TensorSet::kParametersAndState));
      return group.save(snapshot).status();
    });
  }

  void restore(FileSystem& fs, const std::string& run_dir) {
    each([&](size_t r) -> Status {
      const std::vector<ModelTensor> tensors = held(r);
      for (const ModelTensor& tensor : tensors) {
        TUTTI_TRY(tensor.write(0, std::vector<char>(tensor.byte_count(), 0x5a)));
      }
      TUTTI_ASSIGN(Checkpoint checkpoint, load_checkpoint(fs, run_dir, Trust::kStructure));
      return load_tensors(checkpoint, tensors);
    });
  }

 private:
  static void gather(const ModelTensor& tensor, Tensors& tensors) {
    const size_t element = dtype_bytes(tensor.dtype);
    std::vector<char> held(tensor.byte_count());
    EXPECT_TRUE(tensor.read(0, held).ok()) << tensor.name;
    std::string& all = tensors[tensor.name];
    all.resize(static_cast<size_t>(element_count(tensor.sizes)) * element);
    const auto status = for_each_run_of(
        tensor.boxes, tensor.sizes, tensor.name, [&](int64_t to, int64_t from, int64_t count) {
          char* const place = all.data() + static_cast<size_t>(to) * element;
          const char* const bytes = held.data() + static_cast<size_t>(from) * element;
          const size_t size = static_cast<size_t>(count) * element;
          if (tensor.written) std::memcpy(place, bytes, size);
          EXPECT_EQ(std::memcmp(place, bytes, size), 0) << tensor.name;
        });
    EXPECT_TRUE(status.ok());
  }

  std::unique_ptr<Clock> clock_ = make_system_clock();
  std::vector<std::unique_ptr<World>> worlds_;
  std::vector<std::unique_ptr<ParityRank>> ranks_;
};

class CheckpointParity : public testing::TestWithParam<ParityModel> {};

TEST_P(CheckpointParity, EveryLayoutGoesOnFromEveryOther) {
  TestFileSystem fs;
  std::vector<Tensors> saved;
  for (const char* layout : kLayouts) {
    Ranks ranks(GetParam(), layout);
    ranks.train(0, kSavedAfter);
    ranks.save(fs, fmt::format("/{}", layout));
    ASSERT_FALSE(HasFailure()) << layout;
    EXPECT_TRUE(load_checkpoint(fs, fmt::format("/{}", layout)).ok()) << layout;
    saved.push_back(ranks.gathered());
  }
  std::vector<double> losses;
  Ranks one(GetParam(), "");
  for (int step = 0; step < kSteps; ++step) {
    one.train(step, step + 1);
    losses.push_back(one.rank(0).loss());
  }
  for (size_t to = 0; to < kLayouts.size(); ++to) {
    Ranks ranks(GetParam(), kLayouts[to]);
    for (size_t from = 0; from < kLayouts.size(); ++from) {
      const std::string pair = fmt::format("'{}' to '{}'", kLayouts[from], kLayouts[to]);
      ranks.restore(fs, fmt::format("/{}", kLayouts[from]));
      ASSERT_FALSE(HasFailure()) << pair;
      EXPECT_TRUE(ranks.gathered() == saved[from]) << pair;
      if (from != (to * 5 + 3) % kLayouts.size()) continue;
      for (int step = kSavedAfter; step < kSteps; ++step) {
        ranks.train(step, step + 1);
        const double expected = losses[static_cast<size_t>(step)];
        EXPECT_LE(std::abs(ranks.rank(0).loss() - expected), kLossTolerance * expected) << pair;
      }
    }
  }
}

TEST_P(CheckpointParity, FirstValuesAreTheSameInEveryLayout) {
  Tensors expected;
  for (const char* layout : kLayouts) {
    Ranks ranks(GetParam(), layout);
    const auto each_embedding = [&](size_t r, const auto& visit) {
      if (!ranks.rank(r).has("embed.weight")) return;
      const StoredParameter& embedding = ranks.rank(r).stored("embed.weight");
      ranks.rank(r).for_each_element(embedding, embedding.buffer, visit);
    };
    ranks.each([&](size_t r) -> Status {
      each_embedding(r, [](float& x, int64_t, bool) { x = 1; });
      TUTTI_TRY(initialise_parameters(ranks.rank(r).executor(), 0, ranks.rank(r).graph(), 7,
                                      cpu::default_kernels(), 1));
      const int64_t valid = GetParam().config.vocab * GetParam().config.embed;
      each_embedding(r, [&](float& x, int64_t index, bool) {
        if (index >= valid) {
          EXPECT_EQ(x, 0) << index;
        }
      });
      return {};
    });
    const Tensors tensors = ranks.gathered(TensorSet::kParameters);
    if (expected.empty()) expected = tensors;
    EXPECT_TRUE(tensors == expected) << layout;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, CheckpointParity, testing::Values(parity_gpt2(), parity_llama()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tutti
