#include "runtime/constraint/regex.h"

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/constraint/nfa.h"
#include "runtime/constraint/regex_syntax.h"

namespace fairlead {
namespace {

// Adds states for `node`, behind which texts go on at `next`, and returns where they begin.
uint32_t AddNode(const RegexNode& node, uint32_t next, Nfa& nfa);

uint32_t AddCharacter(const Utf8Graph& characters, uint32_t next, Nfa& nfa) {
  std::vector<uint32_t> states;
  std::vector<Nfa::Edge> edges;
  for (const auto& node : characters.nodes) {
    edges.clear();
    for (const Utf8Graph::Edge& edge : node) {
      edges.push_back(
          {edge.low, edge.high, edge.target == Utf8Graph::kDone ? next : states[edge.target]});
    }
    states.push_back(nfa.AddBytes(edges));
  }
  return states.back();
}

uint32_t AddChoice(const RegexNode& node, uint32_t next, Nfa& nfa) {
  std::vector<uint32_t> targets;
  targets.reserve(node.parts.size());
  for (const RegexNode& part : node.parts) targets.push_back(AddNode(part, next, nfa));
  return nfa.AddChoice(targets);
}

uint32_t AddRepeat(const RegexNode& node, uint32_t next, Nfa& nfa) {
  const RegexNode& part = node.parts[0];
  uint32_t start = next;
  if (!node.most) {
    start = nfa.AddLoop(next);
    nfa.SetLoop(start, AddNode(part, start, nfa));
  } else {
    for (size_t i = node.least; i < *node.most; ++i) {
      const std::array<uint32_t, 2> targets = {AddNode(part, start, nfa), next};
      start = nfa.AddChoice(targets);
    }
  }
  for (size_t i = 0; i < node.least; ++i) start = AddNode(part, start, nfa);
  return start;
}

uint32_t AddNode(const RegexNode& node, uint32_t next, Nfa& nfa) {
  switch (node.kind) {
    case RegexNode::Kind::kCharacter:
      return AddCharacter(node.characters, next, nfa);
    case RegexNode::Kind::kChoice:
      return AddChoice(node, next, nfa);
    case RegexNode::Kind::kRepeat:
      return AddRepeat(node, next, nfa);
    case RegexNode::Kind::kSequence:
      break;
  }
  uint32_t start = next;
  for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part) {
    start = AddNode(*part, start, nfa);
  }
  return start;
}

}  // namespace

Result<std::shared_ptr<const ByteAutomaton>> CompileRegex(std::string_view pattern) {
  FAIRLEAD_ASSIGN_OR_RETURN(const RegexNode root, ParseRegex(pattern));
  auto nfa = std::make_shared<Nfa>();
  if (!nfa->Finish(AddNode(root, Nfa::kEnd, *nfa))) {
    return Fail(ErrorCode::kInvalidArgument, "regex",
                "pattern: expected one that some text matches, got {}", Quoted(pattern));
  }
  return nfa;
}

}  // namespace fairlead
