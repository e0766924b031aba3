// A model family as the rest of the program sees it: facts, a graph, and nothing else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "config/model_facts.h"
#include "distributed/parallel_context.h"
#include "graph/graph.h"

namespace fairlead {

class Model {
 public:
  virtual ~Model() = default;
  virtual ModelFacts Describe() const = 0;
  // The graph of one rank. The context decides slices only; every rank has the same nodes.
  // kInvalidArgument for degrees that cannot divide the model, with those that can.
  virtual Result<Graph> BuildGraph(const ParallelContext& parallel) const = 0;
};

// Reads config.json (both spellings of the keys) and, when there is one, generation_config.json
// (its eos_token_id wins; null for none). Refuses model types this build does not know and names
// those it does.
Result<std::unique_ptr<const Model>> CreateModel(const Json& config, const Json& generation_config);

}  // namespace fairlead
