// The shape rule of every op.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "graph/graph.h"

namespace fairlead {
namespace {

using Inputs = std::vector<const ValueType*>;
using Types = Result<std::vector<ValueType>>;

ValueType Floats(std::vector<Dim> dims) { return {ElementType::kFloat, std::move(dims)}; }
ValueType Ints(std::vector<Dim> dims) { return {ElementType::kInt32, std::move(dims)}; }

// Compares an input with the type it must have.
class Checker {
 public:
  Checker(std::string_view op, std::span<const std::string_view> names, const Inputs& inputs)
      : op_(op), names_(names), inputs_(inputs) {
    if (inputs.size() != names.size()) {
      Reject(fmt::format("expected {} inputs, got {}", names.size(), inputs.size()));
      return;
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (inputs[i] == nullptr && names[i].back() != '?') {
        Reject(fmt::format("input {} is missing", names[i]));
      }
    }
  }

  void ExpectRank(size_t index, size_t rank, ElementType element = ElementType::kFloat) {
    if (!status_ || inputs_[index] == nullptr) return;
    const ValueType& type = *inputs_[index];
    if (type.dims.size() != rank || type.element != element) {
      Reject(fmt::format("input {}: expected {} dimensions of {}, got {}", names_[index], rank,
                         element == ElementType::kFloat ? "f32" : "i32", type.ToString()));
    }
  }
  void Expect(size_t index, const ValueType& expected) {
    if (!status_ || inputs_[index] == nullptr) return;
    if (*inputs_[index] != expected) {
      Reject(fmt::format("input {}: expected {}, got {}", names_[index], expected.ToString(),
                         inputs_[index]->ToString()));
    }
  }
  void Require(bool condition, std::string_view problem) {
    if (status_ && !condition) Reject(problem);
  }
  Dim dim(size_t index, size_t axis) const { return inputs_[index]->dims[axis]; }
  size_t rank(size_t index) const { return inputs_[index]->dims.size(); }
  bool ok() const { return status_.has_value(); }
  Types Finish(std::vector<ValueType> results) const {
    if (!status_) return tl::unexpected<Error>(status_.error());
    return results;
  }
  Types Failed() const { return tl::unexpected<Error>(status_.error()); }

 private:
  void Reject(std::string_view problem) {
    if (status_) status_ = Fail(ErrorCode::kInternal, "graph", "{}: {}", op_, problem);
  }

  std::string_view op_;
  std::span<const std::string_view> names_;
  const Inputs& inputs_;
  Status status_;
};

Types Infer(const EmbeddingOp&, Checker& check) {
  check.ExpectRank(0, 1, ElementType::kInt32);
  check.ExpectRank(1, 2);
  if (!check.ok()) return check.Failed();
  return check.Finish({Floats({check.dim(0, 0), check.dim(1, 1)})});
}

Types Infer(const RmsNormOp&, Checker& check) {
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  check.Expect(1, Floats({check.dim(0, 1)}));
  return check.Finish({Floats({check.dim(0, 0), check.dim(0, 1)})});
}

Types Infer(const LinearOp&, Checker& check) {
  check.ExpectRank(0, 2);
  check.ExpectRank(1, 2);
  if (!check.ok()) return check.Failed();
  check.Expect(1, Floats({check.dim(1, 0), check.dim(0, 1)}));
  check.Expect(2, Floats({check.dim(1, 0)}));
  return check.Finish({Floats({check.dim(0, 0), check.dim(1, 0)})});
}

Types Infer(const RotaryOp& op, Checker& check) {
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  const auto head_dim = static_cast<int64_t>(2 * op.inverse_frequencies.size());
  const Dim columns = check.dim(0, 1);
  check.Require(!columns.is_symbol() && head_dim > 0 && columns.Bind(0, 0) % head_dim == 0,
                "x: expected whole heads");
  return check.Finish({Floats({check.dim(0, 0), columns})});
}

Types Infer(const AttentionOp& op, Checker& check) {
  check.Require(op.num_heads > 0 && op.num_kv_heads > 0 && op.num_heads % op.num_kv_heads == 0,
                "num_heads: expected a multiple of num_kv_heads");
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  const Dim rows = check.dim(0, 0);
  check.Expect(0, Floats({rows, int64_t{op.num_heads} * op.head_dim}));
  check.Expect(1, Floats({rows, int64_t{op.num_kv_heads} * op.head_dim}));
  check.Expect(2, Floats({rows, int64_t{op.num_kv_heads} * op.head_dim}));
  check.Expect(3, Floats({op.num_heads}));
  return check.Finish({Floats({rows, int64_t{op.num_heads} * op.head_dim})});
}

Types Infer(const RouterOp& op, Checker& check) {
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  const Dim experts = check.dim(0, 1);
  check.Require(!experts.is_symbol() && op.top_k >= 1 && op.top_k <= experts.Bind(0, 0),
                "top_k: expected between 1 and the number of experts");
  return check.Finish({Floats({check.dim(0, 0), op.top_k}), Ints({check.dim(0, 0), op.top_k})});
}

Types Infer(const MoeExpertsOp&, Checker& check) {
  check.ExpectRank(0, 2);
  check.ExpectRank(1, 2);
  check.ExpectRank(3, 3);
  check.ExpectRank(4, 3);
  if (!check.ok()) return check.Failed();
  const Dim rows = check.dim(0, 0), hidden = check.dim(0, 1), top_k = check.dim(1, 1);
  const Dim experts = check.dim(3, 0), gate_up = check.dim(3, 1), intermediate = check.dim(4, 2);
  check.Expect(1, Floats({rows, top_k}));
  check.Expect(2, Ints({rows, top_k}));
  check.Expect(3, Floats({experts, gate_up, hidden}));
  check.Expect(4, Floats({experts, hidden, intermediate}));
  check.Expect(5, Floats({experts, gate_up}));
  check.Expect(6, Floats({experts, hidden}));
  check.Require(!gate_up.is_symbol() && gate_up.Bind(0, 0) == 2 * intermediate.Bind(0, 0),
                "gate_up: expected twice as many rows as down has columns");
  return check.Finish({Floats({rows, hidden})});
}

Types Infer(const AddOp&, Checker& check) {
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  const Dim rows = check.dim(0, 0), columns = check.dim(0, 1);
  check.Expect(1, check.rank(1) == 1 ? Floats({columns}) : Floats({rows, columns}));
  return check.Finish({Floats({rows, columns})});
}

Types Infer(const TakeRowsOp&, Checker& check) {
  check.ExpectRank(0, 2);
  check.ExpectRank(1, 1, ElementType::kInt32);
  if (!check.ok()) return check.Failed();
  return check.Finish({Floats({check.dim(1, 0), check.dim(0, 1)})});
}

Types Infer(const AllReduceOp&, Checker& check) {
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  return check.Finish({Floats({check.dim(0, 0), check.dim(0, 1)})});
}

Types Infer(const AllGatherOp& op, Checker& check) {
  check.ExpectRank(0, 2);
  if (!check.ok()) return check.Failed();
  const Dim mine = check.dim(0, 1);
  check.Require(std::any_of(op.parts.begin(), op.parts.end(),
                            [&](int64_t part) { return Dim(part) == mine; }),
                "parts: expected the columns of x among them");
  const int64_t columns = std::accumulate(op.parts.begin(), op.parts.end(), int64_t{0});
  return check.Finish({Floats({check.dim(0, 0), columns})});
}

}  // namespace

std::string_view OpName(const Op& op) {
  struct Namer {
#define FAIRLEAD_OP(Name, text) \
  std::string_view operator()(const Name##Op&) const { return text; }
#include "graph/ops.def"
#undef FAIRLEAD_OP
  };
  return std::visit(Namer{}, op);
}

Result<std::vector<ValueType>> InferTypes(const Op& op,
                                          const std::vector<const ValueType*>& inputs) {
  return std::visit(
      [&](const auto& typed) -> Types {
        Checker check(OpName(op), typed.kInputs, inputs);
        if (!check.ok()) return check.Failed();
        return Infer(typed, check);
      },
      op);
}

}  // namespace fairlead
