#include <array>
#include <unordered_map>

#include "ir/text.h"
#include "ir/text_cursor.h"

namespace tutti {
namespace {

constexpr std::array kDeclaredRoles = {Role::kInput, Role::kScalar, Role::kParameter, Role::kState,
                                       Role::kAccumulator};
constexpr std::array kRegions = {Region::kPrologue, Region::kBody, Region::kEpilogue};
constexpr std::array kPhases = {Phase::kForward, Phase::kBackwardInput, Phase::kBackwardWeight};

class GraphParser {
 public:
  Result<Graph> parse(std::string_view text) {
    int line_number = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      TUTTI_TRY(line(text.substr(0, end), ++line_number));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (graph_.name.empty()) return corrupt("line 1: expected 'graph NAME'");
    return std::move(graph_);
  }

 private:
  Status line(std::string_view text, int number) {
    TextCursor cursor(text, number);
    if (cursor.at_end() || cursor.accept("#")) return {};
    if (cursor.accept("graph ")) {
      TUTTI_ASSIGN(graph_.name, cursor.word("the graph's name"));
      return {};
    }
    if (cursor.accept("output ")) return output(cursor);
    for (Role role : kDeclaredRoles) {
      if (cursor.accept(fmt::format("{} ", role_name(role)))) return declaration(cursor, role);
    }
    for (Region region : kRegions) {
      if (cursor.accept(region_name(region))) {
        region_ = region;
        return {};
      }
    }
    return operation(cursor);
  }

  Result<ValueId> define(TextCursor& cursor, Role role) {
    Value value;
    value.role = role;
    TUTTI_ASSIGN(value.name, cursor.value_name());
    TUTTI_TRY(cursor.expect(":"));
    TUTTI_TRY(cursor.type(value.type, value.placement));
    const ValueId id = graph_.add_value(value);
    if (!ids_.emplace(value.name, id).second) {
      return cursor.error_here(fmt::format("a new name, %{} is defined twice", value.name));
    }
    return id;
  }

  Result<ValueId> reference(TextCursor& cursor) {
    TUTTI_ASSIGN(const std::string name, cursor.value_name());
    const auto found = ids_.find(name);
    if (found == ids_.end()) {
      return cursor.error_here(fmt::format("a value defined before, %{} is not", name));
    }
    return found->second;
  }

  Status declaration(TextCursor& cursor, Role role) {
    TUTTI_ASSIGN(const ValueId id, define(cursor, role));
    graph_.value(id).offloaded = cursor.accept("offloaded");
    return stage(cursor, graph_.value(id).stage);
  }

  Status output(TextCursor& cursor) {
    TUTTI_ASSIGN(const ValueId id, reference(cursor));
    graph_.outputs.push_back(id);
    return {};
  }

  Status stage(TextCursor& cursor, int& stage) {
    if (!cursor.accept("stage=")) return {};
    TUTTI_ASSIGN(const int64_t number, cursor.integer("a stage"));
    stage = static_cast<int>(number);
    return {};
  }

  Status operation(TextCursor& cursor) {
    Op op;
    op.region = region_;
    bool found = cursor.accept("- ");
    for (Phase phase : kPhases) {
      if (!found && cursor.accept(fmt::format("{} ", phase_name(phase)))) {
        op.phase = phase;
        found = true;
      }
    }
    if (!found) return cursor.error_here("a phase (F, Bi, Bw or -) or a declaration");
    std::vector<int> output_stages;
    TUTTI_TRY(op_outputs(cursor, op, output_stages));
    TUTTI_TRY(cursor.expect("="));
    const Error unknown = cursor.error_here("a kind of op");
    TUTTI_ASSIGN(const std::string kind, cursor.word("a kind of op"));
    const std::optional<OpKind> parsed = parse_op_kind(kind);
    if (!parsed) return unknown;
    op.kind = *parsed;
    TUTTI_TRY(op_inputs(cursor, op));
    TUTTI_TRY(op_suffixes(cursor, op));
    for (size_t i = 0; i < op.outputs.size(); ++i) {
      graph_.value(op.outputs[i]).stage =
          output_stages[i] == kEveryStage ? op.stage : output_stages[i];
    }
    graph_.ops.push_back(std::move(op));
    return {};
  }

  Status op_outputs(TextCursor& cursor, Op& op, std::vector<int>& stages) {
    do {
      TUTTI_ASSIGN(const ValueId id, define(cursor, Role::kTemporary));
      if (cursor.accept("updates ")) {
        TUTTI_ASSIGN(graph_.value(id).updates, reference(cursor));
      }
      graph_.value(id).offloaded = cursor.accept("offloaded");
      int own = kEveryStage;
      TUTTI_TRY(stage(cursor, own));
      op.outputs.push_back(id);
      stages.push_back(own);
    } while (cursor.accept(","));
    return {};
  }

  Status op_inputs(TextCursor& cursor, Op& op) {
    TUTTI_TRY(cursor.expect("("));
    while (!cursor.accept(")")) {
      if (!op.inputs.empty()) TUTTI_TRY(cursor.expect(","));
      TUTTI_ASSIGN(const ValueId id, reference(cursor));
      op.inputs.push_back(id);
    }
    TextCursor ahead = cursor;
    if (!ahead.accept("{")) return {};
    TUTTI_ASSIGN(op.attributes, cursor.attributes());
    return {};
  }

  Status op_suffixes(TextCursor& cursor, Op& op) {
    TUTTI_TRY(stage(cursor, op.stage));
    if (cursor.accept("block=")) {
      TUTTI_ASSIGN(const int64_t block, cursor.integer("a block"));
      op.block = static_cast<int>(block);
    }
    if (cursor.accept("add=after_first")) op.accumulation = Accumulation::kAfterFirst;
    if (cursor.accept("add=always")) op.accumulation = Accumulation::kAlways;
    if (cursor.accept("when=last")) op.when = When::kLast;
    if (!cursor.at_end()) return cursor.error_here("the end of the line");
    return {};
  }

  Graph graph_;
  std::unordered_map<std::string, ValueId> ids_;
  Region region_ = Region::kPrologue;
};

}  // namespace

Result<Graph> parse_graph(std::string_view text) { return GraphParser().parse(text); }

}  // namespace tutti
