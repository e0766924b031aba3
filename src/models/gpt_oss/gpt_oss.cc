#include "models/gpt_oss/gpt_oss.h"

#include <utility>

namespace fairlead {
namespace {

class GptOss : public Model {
 public:
  explicit GptOss(GptOssConfig config) : config_(std::move(config)) {}

  ModelFacts Describe() const override { return config_.Facts(); }

  Result<Graph> BuildGraph(const ParallelContext& parallel) const override {
    FAIRLEAD_RETURN_IF_ERROR(CheckDegrees(config_, parallel.tp_degree, parallel.ep_degree));
    if (parallel.rank < 0 || parallel.rank >= parallel.size()) {
      return Fail(ErrorCode::kInternal, "gpt_oss", "rank: expected 0 to {}, got {}",
                  parallel.size() - 1, parallel.rank);
    }
    GraphBuilder builder;
    const Value token_ids = builder.Input(GraphInput::kTokenIds);
    const Value output_rows = builder.Input(GraphInput::kOutputRows);
    return builder.Finish(
        GptOssForCausalLM(Scope(builder, parallel), config_, token_ids, output_rows));
  }

 private:
  GptOssConfig config_;
};

}  // namespace

Result<std::unique_ptr<const Model>> CreateGptOss(const Json& config,
                                                  const Json& generation_config) {
  FAIRLEAD_ASSIGN_OR_RETURN(GptOssConfig parsed, ParseGptOssConfig(config, generation_config));
  return std::make_unique<const GptOss>(std::move(parsed));
}

}  // namespace fairlead
