#include <algorithm>
#include <cmath>

#include "tests/parity/mistakes.h"

namespace fairlead::testing {
namespace {

// Changes every op of a kind.
template <typename OpType>
Mistake Each(std::string name, std::function<void(OpType&)> change) {
  return {.name = std::move(name), .program = [change](Program& program) {
            for (Node& node : program.graph.nodes) {
              if (auto* op = std::get_if<OpType>(&node.op)) change(*op);
            }
          }};
}

Mistake Rewired(std::string name, std::function<void(Graph&, Node&, const std::string&)> change) {
  return {.name = std::move(name), .program = [change](Program& program) {
            for (Node& node : program.graph.nodes) {
              const auto output = static_cast<size_t>(node.outputs[0]);
              change(program.graph, node, program.graph.values[output].name);
            }
          }};
}

// The value called like `name` with its last part replaced.
ValueId Sibling(const Graph& graph, const std::string& name, std::string_view leaf) {
  return graph.Find(name.substr(0, name.rfind('.') + 1) + std::string(leaf)).value();
}

}  // namespace

std::vector<Mistake> GraphMistakes() {
  return {
      Rewired("sinks absent",
              [](Graph&, Node& node, const std::string&) {
                if (std::holds_alternative<AttentionOp>(node.op)) node.inputs[3] = kNoValue;
              }),
      {.name = "attention factor once in the score",
       .program =
           [](Program& program) {
             float factor = 1;
             for (Node& node : program.graph.nodes) {
               if (auto* rotary = std::get_if<RotaryOp>(&node.op)) {
                 factor = rotary->attention_scaling;
               }
               if (auto* attention = std::get_if<AttentionOp>(&node.op)) attention->scale /= factor;
             }
           }},
      {.name = "score scale from hidden / heads",
       .program =
           [](Program& program) {
             const auto hidden =
                 static_cast<float>(program.weights.tensors.at("model.norm.weight").columns());
             for (Node& node : program.graph.nodes) {
               if (auto* op = std::get_if<AttentionOp>(&node.op)) {
                 op->scale = 1.0f / std::sqrt(hidden / static_cast<float>(op->num_heads));
               }
             }
           }},
      Each<RotaryOp>("rotation backwards",
                     [](RotaryOp& op) {
                       for (float& frequency : op.inverse_frequencies) frequency = -frequency;
                     }),
      Rewired("rotation of k absent",
              [](Graph&, Node& node, const std::string& name) {
                auto* op = std::get_if<RotaryOp>(&node.op);
                if (op == nullptr || !name.ends_with("k_rope")) return;
                std::fill(op->inverse_frequencies.begin(), op->inverse_frequencies.end(), 0.0f);
              }),
      Rewired("residual from the norm",
              [](Graph& graph, Node& node, const std::string& name) {
                if (!name.ends_with(".attn_residual")) return;
                node.inputs[0] = Sibling(graph, name, "input_layernorm");
              }),
      Rewired("experts fed before their norm",
              [](Graph& graph, Node& node, const std::string& name) {
                if (!name.ends_with(".mlp.experts")) return;
                const std::string layer = name.substr(0, name.find(".mlp"));
                node.inputs[0] = graph.Find(layer + ".attn_residual").value();
              }),
      Rewired("final norm absent",
              [](Graph& graph, Node& node, const std::string& name) {
                if (name == "logits") node.inputs[0] = graph.Find("output_hidden").value();
              }),
  };
}

std::vector<Mistake> AllMistakes() {
  std::vector<Mistake> all;
  for (auto list : {ConfigMistakes, GraphMistakes, WeightMistakes, OpMistakes}) {
    for (Mistake& mistake : list()) all.push_back(std::move(mistake));
  }
  return all;
}

}  // namespace fairlead::testing
