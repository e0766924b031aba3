#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/session.h"

namespace fairlead {
namespace {

struct InspectOptions {
  std::string model;
  int64_t batch_size = 1;
  int64_t sequence_length = 0;
  bool graph = false;
  bool tensors = false;
  bool json = false;
};

// Parameters and bytes of one kind of tensor.
struct Share {
  int64_t parameters = 0;
  uint64_t bytes = 0;
};

struct Totals {
  int64_t parameters = 0;
  int64_t active = 0;  // that one token passes through
  uint64_t bytes = 0;
  std::map<std::string, Share> kinds;  // by what they are and how they are stored
};

std::string KindOf(const Parameter& parameter) {
  if (parameter.shape.size() == 3) return "experts";
  switch (parameter.use) {
    case ParameterUse::kVector:
      return "vectors";
    case ParameterUse::kRows:
      return "embedding";
    case ParameterUse::kMatrix:
      break;
  }
  return parameter.name.ends_with("_proj.weight") ? "attention" : "head and routers";
}

// Parameters of experts that a token does not visit are not active; neither are rows of an
// embedding that is only looked up.
int64_t ActiveParameters(const Graph& graph, const Parameter& parameter) {
  const int64_t all = NumElements(parameter.shape);
  if (parameter.use == ParameterUse::kRows) return parameter.shape.back();
  for (const Node& node : graph.nodes) {
    if (!std::holds_alternative<MoeExpertsOp>(node.op)) continue;
    for (size_t i = 3; i < node.inputs.size(); ++i) {
      if (graph.values[static_cast<size_t>(node.inputs[i])].name != parameter.name) continue;
      const ValueInfo& weights = graph.values[static_cast<size_t>(node.inputs[1])];
      return all / parameter.shape[0] * weights.type.dims[1].Bind(0, 0);
    }
  }
  return all;
}

Totals AddUp(const Program& program) {
  Totals totals;
  for (const Parameter* parameter : program.graph.parameters()) {
    const PackedTensor& stored = program.weights.tensors.at(parameter->name);
    const int64_t count = NumElements(parameter->shape);
    totals.parameters += count;
    totals.active += ActiveParameters(program.graph, *parameter);
    totals.bytes += stored.bytes.size();
    Share& share = totals.kinds[fmt::format("{} ({})", KindOf(*parameter),
                                            StorageFormatName(stored.layout.format))];
    share.parameters += count;
    share.bytes += stored.bytes.size();
  }
  return totals;
}

// Bytes of the float32 KV cache that a run with `batch` sequences of `length` tokens sets aside.
Result<uint64_t> CacheBytes(const ModelFacts& facts, int64_t batch, int64_t length) {
  ExecutorOptions options;
  options.max_slots = static_cast<int>(batch);
  options.max_position = length;
  FAIRLEAD_ASSIGN_OR_RETURN(const Capabilities limits, PlanCapabilities(facts, options));
  uint64_t bytes = 0;
  for (size_t g = 0; g < facts.kv_groups.size(); ++g) {
    const int64_t positions = int64_t{limits.kv_pages[g]} * kPageTokens;
    bytes +=
        static_cast<uint64_t>(facts.kv_groups[g].elements_per_token() * positions) * sizeof(float);
  }
  return bytes;
}

void PrintTensors(const Program& program) {
  for (const Parameter* parameter : program.graph.parameters()) {
    const PackedTensor& stored = program.weights.tensors.at(parameter->name);
    std::cout << fmt::format("{:<58} {:<20} {:<14} {}\n", parameter->name,
                             ShapeString(parameter->shape), LayoutId(stored.layout),
                             HumanBytes(stored.bytes.size()));
  }
}

void PrintSummary(const Artifact& artifact, const Totals& totals, const InspectOptions& options,
                  uint64_t cache) {
  for (const auto& [key, value] : artifact.facts().configuration) {
    std::cout << fmt::format("{:<26} {}\n", key, value);
  }
  std::cout << fmt::format("\n{:<26} {} ({} active per token)\n", "parameters",
                           HumanCount(static_cast<uint64_t>(totals.parameters)),
                           HumanCount(static_cast<uint64_t>(totals.active)));
  for (const auto& [kind, share] : totals.kinds) {
    std::cout << fmt::format("  {:<24} {:>8}  {:>8}\n", kind,
                             HumanCount(static_cast<uint64_t>(share.parameters)),
                             HumanBytes(share.bytes));
  }
  std::cout << fmt::format("\nmemory for {} x {} tokens: {} of weights (mapped), {} of KV cache\n",
                           options.batch_size, options.sequence_length, HumanBytes(totals.bytes),
                           HumanBytes(cache));
  std::cout << fmt::format("artifact: {}\n", artifact.dir.string());
}

void PrintJson(const Artifact& artifact, const Totals& totals, const InspectOptions& options,
               uint64_t cache) {
  Json config = Json::object();
  for (const auto& [key, value] : artifact.facts().configuration) config[key] = value;
  Json kinds = Json::object();
  for (const auto& [kind, share] : totals.kinds) {
    kinds[kind] = {{"parameters", share.parameters}, {"bytes", share.bytes}};
  }
  const Json result = {{"config", config},
                       {"parameters", totals.parameters},
                       {"active_parameters", totals.active},
                       {"weight_bytes", totals.bytes},
                       {"kinds", kinds},
                       {"batch_size", options.batch_size},
                       {"sequence_length", options.sequence_length},
                       {"kv_cache_bytes", cache},
                       {"artifact", artifact.dir.string()}};
  std::cout << result.dump() << '\n';
}

Status Run(InspectOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(options.model));
  const Program& program = *artifact->ranks.front();
  if (options.graph || options.tensors) {
    if (options.graph) std::cout << PrintGraph(program.graph);
    if (options.tensors) PrintTensors(program);
    return {};
  }
  if (options.sequence_length == 0) {
    options.sequence_length = artifact->manifest.options.sequence_length;
  }
  if (options.sequence_length < 1 || options.sequence_length > program.facts.max_positions) {
    return Fail(ErrorCode::kInvalidArgument, "inspect",
                "--sequence_length: expected 1 to {}, got {}", program.facts.max_positions,
                options.sequence_length);
  }
  const Totals totals = AddUp(program);
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t cache,
                            CacheBytes(program.facts, options.batch_size, options.sequence_length));
  if (options.json) {
    PrintJson(*artifact, totals, options, cache);
  } else {
    PrintSummary(*artifact, totals, options, cache);
  }
  return {};
}

}  // namespace

void AddInspectCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show a model's configuration, parameters and memory");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("MODEL", options->model, "Artifact or checkpoint folder, or an id")
      ->required();
  command->add_option("--batch_size", options->batch_size, "Sequences to compute memory for")
      ->check(NumberFrom<int64_t>(1, 4096))
      ->capture_default_str();
  command
      ->add_option("--sequence_length", options->sequence_length,
                   "Tokens of each; default: what the artifact was exported for")
      ->check(NumberFrom<int64_t>(1, int64_t{1} << 30));
  command->add_flag("--graph", options->graph, "Print the graph: names, types, operations");
  command->add_flag("--tensors", options->tensors, "List every parameter as it is stored");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
