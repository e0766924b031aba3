#include "cli/validate.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "artifact/cache.h"
#include "backends/reference/reference_backend.h"
#include "cli/format.h"
#include "cli/session.h"
#include "runtime/score.h"
#include "tokenizer/tokenizer.h"

namespace fairlead {
namespace {

constexpr const char* kPrompts[] = {
    "The ship left the harbour at dawn, and nobody waved.",
    "def mean(values):\n    return sum(values) / len(values)\n",
    "1, 1, 2, 3, 5, 8, 13, 21,",
    "Der Wind dreht; \u6d77\u304c\u9759\u304b\u3060.",
};
constexpr size_t kLongestPrompt = 16;  // the reference takes seconds for a token of a large model

// The prompts as the model's tokenizer has them, or ids spread over the vocabulary without one.
std::vector<std::vector<int32_t>> Prompts(const Artifact& artifact) {
  const auto tokenizer = Tokenizer::Open(artifact.dir);
  const int64_t vocabulary = artifact.facts().vocabulary_size;
  const size_t longest = std::min<size_t>(
      kLongestPrompt, static_cast<size_t>(artifact.manifest.options.sequence_length));
  std::vector<std::vector<int32_t>> prompts;
  for (size_t i = 0; i < std::size(kPrompts); ++i) {
    std::vector<int32_t> ids;
    if (tokenizer) {
      if (auto encoded = (*tokenizer)->Encode(kPrompts[i], /*parse_special=*/false)) {
        ids = *std::move(encoded);
      }
    }
    const bool known = !ids.empty() && std::all_of(ids.begin(), ids.end(),
                                                   [&](int32_t id) { return id < vocabulary; });
    if (!known) {
      ids.clear();
      for (size_t k = 0; k < longest; ++k) {
        ids.push_back(
            static_cast<int32_t>((7919 * (k + 1) + 104729 * i) % static_cast<size_t>(vocabulary)));
      }
    }
    ids.resize(std::min(ids.size(), longest));
    prompts.push_back(std::move(ids));
  }
  return prompts;
}

size_t Largest(std::span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// Adds the positions of one prompt.
void Compare(const Tensor& expected, const Tensor& found, Validation& result) {
  const auto a = expected.As<float>(), b = found.As<float>();
  const auto columns = static_cast<size_t>(expected.shape[1]);
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    // A NaN stays: nothing is larger.
    if (std::isnan(difference) || difference > result.max_difference) {
      result.max_difference = difference;
    }
  }
  for (size_t row = 0; row < a.size(); row += columns) {
    ++result.positions;
    const auto expected_row = a.subspan(row, columns), found_row = b.subspan(row, columns);
    const bool finite = std::all_of(found_row.begin(), found_row.end(),
                                    [](float logit) { return std::isfinite(logit); });
    if (finite && Largest(expected_row) == Largest(found_row)) ++result.top1_agreements;
  }
  ++result.prompts;
}

Result<std::shared_ptr<const Artifact>> OpenReference(const Artifact& artifact,
                                                      const std::string& model) {
  ProgressBar bar("exporting the model as the checkpoint has it for the reference");
  ExportOptions whole = artifact.manifest.options;
  whole.tp_degree = whole.ep_degree = 1;
  whole.torch_dtype = TorchDtype::kAuto;
  return OpenModel(model, whole, ReferenceBackend(),
                   [&bar](uint64_t done, uint64_t total) { bar.Update(done, total); });
}

}  // namespace

Result<Validation> ValidateExport(const std::filesystem::path& out, const std::string& model,
                                  const ExportOptions& options, const Backend& backend) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact,
                            OpenModel(out.string(), options, backend, nullptr));
  auto whole = artifact;
  const ExportOptions& exported = artifact->manifest.options;
  if (exported.ranks() > 1 || exported.torch_dtype != TorchDtype::kAuto) {
    FAIRLEAD_ASSIGN_OR_RETURN(whole, OpenReference(*artifact, model));
  }
  RunOptions run;
  const std::string target(backend.name()), reference(ReferenceBackend().name());
  FAIRLEAD_ASSIGN_OR_RETURN(const auto found, CreateExecutor(*artifact, run, target, 1,
                                                             static_cast<int64_t>(kLongestPrompt)));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const auto expected,
      CreateExecutor(*whole, run, reference, 1, static_cast<int64_t>(kLongestPrompt)));
  const std::vector<std::vector<int32_t>> prompts = Prompts(*artifact);
  Validation result;
  ProgressBar bar("validating", kProgressSilence);
  for (size_t i = 0; i < prompts.size(); ++i) {
    bar.Update(i, prompts.size());
    FAIRLEAD_ASSIGN_OR_RETURN(const Tensor a, ScoreTokens(*expected, whole->facts(), prompts[i]));
    FAIRLEAD_ASSIGN_OR_RETURN(const Tensor b, ScoreTokens(*found, artifact->facts(), prompts[i]));
    Compare(a, b, result);
  }
  bar.Update(prompts.size(), prompts.size());
  return result;
}

}  // namespace fairlead
