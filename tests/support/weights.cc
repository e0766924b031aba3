#include "tests/support/weights.h"

#include <cmath>
#include <cstring>
#include <new>

#include "tests/support/random.h"

namespace fairlead::testing {
namespace {

// One matrix in checkpoint order.
struct Matrix {
  std::vector<std::byte> elements;
  std::vector<std::byte> scales;
};

template <typename T>
void Append(std::vector<std::byte>& bytes, T value) {
  const size_t end = bytes.size();
  bytes.resize(end + sizeof(T));
  std::memcpy(bytes.data() + end, &value, sizeof(T));
}

Matrix RandomMatrix(StorageFormat format, int64_t elements, const Fill& fill, Random& random) {
  Matrix matrix;
  if (format == StorageFormat::kMxfp4) {
    for (int64_t i = 0; i < elements / 2; ++i) {
      Append(matrix.elements, static_cast<uint8_t>(random.Int(0, 255)));
    }
    for (int64_t i = 0; i < elements / kMxfp4Block; ++i) {
      const auto last = static_cast<int64_t>(fill.codes.size()) - 1;
      const int64_t code = fill.codes.empty()
                               ? random.Int(120, 127)
                               : fill.codes[static_cast<size_t>(random.Int(0, last))];
      Append(matrix.scales, static_cast<uint8_t>(code));
    }
    return matrix;
  }
  for (int64_t i = 0; i < elements; ++i) {
    float value = fill.offset + fill.scale * random.Signed();
    if (fill.quantum > 0) value = std::round(value / fill.quantum) * fill.quantum;
    if (format == StorageFormat::kF32) {
      Append(matrix.elements, value);
    } else {
      Append(matrix.elements, FloatToBf16(value));
    }
  }
  return matrix;
}

// Exactly as many bytes as needed, so that a sanitizer sees a read past the end.
std::shared_ptr<std::byte> Allocate(size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {static_cast<std::byte*>(::operator new(bytes, kAlignment)),
          [](std::byte* memory) { ::operator delete(memory, kAlignment); }};
}

}  // namespace

Weights RandomWeights(const Graph& graph, const Backend& backend,
                      const std::map<std::string, Fill>& fills) {
  Weights weights;
  for (const Parameter* parameter : graph.parameters()) {
    const auto found = fills.find(parameter->name);
    const Fill fill = found == fills.end() ? Fill{} : found->second;
    Random random(SeedOf(parameter->name));
    PackedTensor tensor{backend.ChooseLayout(*parameter, fill.format), parameter->shape, {}};
    const auto size = static_cast<size_t>(tensor.expected_bytes());
    const auto expert_bytes = static_cast<size_t>(tensor.expert_bytes());
    const auto memory = Allocate(size);
    for (int64_t expert = 0; expert < tensor.experts(); ++expert) {
      const Matrix matrix =
          RandomMatrix(tensor.layout.format, tensor.rows() * tensor.columns(), fill, random);
      Pack(tensor.layout,
           {tensor.layout.format, tensor.rows(), tensor.columns(), matrix.elements.data(),
            matrix.scales.data()},
           {memory.get() + static_cast<size_t>(expert) * expert_bytes, expert_bytes});
    }
    tensor.bytes = {memory.get(), size};
    weights.tensors[parameter->name] = tensor;
    weights.owners.push_back(memory);
  }
  return weights;
}

}  // namespace fairlead::testing
