#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "tests/parity/mistakes.h"

namespace fairlead::testing {
namespace {

// A step's values so far, by name; indices as floats.
using Seen = std::map<std::string, std::vector<float>, std::less<>>;

// Computes a value anew from what came before it, `layer` being "layers.N".
using Compute = std::function<void(const Program&, const Seen& seen, const std::string& layer,
                                   std::span<float> value)>;

class Replacer : public ValueTap {
 public:
  Replacer(const Program& program, std::string ending, Compute compute)
      : program_(program), ending_(std::move(ending)), compute_(std::move(compute)) {}

  bool Wants(std::string_view) const override { return true; }

  Status Visit(std::string_view name, DType dtype, const Shape&,
               std::span<std::byte> bytes) override {
    const size_t count = bytes.size() / sizeof(float);
    if (dtype == DType::kF32 && name.ends_with(ending_)) {
      const std::string layer(name.substr(0, name.find('.', sizeof("layers"))));
      compute_(program_, seen_, layer, {reinterpret_cast<float*>(bytes.data()), count});
    }
    std::vector<float>& copy = seen_[std::string(name)];
    copy.resize(count);
    if (dtype == DType::kF32) {
      std::memcpy(copy.data(), bytes.data(), bytes.size());
    } else {
      const auto* ids = reinterpret_cast<const int32_t*>(bytes.data());
      std::transform(ids, ids + count, copy.begin(),
                     [](int32_t id) { return static_cast<float>(id); });
    }
    return {};
  }

 private:
  const Program& program_;
  std::string ending_;
  Compute compute_;
  Seen seen_;
};

Mistake Computed(std::string name, const char* ending, const Compute& compute) {
  return {.name = std::move(name), .tap = [=](const Program& program) {
            return std::make_unique<Replacer>(program, ending, compute);
          }};
}

// The weight of each chosen expert, from all logits of the row and its own.
Mistake RouterWeights(std::string name,
                      const std::function<float(std::span<const float>, float)>& weight) {
  return Computed(std::move(name), ".router.weights",
                  [weight](const Program& program, const Seen& seen, const std::string& layer,
                           std::span<float> value) {
                    const std::vector<float>& logits = seen.at(layer + ".mlp.router.logits");
                    const PackedTensor& router = program.weights.tensors.at(
                        fmt::format("model.{}.mlp.router.weight", layer));
                    const auto experts = static_cast<size_t>(router.rows());
                    const size_t rows = logits.size() / experts, top_k = value.size() / rows;
                    for (size_t row = 0; row < rows; ++row) {
                      const auto all = std::span(logits).subspan(row * experts, experts);
                      std::vector<float> sorted(all.begin(), all.end());
                      std::sort(sorted.rbegin(), sorted.rend());
                      for (size_t k = 0; k < top_k; ++k) {
                        value[row * top_k + k] = weight(all, sorted[k]);
                      }
                    }
                  });
}

using Glu = std::function<float(const MoeExpertsOp&, float gate, float up)>;

float RightGlu(const MoeExpertsOp& op, float gate, float up) {
  return (up + 1) * gate / (1 + std::exp(-op.alpha * gate));
}

struct Routed {
  float weight;
  std::span<const float> x;
  std::span<float> y;
};

// Adds one expert's output for one row.
void AddExpert(const Program& program, const std::string& prefix, int64_t expert, const Glu& glu,
               bool weigh_bias, const Routed& row) {
  const auto tensor = [&](const char* leaf) -> const PackedTensor& {
    return program.weights.tensors.at(prefix + leaf);
  };
  const auto op =
      std::find_if(program.graph.nodes.begin(), program.graph.nodes.end(),
                   [](const Node& node) { return std::holds_alternative<MoeExpertsOp>(node.op); });
  const auto product = [&](const char* leaf, int64_t r, std::span<const float> x) {
    std::vector<float> weights(x.size());
    ReadRow(tensor(leaf), expert, r, weights.data());
    float sum = 0;
    for (size_t i = 0; i < x.size(); ++i) sum += weights[i] * x[i];
    return sum;
  };
  const int64_t intermediate = tensor("down_proj").columns();
  std::vector<float> bias(static_cast<size_t>(2 * intermediate)), activated;
  ReadRow(tensor("gate_up_proj_bias"), 0, expert, bias.data());
  for (int64_t i = 0; i < intermediate; ++i) {
    const auto gate = static_cast<size_t>(2 * i);
    activated.push_back(glu(std::get<MoeExpertsOp>(op->op),
                            product("gate_up_proj", 2 * i, row.x) + bias[gate],
                            product("gate_up_proj", 2 * i + 1, row.x) + bias[gate + 1]));
  }
  std::vector<float> down_bias(row.x.size());
  ReadRow(tensor("down_proj_bias"), 0, expert, down_bias.data());
  for (size_t i = 0; i < row.y.size(); ++i) {
    const float out = product("down_proj", static_cast<int64_t>(i), activated);
    row.y[i] += row.weight * out + (weigh_bias ? row.weight : 1.0f) * down_bias[i];
  }
}

Mistake Experts(std::string name, const Glu& glu, bool weigh_bias = true) {
  return Computed(
      std::move(name), ".mlp.experts",
      [=](const Program& program, const Seen& seen, const std::string& layer,
          std::span<float> value) {
        const std::vector<float>& x = seen.at(layer + ".post_attention_layernorm");
        const std::vector<float>& weights = seen.at(layer + ".mlp.router.weights");
        const std::vector<float>& indices = seen.at(layer + ".mlp.router.indices");
        const auto hidden =
            static_cast<size_t>(program.weights.tensors.at("model.norm.weight").columns());
        const size_t top_k = weights.size() / (x.size() / hidden);
        std::fill(value.begin(), value.end(), 0.0f);
        for (size_t choice = 0; choice < weights.size(); ++choice) {
          const size_t begin = choice / top_k * hidden;
          AddExpert(
              program, fmt::format("model.{}.mlp.experts.", layer),
              static_cast<int64_t>(indices[choice]), glu, weigh_bias,
              {weights[choice], std::span(x).subspan(begin, hidden), value.subspan(begin, hidden)});
        }
      });
}

float Low(const MoeExpertsOp& op, float value) { return std::min(value, op.limit); }
float Both(const MoeExpertsOp& op, float value) { return std::clamp(value, -op.limit, op.limit); }

// The right norm of x [rows, weight], with eps added to the root and not under it.
void EpsOutside(const Program& program, const Seen& seen, const std::string& layer,
                std::span<float> value) {
  const auto& nodes = program.graph.nodes;
  const auto norm = std::find_if(nodes.begin(), nodes.end(), [](const Node& node) {
    return std::holds_alternative<RmsNormOp>(node.op);
  });
  const float eps = std::get<RmsNormOp>(norm->op).eps;
  const int number = std::stoi(layer.substr(sizeof("layers")));
  const std::vector<float>& x =
      number == 0 ? seen.at("embed_tokens") : seen.at(fmt::format("layers.{}.output", number - 1));
  const auto columns =
      static_cast<size_t>(program.weights.tensors.at("model.norm.weight").columns());
  for (size_t begin = 0; begin < value.size(); begin += columns) {
    float mean = 0;
    for (size_t i = 0; i < columns; ++i) mean += x[begin + i] * x[begin + i];
    mean /= static_cast<float>(columns);
    const float factor = std::sqrt(mean + eps) / (std::sqrt(mean) + eps);
    for (size_t i = 0; i < columns; ++i) value[begin + i] *= factor;
  }
}

}  // namespace

std::vector<Mistake> OpMistakes() {
  return {
      RouterWeights("softmax over all experts",
                    [](std::span<const float> all, float logit) {
                      float sum = 0;
                      for (float other : all) sum += std::exp(other - logit);
                      return 1 / sum;
                    }),
      RouterWeights("sigmoid of each logit",
                    [](std::span<const float>, float logit) { return 1 / (1 + std::exp(-logit)); }),
      Experts("gate clamp absent", [](const MoeExpertsOp& op, float gate,
                                      float up) { return RightGlu(op, gate, Both(op, up)); }),
      Experts("gate clamped below",
              [](const MoeExpertsOp& op, float gate, float up) {
                return RightGlu(op, Both(op, gate), Both(op, up));
              }),
      Experts("up clamp absent", [](const MoeExpertsOp& op, float gate,
                                    float up) { return RightGlu(op, Low(op, gate), up); }),
      Experts("up clamped above only",
              [](const MoeExpertsOp& op, float gate, float up) {
                return RightGlu(op, Low(op, gate), Low(op, up));
              }),
      Experts(
          "down bias outside the weights",
          [](const MoeExpertsOp& op, float gate, float up) {
            return RightGlu(op, Low(op, gate), Both(op, up));
          },
          false),
      Computed("eps outside the root", ".input_layernorm", EpsOutside),
  };
}

std::vector<Mistake> NoMistakes() {
  return {{.name = "none"},
          Experts("none, experts computed anew", [](const MoeExpertsOp& op, float gate, float up) {
            return RightGlu(op, Low(op, gate), Both(op, up));
          })};
}

}  // namespace fairlead::testing
