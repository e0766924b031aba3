// config.json from any bytes: refused with one line, or a model whose graph can be built.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "models/model.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

template <typename T>
bool Accepted(const fairlead::Result<T>& result) {
  if (result) return true;
  Require(!result.error().message.empty());
  Require(result.error().message.find('\n') == std::string::npos);
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = fairlead::ParseJson(text, "config", "fuzz");
  if (!Accepted(config) || !config->is_object()) return 0;
  // The same bytes serve as generation_config.json, where eos_token_id is read.
  const auto model = fairlead::CreateModel(*config, *config);
  if (!Accepted(model)) return 0;
  const fairlead::ModelFacts facts = (*model)->Describe();
  Require(facts.vocabulary_size > 0 && facts.layers > 0 && !facts.configuration.empty());
  if (facts.layers > 64) return 0;  // the graph grows with the layers, and time with it
  Accepted((*model)->BuildGraph(fairlead::ParallelContext{}));
  return 0;
}
