// The models of this build. A new one is a folder beside gpt_oss/ and a line here.
#include <fmt/ranges.h>

#include "config/config_reader.h"
#include "models/gpt_oss/gpt_oss.h"
#include "models/model.h"

namespace fairlead {
namespace {

struct Registration {
  std::string_view model_type;
  std::string_view architecture;
  Result<std::unique_ptr<const Model>> (*create)(const Json& config, const Json& generation_config);
};

constexpr Registration kModels[] = {
    {"gpt_oss", "GptOssForCausalLM", CreateGptOss},
};

bool Matches(const Registration& model, const std::string& model_type,
             const std::vector<std::string>& architectures) {
  if (!model_type.empty()) return model.model_type == model_type;
  return architectures.size() == 1 && architectures[0] == model.architecture;
}

}  // namespace

Result<std::unique_ptr<const Model>> CreateModel(const Json& config,
                                                 const Json& generation_config) {
  ConfigReader reader(config, "config.json");
  const std::string model_type = reader.String("model_type", "");
  const std::vector<std::string> architectures = reader.Strings("architectures");
  FAIRLEAD_RETURN_IF_ERROR(reader.status());
  std::vector<std::string_view> known;
  for (const Registration& model : kModels) {
    if (Matches(model, model_type, architectures)) return model.create(config, generation_config);
    known.push_back(model.model_type);
  }
  return Fail(ErrorCode::kUnsupported, "config",
              "config.json: model_type: expected {}, got \"{}\" (architectures: [{}])",
              fmt::join(known, " or "), model_type, fmt::join(architectures, ", "));
}

}  // namespace fairlead
