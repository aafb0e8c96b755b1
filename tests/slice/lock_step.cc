#include "slice/lock_step.h"

#include <cmath>
#include <cstring>

#include "base/status.h"
#include "program/compile.h"
#include "program/stored.h"

namespace tutti {
namespace {

double load(const Operand& x, int64_t i) {
  if (x.dtype == DType::kF64) return x.as<double>()[i];
  if (x.dtype == DType::kI32) return x.as<int32_t>()[i];
  if (x.dtype == DType::kI64) return static_cast<double>(x.as<int64_t>()[i]);
  return x.as<float>()[i];
}

void store(const Operand& x, int64_t i, double value) {
  if (x.dtype == DType::kF64)
    x.as<double>()[i] = value;
  else if (x.dtype == DType::kI32)
    x.as<int32_t>()[i] = static_cast<int32_t>(value);
  else if (x.dtype == DType::kI64)
    x.as<int64_t>()[i] = static_cast<int64_t>(value);
  else
    x.as<float>()[i] = static_cast<float>(value);
}

// Calls visit(local index, logical index) for each element of a rank's part.
template <typename Visit>
void for_each_element(const Operand& x, Visit visit) {
  for (int64_t i = 0; i < x.count(); ++i) {
    int64_t rest = i, global = 0, stride = 1;
    for (size_t d = x.sizes.size(); d-- > 0;) {
      global += (rest % x.sizes[d] + x.offsets[d]) * stride;
      rest /= x.sizes[d];
      stride *= x.global_sizes[d];
    }
    visit(i, global);
  }
}

int64_t product(const std::vector<int64_t>& sizes, size_t first, size_t last) {
  int64_t n = 1;
  for (size_t d = first; d < last; ++d) n *= sizes[d];
  return n;
}

// Elements [begin, begin + size) of dim d, as a dense block; and back.
std::vector<double> take(const Operand& x, size_t d, int64_t begin, int64_t size) {
  const int64_t inner = product(x.sizes, d + 1, x.sizes.size()), outer = product(x.sizes, 0, d);
  std::vector<double> block;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t k = 0; k < size * inner; ++k)
      block.push_back(load(x, (o * x.sizes[d] + begin) * inner + k));
  }
  return block;
}

void put(const Operand& x, size_t d, int64_t begin, int64_t size,
         const std::vector<double>& block) {
  const int64_t inner = product(x.sizes, d + 1, x.sizes.size()), outer = product(x.sizes, 0, d);
  size_t next = 0;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t k = 0; k < size * inner; ++k)
      store(x, (o * x.sizes[d] + begin) * inner + k, block[next++]);
  }
}

// Whether an instruction of the program writes the buffer's memory.
bool is_written(const Program& program, const Buffer& buffer) {
  for (const Body& body : program.bodies) {
    for (const Instruction& i : body.instructions) {
      for (BufferId id : i.outputs) {
        if (program.buffer(id).address == buffer.address) return true;
      }
    }
  }
  return false;
}

std::vector<double> whole(const Operand& x) {
  std::vector<double> values;
  for (int64_t i = 0; i < x.count(); ++i) values.push_back(load(x, i));
  return values;
}

}  // namespace

LockStep::LockStep(const std::vector<Program>& stages, const Backend& backend)
    : stages_(stages), backend_(backend) {
  const Mesh& mesh = stages[0].mesh;
  ranks_.resize(static_cast<size_t>(mesh.world_size()));
  for (int r = 0; r < mesh.world_size(); ++r) {
    Rank& rank = ranks_[static_cast<size_t>(r)];
    rank.program = &stages[static_cast<size_t>(mesh.coordinate(r, Axis::kPp))];
    rank.arena.assign(static_cast<size_t>(rank.program->total_bytes()) + 64, '\xff');
    for (const Buffer& buffer : rank.program->buffers) {
      const bool unwritten =
          buffer.role == Role::kAccumulator && !is_written(*rank.program, buffer);
      if (buffer.role == Role::kState || unwritten)
        std::memset(rank.arena.data() + buffer.address.offset, 0,
                    static_cast<size_t>(buffer.bytes));
    }
  }
}

void LockStep::set(const std::string& name, const LogicalValue& value, int microbatch) {
  for (size_t r = 0; r < ranks_.size(); ++r) {
    const Program& program = *ranks_[r].program;
    const BufferId id = program.find(name);
    if (!id.valid()) continue;
    const Buffer& buffer = program.buffer(id);
    Operand x = operand_of(buffer, program.mesh, static_cast<int>(r));
    x.data =
        ranks_[r].arena.data() + arena_offset(program, buffer, static_cast<int>(r), microbatch, {});
    for_each_element(x, [&](int64_t i, int64_t g) { store(x, i, value[static_cast<size_t>(g)]); });
  }
}

LogicalValue LockStep::get(const std::string& name) const {
  LogicalValue value;
  std::vector<bool> seen;
  for (size_t r = 0; r < ranks_.size(); ++r) {
    const Program& program = *ranks_[r].program;
    const BufferId id = program.find(name);
    if (!id.valid()) continue;
    const Buffer& buffer = program.buffer(id);
    Operand x = operand_of(buffer, program.mesh, static_cast<int>(r));
    x.data = const_cast<char*>(ranks_[r].arena.data()) +
             arena_offset(program, buffer, static_cast<int>(r), 0, {});
    const auto total = static_cast<size_t>(element_count(buffer.type.dims));
    value.resize(total);
    seen.resize(total);
    for_each_element(x, [&](int64_t i, int64_t g) {
      const auto at = static_cast<size_t>(g);
      // Replicas that differ are as wrong as a wrong value.
      if (seen[at] && value[at] != load(x, i)) value[at] = std::nan("");
      if (!seen[at]) value[at] = load(x, i);
      seen[at] = true;
    });
  }
  return value;
}

// Calls visit(operand, element of it, logical index) for what the ranks' buckets hold of a
// parameter, or of its gradient.
template <typename Visit>
void LockStep::for_each_member(const std::string& name, bool gradient, Visit visit) const {
  for (size_t r = 0; r < ranks_.size(); ++r) {
    const Program& program = *ranks_[r].program;
    for (const StoredParameter& parameter : stored_parameters(program)) {
      if (parameter.name != name || parameter.bucket_elements == 0) continue;
      const Buffer& bucket =
          program.buffer(program.find(parameter.buffer + (gradient ? ".total" : "")));
      const StoredRange range = stored_range(program, parameter, bucket, static_cast<int>(r));
      Operand part = operand_of(bucket, program.mesh, static_cast<int>(r));
      part.data = const_cast<char*>(ranks_[r].arena.data()) + range.location.offset;
      for (int64_t i = range.begin; i < range.end; ++i) {
        visit(part, i - range.begin, static_cast<size_t>(logical_index(parameter, range, i)));
      }
    }
  }
}

void LockStep::set_parameter(const std::string& name, const LogicalValue& value) {
  set(name, value);
  for (size_t s = 1; s < stages_.size(); ++s) set(name_at_stage(name, static_cast<int>(s)), value);
  for_each_member(name, false,
                  [&](Operand& part, int64_t at, size_t g) { store(part, at, value[g]); });
}

LogicalValue LockStep::get_gradient(const std::string& name) const {
  LogicalValue value;
  std::vector<bool> seen;
  for_each_member(name, true, [&](Operand& part, int64_t at, size_t g) {
    value.resize(std::max(value.size(), g + 1));
    seen.resize(value.size());
    if (seen[g] && value[g] != load(part, at)) value[g] = std::nan("");
    if (!seen[g]) value[g] = load(part, at);
    seen[g] = true;
  });
  return value.empty() ? get(name + ".acc") : value;
}

BoundInstruction& LockStep::bound(Rank& rank, const Instruction& instruction) const {
  const auto found = rank.bound.find(&instruction);
  if (found != rank.bound.end()) return found->second;
  const int number = static_cast<int>(&rank - ranks_.data());
  return rank.bound.emplace(&instruction, bind(*rank.program, instruction, number)).first->second;
}

const Instruction* LockStep::waiting_at(const Rank& rank) const {
  if (rank.action >= rank.program->actions.size() || rank.begun != rank.action) return nullptr;
  const Action& action = rank.program->actions[rank.action];
  if (action.kind != ActionKind::kRun) return nullptr;
  const Body& body = rank.program->bodies[static_cast<size_t>(action.body)];
  return rank.instruction < body.instructions.size() ? &body.instructions[rank.instruction]
                                                     : nullptr;
}

bool LockStep::run() {
  for (Rank& rank : ranks_) {
    rank.action = rank.instruction = 0;
    rank.begun = SIZE_MAX;
  }
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t r = 0; r < ranks_.size(); ++r) {
      while (advance(static_cast<int>(r))) moved = true;
    }
  }
  for (const Rank& rank : ranks_) {
    if (rank.action < rank.program->actions.size()) return false;
  }
  return messages_.empty();
}

bool LockStep::advance(int number) {
  Rank& rank = ranks_[static_cast<size_t>(number)];
  if (rank.action >= rank.program->actions.size()) return false;
  const Action& action = rank.program->actions[rank.action];
  if (rank.begun != rank.action && !receives_done(number, action)) return false;
  rank.begun = rank.action;
  if (action.kind != ActionKind::kRun) return communicate(number, action);
  const Body& body = rank.program->bodies[static_cast<size_t>(action.body)];
  if (rank.instruction >= body.instructions.size()) {
    ++rank.action;
    rank.instruction = 0;
    return true;
  }
  if (rank.instruction == 0) {
    // What an earlier body left in scratch must not be of use.
    std::memset(rank.arena.data() + rank.program->scratch_offset(), 0xff,
                static_cast<size_t>(rank.program->scratch_bytes));
  }
  const Instruction& instruction = body.instructions[rank.instruction];
  if (is_communication(instruction.kind)) return collective(number, instruction);
  BoundInstruction& b = bound(rank, instruction);
  b.point(*rank.program, rank.arena.data(), action.microbatch, action.slots);
  if (b.runs_in(action)) backend_.run(b.call(*rank.program, rank.arena.data(), action));
  ++rank.instruction;
  return true;
}

char* LockStep::data_of(int number, BufferId id, const Action& action) {
  Rank& rank = ranks_[static_cast<size_t>(number)];
  return rank.arena.data() + arena_offset(*rank.program, rank.program->buffer(id), number,
                                          action.microbatch, action.slots);
}

// What the action waits for has come, and is put where it was to be received.
bool LockStep::receives_done(int number, const Action& action) {
  const Program& program = *ranks_[static_cast<size_t>(number)].program;
  std::vector<std::pair<const Action*, std::string>> awaited;
  for (int wait : action.waits) {
    const Action& receive = program.actions[static_cast<size_t>(wait)];
    if (receive.kind != ActionKind::kReceive) continue;
    awaited.push_back(
        {&receive, fmt::format("{} {} {}", number, receive.stream, receive.microbatch)});
    if (!messages_.contains(awaited.back().second)) return false;
  }
  for (const auto& [receive, key] : awaited) {
    const std::vector<char>& message = messages_[key];
    const Buffer& buffer = program.buffer(receive->buffer);
    TUTTI_CHECK(static_cast<int64_t>(message.size()) == buffer.bytes, "{} bytes for %{}",
                message.size(), buffer.name);
    std::memcpy(data_of(number, receive->buffer, *receive), message.data(), message.size());
    messages_.erase(key);
  }
  return true;
}

bool LockStep::communicate(int number, const Action& action) {
  Rank& rank = ranks_[static_cast<size_t>(number)];
  const auto bytes = static_cast<size_t>(rank.program->buffer(action.buffer).bytes);
  char* data = data_of(number, action.buffer, action);
  if (action.kind == ActionKind::kSend) {
    const Mesh& mesh = rank.program->mesh;
    const int peer =
        mesh.group(number, mesh.whole(Axis::kPp))[static_cast<size_t>(action.peer_stage)];
    messages_[fmt::format("{} {} {}", peer, action.stream, action.microbatch)].assign(data,
                                                                                      data + bytes);
  } else if (action.kind == ActionKind::kCopy) {
    std::memcpy(data_of(number, action.target, action), data, bytes);
  }
  ++rank.action;
  return true;
}

bool LockStep::collective(int number, const Instruction& instruction) {
  const Mesh& mesh = stages_[0].mesh;
  Rank& self = ranks_[static_cast<size_t>(number)];
  if (!bound(self, instruction).runs_in(self.program->actions[self.action])) {
    ++self.instruction;
    return true;
  }
  const AxisList axes = *parse_axis_list(instruction.attributes.get_string("axes"));
  const std::vector<int> group = mesh.group(number, axes);
  for (int member : group) {
    const Instruction* other = waiting_at(ranks_[static_cast<size_t>(member)]);
    if (other == nullptr || other->kind != instruction.kind ||
        !(other->attributes == instruction.attributes)) {
      return false;
    }
  }
  combine(group);
  for (int member : group) ++ranks_[static_cast<size_t>(member)].instruction;
  return true;
}

void LockStep::combine(const std::vector<int>& group) {
  std::vector<Operand> in, out;
  bool adds = false;
  const Instruction& first = *waiting_at(ranks_[static_cast<size_t>(group[0])]);
  for (int member : group) {
    Rank& rank = ranks_[static_cast<size_t>(member)];
    const Action& action = rank.program->actions[rank.action];
    BoundInstruction& b = bound(rank, *waiting_at(rank));
    b.point(*rank.program, rank.arena.data(), action.microbatch, action.slots);
    in.push_back(b.inputs[0]);
    out.push_back(b.outputs[0]);
    adds = b.call(*rank.program, rank.arena.data(), action).adds_to(0);
  }
  const size_t n = group.size();
  const auto at_dim = [&](std::string_view attribute) {
    return static_cast<size_t>(std::max(0, in[0].dim(first.attributes.get_string(attribute))));
  };
  const size_t d = at_dim("dim"), e = at_dim("to_dim");
  const bool sums = first.kind == OpKind::kReduceScatter || first.kind == OpKind::kAllReduce;
  if (sums) {
    const bool max = first.attributes.get_string("reduce") == "max";
    std::vector<double> total = whole(in[0]);
    for (size_t j = 1; j < n; ++j) {
      for (size_t i = 0; i < total.size(); ++i) {
        const double x = load(in[j], static_cast<int64_t>(i));
        total[i] = max ? std::max(total[i], x) : total[i] + x;
      }
    }
    std::vector<float> storage(total.begin(), total.end());
    for (size_t j = 0; j < n; ++j) {
      if (first.kind != OpKind::kReduceScatter) {
        for (size_t i = 0; i < total.size(); ++i) store(out[j], static_cast<int64_t>(i), total[i]);
        continue;
      }
      Operand sum = in[0];
      sum.data = storage.data();
      const int64_t size = out[j].sizes[d];
      std::vector<double> part = take(sum, d, size * static_cast<int64_t>(j), size);
      for (size_t i = 0; adds && i < part.size(); ++i)
        part[i] += load(out[j], static_cast<int64_t>(i));
      put(out[j], d, 0, size, part);
    }
    return;
  }
  std::vector<std::vector<double>> gathered;
  for (const Operand& x : in) gathered.push_back(whole(x));
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < n; ++k) {
      const int64_t begin = in[k].sizes[d] * static_cast<int64_t>(k);
      if (first.kind == OpKind::kAllGather) {
        put(out[j], d, begin, in[k].sizes[d], gathered[k]);
      } else {
        const int64_t size = out[j].sizes[e];
        put(out[j], d, begin, in[k].sizes[d], take(in[k], e, size * static_cast<int64_t>(j), size));
      }
    }
  }
}

}  // namespace tutti
