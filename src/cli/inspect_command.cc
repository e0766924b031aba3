#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/print_plan.h"
#include "cli/session.h"
#include "cli/shard_plan.h"

namespace fairlead {
namespace {

struct InspectOptions {
  RunOptions run;  // the model, and degrees of a plan
  int64_t batch_size = 1;
  int64_t sequence_length = 0;
  bool plan = false;
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
  std::cout << '\n';
  if (artifact.ranks.size() > 1) {
    std::cout << fmt::format("of rank 0 of {} (--plan shows all):\n", artifact.ranks.size());
  }
  std::cout << fmt::format("{:<26} {} ({} active per token)\n", "parameters",
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
  // Parameters and bytes are of rank 0.
  const Json result = {{"config", config},
                       {"ranks", artifact.ranks.size()},
                       {"parameters", totals.parameters},
                       {"active_parameters", totals.active},
                       {"weight_bytes", totals.bytes},
                       {"kinds", kinds},
                       {"batch_size", options.batch_size},
                       {"sequence_length", options.sequence_length},
                       {"kv_cache_bytes", cache},
                       {"artifact", artifact.dir.string()}};
  std::cout << DumpJson(result) << '\n';
}

Status PrintPlan(const InspectOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ShardPlan plan,
                            PlanShards(options.run, options.batch_size, options.sequence_length));
  if (options.json) {
    // The name of the folder need not be UTF-8.
    std::cout << DumpJson(PlanJson(plan)) << '\n';
  } else {
    std::cout << PlanText(plan);
  }
  return {};
}

Status Run(InspectOptions& options) {
  if (options.plan) return PrintPlan(options);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(options.run.model));
  const Program& program = *artifact->ranks.front();
  if (options.graph || options.tensors) {
    if (options.graph) std::cout << PrintGraph(program.graph);
    if (options.tensors) PrintTensors(program);
    return {};
  }
  const ExportOptions& exported = artifact->manifest.options;
  FAIRLEAD_ASSIGN_OR_RETURN(options.sequence_length,
                            ChooseLength(options.sequence_length, exported, program.facts));
  const Totals totals = AddUp(program);
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t cache,
                            KvCacheBytes(program.graph, program.facts, exported, options.batch_size,
                                         options.sequence_length));
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
  command->add_option("MODEL", options->run.model, "Artifact or checkpoint folder, or an id")
      ->required();
  command->add_option("--batch_size", options->batch_size, "Sequences to compute memory for")
      ->check(NumberFrom<int64_t>(1, 4096))
      ->capture_default_str();
  command
      ->add_option("--sequence_length", options->sequence_length,
                   "Tokens of each; default: what the artifact was exported for")
      ->check(NumberFrom<int64_t>(1, int64_t{1} << 30));
  CLI::Option* graph =
      command->add_flag("--graph", options->graph, "Print the graph: names, types, operations");
  CLI::Option* tensors =
      command->add_flag("--tensors", options->tensors, "List every parameter as it is stored");
  CLI::Option* plan = command->add_flag(
      "--plan", options->plan,
      "Show what each rank holds of each parameter, and its memory; converts and writes nothing");
  plan->excludes(graph)->excludes(tensors);
  AddDegreeOptions(*command, options->run);
  for (const char* degree : {"--tensor_parallel_size", "--expert_parallel_size"}) {
    command->get_option(degree)->needs(plan);
  }
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer(R"(
--plan reads only the headers of a checkpoint, so that divisions can be compared before an export;
an artifact is shown as it was divided.

  fairlead inspect openai/gpt-oss-20b --batch_size 4 --sequence_length 8192
  fairlead inspect openai/gpt-oss-20b --plan --tensor_parallel_size 8)");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
