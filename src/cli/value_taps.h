// Taps for people who compare ports: collect named values of a run, or replace them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "backends/backend.h"
#include "base/error.h"
#include "base/tensor.h"
#include "graph/graph.h"

namespace fairlead {

// Values by name, rows of all steps joined along the first dimension.
using NamedTensors = std::map<std::string, Tensor>;

// Whether `name` matches `pattern`, in which * stands for any characters and ? for one. Patterns
// may be joined by commas.
bool MatchesPattern(std::string_view pattern, std::string_view name);

// Collects every value that matches a pattern, and replaces those that `injected` holds. A value is
// replaced first, so that what is collected is what later ops saw.
class InspectionTap : public ValueTap {
 public:
  // `injected` must outlive the tap; its rows are handed out in order, step by step.
  InspectionTap(std::string dump_pattern, const NamedTensors& injected)
      : dump_pattern_(std::move(dump_pattern)), injected_(injected) {}

  bool Wants(std::string_view name) const override;
  Status Visit(std::string_view name, DType dtype, const Shape& shape,
               std::span<std::byte> bytes) override;

  // After the run: every row of every injected value was used. The file of a longer input would
  // otherwise pass unnoticed.
  Status CheckUsedUp() const;

  NamedTensors& collected() { return collected_; }

 private:
  Status Inject(const std::string& name, DType dtype, const Shape& shape,
                std::span<std::byte> bytes);

  std::string dump_pattern_;
  const NamedTensors& injected_;
  std::unordered_map<std::string, size_t> injected_bytes_;  // handed out so far
  NamedTensors collected_;
};

// Checks that every pattern matches a value of the graph and that every injected tensor has the
// name of one: a misspelt name would change nothing in silence. `option` is what gave the patterns.
// The ids of the input, which every file of values holds, may be there.
Status CheckPatterns(const Graph& graph, std::string_view option, std::string_view patterns);
Status CheckInjected(const Graph& graph, const NamedTensors& injected);

// Reads all tensors of a safetensors file.
Result<NamedTensors> ReadNamedTensors(const std::string& path);

}  // namespace fairlead
