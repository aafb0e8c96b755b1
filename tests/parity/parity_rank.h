// One rank of a parity run: its programs, its memory, and the inputs of each step.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "execute/executor.h"
#include "models/step_graph.h"
#include "ops/op_def.h"
#include "parity/parity_run.h"
#include "program/stored.h"

namespace tutti {

// Used by its rank's thread. Calls that return a Status or a Result are collective.
class ParityRank {
 public:
  // `world` must outlive it. Parameters have their first values.
  static Result<std::unique_ptr<ParityRank>> create(const ParityModel& model,
                                                    const ParityLayout& layout, World& world);

  // Trains step `step`, counted from 0, on what it determines.
  Status run_step(int step);
  // Of the step that was run.
  Result<ParityStep> read_step();
  double loss() const { return *executor_->operand(0, "loss").as<float>(); }
  // Of a step, by the programs of all stages, in bytes.
  int64_t planned_wire() const { return planned_wire_; }
  // By all ranks, in bytes.
  Result<int64_t> sent();

  Executor& executor() { return *executor_; }
  const StepGraph& graph() const { return step_; }
  Communicator& all() { return *all_; }

  // Calls visit(element, its logical index, whether no lower rank holds it) for each element that
  // this rank holds in `buffer`, which lies like the parameter's.
  template <typename Visit>
  void for_each_element(const StoredParameter& parameter, const std::string& buffer, Visit visit) {
    const Program& program = executor_->program(0);
    TUTTI_CHECK(program.find(buffer).valid(), "stage {} has no %{}", program.stage, buffer);
    const Buffer& held = program.buffer(program.find(buffer));
    const StoredRange range = stored_range(program, parameter, held, world_.rank());
    std::vector<float> data(static_cast<size_t>(range.end - range.begin));
    const std::span<char> bytes(reinterpret_cast<char*>(data.data()), data.size() * sizeof(float));
    Status status = executor_->read(range.location, bytes);
    TUTTI_CHECK(status.ok(), "{}", status.message());
    for (int64_t i = range.begin; i < range.end; ++i) {
      const int64_t global = logical_index(parameter, range, i);
      visit(data[static_cast<size_t>(i - range.begin)], global, range.first_replica);
    }
    status = executor_->write(range.location, bytes);
    TUTTI_CHECK(status.ok(), "{}", status.message());
  }
  const StoredParameter& stored(const std::string& name) const;
  bool has(const std::string& name) const;  // on this rank's stage, and not as a replica

 private:
  ParityRank(const ParityModel& model, const ParityLayout& layout, World& world);

  Status prepare();
  void set_parameter(const ParameterInfo& info);
  void fill_inputs(int step);
  std::vector<int64_t> positions_of(const Operand& labels) const;

  ModelConfig model_;
  Plan plan_;
  Schedule schedule_;
  World& world_;
  OpTable ops_;
  StepGraph step_;
  int64_t planned_wire_ = 0;
  std::unique_ptr<Executor> executor_;
  std::vector<StoredParameter> parameters_;
  std::unique_ptr<Communicator> all_;
};

}  // namespace tutti
