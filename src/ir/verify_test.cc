#include "ir/verify.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace tutti {
namespace {

// Every op gives the type of its first input: enough to test the rules that are not types.
class FirstInputType : public TypeRules {
 public:
  Result<std::vector<ValueType>> infer(const Graph& graph, const Op& op) const override {
    return std::vector<ValueType>(op.outputs.size(), graph.value(op.inputs[0]).type);
  }
};

Status verified(const std::string& body) {
  Result<Graph> graph = parse_graph("graph g\nparam %w: f32[a=4]\n" + body);
  EXPECT_TRUE(graph.ok()) << graph.message();
  return verify(*graph, FirstInputType());
}

TEST(Verify, AcceptsAGoodGraph) {
  EXPECT_TRUE(verified("body\n  F %y: f32[a=4] = gelu(%w)\n").ok());
}

TEST(Verify, NamesWhatIsWrong) {
  const struct {
    const char* body;
    const char* message;
  } kCases[] = {
      {"param %v: f32[a=4, a=4]\n", "%v has dim a twice"},
      {"param %v: f32[a=4@tp2, b=4@tp2]\n", "%v names a mesh axis twice"},
      {"param %v: f32[a=4@tp3]\n", "dim a of size 4 cannot be cut in 3 parts"},
      {"body\n  F %y: f32[a=5] = gelu(%w)\n", "its type is f32[a=5]"},
      {"epilogue\n  - %y: f32[a=4] = gelu(%w)\nbody\n  F %z: f32[a=4] = gelu(%w)\n",
       "%z of the body comes after the epilogue"},
  };
  for (const auto& c : kCases) {
    const Status status = verified(c.body);
    ASSERT_FALSE(status.ok()) << c.body;
    EXPECT_NE(status.message().find(c.message), std::string::npos) << status.message();
  }
}

TEST(Verify, RefusesAValueThatIsReadBeforeItIsMade) {
  Graph graph = parse_graph("graph g\nparam %w: f32[a=4]\nbody\n  F %x: f32[a=4] = gelu(%w)\n  F %y: f32[a=4] = gelu(%x)\n").value();
  std::swap(graph.ops[0], graph.ops[1]);
  const Status status = verify(graph, FirstInputType());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("reads %x before it is made"), std::string::npos);
}

}  // namespace
}  // namespace tutti
