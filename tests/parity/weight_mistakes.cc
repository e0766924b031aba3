#include <algorithm>

#include "tests/parity/mistakes.h"

namespace fairlead::testing {
namespace {

// A parameter as plain numbers: `count` matrices of rows x columns, one after the other.
struct Plain {
  int64_t count = 0, rows = 0, columns = 0;
  std::vector<float> values;

  size_t index(int64_t matrix, int64_t row, int64_t column) const {
    return static_cast<size_t>((matrix * rows + row) * columns + column);
  }
  float& at(int64_t matrix, int64_t row, int64_t column) {
    return values[index(matrix, row, column)];
  }
  float at(int64_t matrix, int64_t row, int64_t column) const {
    return values[index(matrix, row, column)];
  }
};

Plain Unpack(const PackedTensor& tensor) {
  Plain plain{tensor.experts(), tensor.rows(), tensor.columns(), {}};
  plain.values.resize(static_cast<size_t>(plain.count * plain.rows * plain.columns));
  for (int64_t m = 0; m < plain.count; ++m) {
    for (int64_t row = 0; row < plain.rows; ++row) ReadRow(tensor, m, row, &plain.at(m, row, 0));
  }
  return plain;
}

void Replace(Program& program, const std::string& name, Plain plain) {
  const auto values = std::make_shared<std::vector<float>>(std::move(plain.values));
  PackedTensor& tensor = program.weights.tensors.at(name);
  tensor.layout = {LayoutOrder::kRowMajor, StorageFormat::kF32};
  tensor.bytes = std::as_bytes(std::span(*values));
  program.weights.owners.push_back(values);
}

using Change = std::function<void(Plain&)>;

// Changes every parameter whose name ends in one of `endings`.
void ChangeParameters(Program& program, const std::vector<std::string>& endings,
                      const Change& change) {
  for (const Parameter* parameter : program.graph.parameters()) {
    const std::string& name = parameter->name;
    if (std::none_of(endings.begin(), endings.end(),
                     [&](const std::string& ending) { return name.ends_with(ending); })) {
      continue;
    }
    Plain plain = Unpack(program.weights.tensors.at(name));
    change(plain);
    Replace(program, name, std::move(plain));
  }
}

Mistake Changed(std::string name, std::vector<std::string> endings, Change change) {
  return {.name = std::move(name),
          .program = [=](Program& program) { ChangeParameters(program, endings, change); }};
}

// Changes what is stored as MXFP4.
Mistake Mxfp4(std::string name, Change change) {
  return {.name = std::move(name), .program = [change](Program& program) {
            for (const Parameter* parameter : program.graph.parameters()) {
              const PackedTensor& tensor = program.weights.tensors.at(parameter->name);
              if (tensor.layout.format != StorageFormat::kMxfp4) continue;
              ChangeParameters(program, {parameter->name}, change);
            }
          }};
}

Mistake Times(std::string name, std::vector<std::string> endings, float factor) {
  return Changed(std::move(name), std::move(endings), [factor](Plain& plain) {
    for (float& value : plain.values) value *= factor;
  });
}

Mistake Transposed(const std::string& ending) {
  return Changed("transposed " + ending, {ending}, [](Plain& plain) {
    if (plain.rows != plain.columns) return;  // such a mistake would not load
    for (int64_t m = 0; m < plain.count; ++m) {
      for (int64_t r = 0; r < plain.rows; ++r) {
        for (int64_t c = 0; c < r; ++c) std::swap(plain.at(m, r, c), plain.at(m, c, r));
      }
    }
  });
}

// The rows of each matrix, or the elements of each vector, in another order: the i-th becomes the
// one that was at from(i, n).
template <typename From>
void Reorder(Plain& plain, const From& from) {
  const bool vector = plain.rows == 1;
  const int64_t n = vector ? plain.columns : plain.rows;
  const Plain old = plain;
  for (int64_t m = 0; m < plain.count; ++m) {
    for (int64_t i = 0; i < n; ++i) {
      if (vector) {
        plain.at(m, 0, i) = old.at(m, 0, from(i, n));
        continue;
      }
      for (int64_t c = 0; c < plain.columns; ++c) plain.at(m, i, c) = old.at(m, from(i, n), c);
    }
  }
}

// Same for gate_up, whose biases [experts, 2 * intermediate] are one vector an expert.
template <typename From>
Mistake GateUpOrder(std::string name, From from) {
  return {.name = std::move(name), .program = [from](Program& program) {
            ChangeParameters(program, {"gate_up_proj"},
                             [&](Plain& plain) { Reorder(plain, from); });
            ChangeParameters(program, {"gate_up_proj_bias"}, [&](Plain& plain) {
              std::swap(plain.count, plain.rows);  // each row by itself
              Reorder(plain, from);
            });
          }};
}

const AttentionOp& AnyAttention(const Program& program) {
  const auto node =
      std::find_if(program.graph.nodes.begin(), program.graph.nodes.end(),
                   [](const Node& n) { return std::holds_alternative<AttentionOp>(n.op); });
  return std::get<AttentionOp>(node->op);
}

// Pairs (2i, 2i + 1) rotate, not (i, i + half).
void RotateInterleaved(Program& program) {
  const int64_t dim = AnyAttention(program).head_dim;
  ChangeParameters(program, {"q_proj.weight", "q_proj.bias", "k_proj.weight", "k_proj.bias"},
                   [dim](Plain& plain) {
                     Reorder(plain, [dim](int64_t row, int64_t) {
                       const int64_t i = row % dim, half = dim / 2;
                       return row - i + (i < half ? 2 * i : 2 * (i - half) + 1);
                     });
                   });
}

// Query head h reads kv head h mod kv: heads change places so that the right code does that.
void KvHeadModulo(Program& program) {
  const AttentionOp& op = AnyAttention(program);
  const int64_t dim = op.head_dim, kv = op.num_kv_heads, group = op.num_heads / op.num_kv_heads;
  const auto head = [=](int64_t h) { return h % group * kv + h / group; };
  const auto row = [=](int64_t r, int64_t) { return head(r / dim) * dim + r % dim; };
  ChangeParameters(program, {"q_proj.weight", "q_proj.bias"},
                   [&](Plain& plain) { Reorder(plain, row); });
  ChangeParameters(program, {"sinks"}, [&](Plain& plain) {
    Reorder(plain, [&](int64_t h, int64_t) { return head(h); });
  });
  ChangeParameters(program, {"o_proj.weight"}, [&](Plain& plain) {
    const Plain old = plain;
    for (int64_t r = 0; r < plain.rows; ++r) {
      for (int64_t c = 0; c < plain.columns; ++c) {
        plain.at(0, r, c) = old.at(0, r, row(c, 0));
      }
    }
  });
}

void KvHeadZero(Program& program) {
  const int64_t dim = AnyAttention(program).head_dim;
  ChangeParameters(
      program, {"k_proj.weight", "k_proj.bias", "v_proj.weight", "v_proj.bias"},
      [dim](Plain& plain) { Reorder(plain, [dim](int64_t row, int64_t) { return row % dim; }); });
}

void ScaleSinks(Program& program) {
  const float scale = AnyAttention(program).scale;
  ChangeParameters(program, {"sinks"}, [scale](Plain& plain) {
    for (float& value : plain.values) value *= scale;
  });
}

void HeadFromEmbedding(Program& program) {
  const auto head = program.weights.tensors.find("lm_head.weight");
  if (head == program.weights.tensors.end()) return;
  Replace(program, "lm_head.weight",
          Unpack(program.weights.tensors.at("model.embed_tokens.weight")));
}

Mistake NormWeight(std::string name, std::vector<std::string> endings, float keep, float add) {
  return Changed(std::move(name), std::move(endings), [=](Plain& plain) {
    for (float& value : plain.values) value = value * keep + add;
  });
}

}  // namespace

std::vector<Mistake> WeightMistakes() {
  std::vector<Mistake> mistakes = {
      Mxfp4("nibble order",
            [](Plain& plain) {
              for (size_t i = 0; i < plain.values.size(); i += 2) {
                std::swap(plain.values[i], plain.values[i + 1]);
              }
            }),
      Mxfp4("scale bias 126",
            [](Plain& plain) {
              for (float& value : plain.values) value *= 2.0f;
            }),
      Mxfp4("scale bias 128",
            [](Plain& plain) {
              for (float& value : plain.values) value *= 0.5f;
            }),
      Changed("weights rounded to bfloat16", {""},
              [](Plain& plain) {
                for (float& value : plain.values) value = Bf16ToFloat(FloatToBf16(value));
              }),
      Transposed("q_proj.weight"),
      Transposed("o_proj.weight"),
      Transposed("gate_up_proj"),
      Transposed("down_proj"),
      Times("sinks zero", {"sinks"}, 0),
      {.name = "sinks scaled", .program = ScaleSinks},
      {.name = "rotate style interleaved", .program = RotateInterleaved},
      {.name = "kv head h mod kv", .program = KvHeadModulo},
      {.name = "kv head 0 always", .program = KvHeadZero},
      GateUpOrder("gate/up halves",
                  [](int64_t i, int64_t n) { return i % 2 == 0 ? i / 2 : n / 2 + i / 2; }),
      GateUpOrder("gate/up swapped", [](int64_t i, int64_t) { return i % 2 == 0 ? i + 1 : i - 1; }),
      Changed("up without + 1", {"gate_up_proj_bias"},
              [](Plain& plain) {
                for (size_t i = 1; i < plain.values.size(); i += 2) plain.values[i] -= 1.0f;
              }),
      NormWeight("norm weight absent: input_layernorm", {"input_layernorm.weight"}, 0, 1),
      NormWeight("norm weight absent: post_attention_layernorm",
                 {"post_attention_layernorm.weight"}, 0, 1),
      NormWeight("norm weight absent: model.norm", {"model.norm.weight"}, 0, 1),
      NormWeight("norm weight 1 + w", {"norm.weight"}, 1, 1),
      {.name = "head from the embedding", .program = HeadFromEmbedding},
  };
  for (const char* bias : {"q_proj.bias", "k_proj.bias", "v_proj.bias", "o_proj.bias",
                           "router.bias", "gate_up_proj_bias", "down_proj_bias"}) {
    mistakes.push_back(Times(fmt::format("bias absent: {}", bias), {bias}, 0));
  }
  return mistakes;
}

}  // namespace fairlead::testing
