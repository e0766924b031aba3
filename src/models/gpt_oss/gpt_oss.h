// OpenAI's gpt-oss: a mixture-of-experts transformer with attention sinks, alternating sliding
// windows and YaRN.
#pragma once

#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "graph/builder.h"
#include "models/gpt_oss/config.h"
#include "models/model.h"
#include "nn/scope.h"

namespace fairlead {

Result<std::unique_ptr<const Model>> CreateGptOss(const Json& config,
                                                  const Json& generation_config);

// Whether tp_degree x ep_degree ranks can share the model: query heads must divide among all ranks
// and experts among ep_degree groups, and every rank needs a part of the intermediate size and of
// the vocabulary. kInvalidArgument names the obstacle and the degrees that are valid.
Status CheckDegrees(const GptOssConfig& config, int64_t tp_degree, int64_t ep_degree);

// The network of one rank: token ids to the logits [R, vocab_size] of the output rows.
Value GptOssForCausalLM(const Scope& scope, const GptOssConfig& config, Value token_ids,
                        Value output_rows);

}  // namespace fairlead
