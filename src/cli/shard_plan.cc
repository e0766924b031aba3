#include "cli/shard_plan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "artifact/artifact.h"
#include "artifact/cache.h"
#include "artifact/convert.h"
#include "backends/registry/registry.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/resolve.h"
#include "models/model.h"

namespace fairlead {
namespace {

namespace fs = std::filesystem;

// What one rank stores, in the order of its graph's parameters.
struct RankView {
  const Graph* graph = nullptr;
  std::vector<Holding> holdings;
};

Holding HoldingOf(const Parameter& parameter, Layout layout, uint64_t bytes, std::string why) {
  Holding holding{{}, parameter.shape, layout, bytes, parameter.zero, std::move(why)};
  for (size_t i = 0; i < parameter.shape.size(); ++i) holding.axes.push_back(parameter.axis(i));
  return holding;
}

RankView ViewOf(const Graph& graph, const std::vector<Conversion>& conversions) {
  RankView view{&graph, {}};
  for (const Conversion& conversion : conversions) {
    view.holdings.push_back(HoldingOf(*conversion.parameter, conversion.layout,
                                      static_cast<uint64_t>(conversion.bytes),
                                      WhyStoredSo(conversion)));
  }
  return view;
}

RankView ViewOf(const Program& program) {
  RankView view{&program.graph, {}};
  for (const Parameter* parameter : program.graph.parameters()) {
    const PackedTensor& stored = program.weights.tensors.at(parameter->name);
    view.holdings.push_back(HoldingOf(*parameter, stored.layout, stored.bytes.size(), ""));
  }
  return view;
}

// A whole parameter, stored as a part of it is.
Holding WholeOf(const Parameter& parameter, const Holding& part) {
  Holding whole{{}, parameter.whole_shape(), part.layout, 0, false, part.why};
  whole.axes.assign(whole.shape.begin(), whole.shape.end());
  whole.bytes = static_cast<uint64_t>(PackedTensor{whole.layout, whole.shape, {}}.expected_bytes());
  return whole;
}

// The plan while it is put together.
struct Views {
  std::vector<RankView> ranks;
  std::vector<Holding> whole;  // empty: stored as on the first rank
};

int64_t KvHeads(const Graph& graph) {
  int64_t heads = 0;
  for (const Node& node : graph.nodes) {
    if (const auto* attention = std::get_if<AttentionOp>(&node.op)) {
      heads = std::max<int64_t>(heads, attention->num_kv_heads);
    }
  }
  return heads;
}

Result<std::vector<int64_t>> KvPositions(const ModelFacts& facts, const ExportOptions& options,
                                         int64_t batch, int64_t length) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const Capabilities limits,
      PlanCapabilities(facts, StepLimits(options, static_cast<int>(batch), length)));
  std::vector<int64_t> positions;
  for (const int pages : limits.kv_pages) positions.push_back(int64_t{pages} * kPageTokens);
  return positions;
}

// Of one rank that holds everything.
Result<RankMemory> WholeMemory(const ModelFacts& facts, const ExportOptions& options,
                               const std::vector<ParameterPlan>& parameters) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<int64_t> positions,
      KvPositions(facts, options, options.batch_size, options.sequence_length));
  RankMemory whole;
  for (size_t g = 0; g < facts.kv_groups.size(); ++g) {
    const KvGroup& group = facts.kv_groups[g];
    whole.kv_heads = std::max<int64_t>(whole.kv_heads, group.kv_heads);
    whole.kv_cache_bytes +=
        static_cast<uint64_t>(group.elements_per_token() * positions[g]) * sizeof(float);
  }
  for (const ParameterPlan& parameter : parameters) {
    whole.parameters += NumElements(parameter.whole.shape);
    whole.weight_bytes += parameter.whole.bytes;
  }
  return whole;
}

Result<RankMemory> MemoryOf(const RankView& rank, const ModelFacts& facts,
                            const ExportOptions& options) {
  RankMemory memory;
  for (const Holding& holding : rank.holdings) {
    memory.parameters += NumElements(holding.shape);
    memory.weight_bytes += holding.bytes;
  }
  memory.kv_heads = KvHeads(*rank.graph);
  FAIRLEAD_ASSIGN_OR_RETURN(
      memory.kv_cache_bytes,
      KvCacheBytes(*rank.graph, facts, options, options.batch_size, options.sequence_length));
  return memory;
}

// Without what fills up panels.
int64_t ElementBytes(StorageFormat format, int64_t elements) {
  constexpr int64_t kScaledBlock = kMxfp4Block / 2 + 1;
  switch (format) {
    case StorageFormat::kF32:
      return elements * 4;
    case StorageFormat::kBf16:
      return elements * 2;
    case StorageFormat::kMxfp4:
      break;
  }
  return elements / kMxfp4Block * kScaledBlock;
}

void AddCost(const ParameterPlan& parameter, ShardingCost& cost) {
  const auto padding = [](const Holding& holding) {
    return static_cast<int64_t>(holding.bytes) -
           ElementBytes(holding.layout.format, NumElements(holding.shape));
  };
  const StorageFormat format = parameter.ranks.front().layout.format;
  const int64_t whole = ElementBytes(format, NumElements(parameter.whole.shape));
  cost.dequantised +=
      whole - ElementBytes(parameter.whole.layout.format, NumElements(parameter.whole.shape));
  cost.repeated -= whole;
  cost.padding -= padding(parameter.whole);
  for (const Holding& rank : parameter.ranks) {
    cost.repeated += ElementBytes(rank.layout.format, NumElements(rank.shape));
    cost.padding += padding(rank);
  }
}

Result<ShardPlan> Assemble(const fs::path& dir, const ExportOptions& options,
                           const ModelFacts& facts, const Views& views) {
  ShardPlan plan;
  plan.dir = dir;
  plan.options = options;
  const std::vector<const Parameter*> parameters = views.ranks.front().graph->parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    ParameterPlan parameter{parameters[i]->name, parameters[i]->use, {}, {}};
    parameter.whole = views.whole.empty() ? WholeOf(*parameters[i], views.ranks.front().holdings[i])
                                          : views.whole[i];
    for (const RankView& rank : views.ranks) parameter.ranks.push_back(rank.holdings[i]);
    AddCost(parameter, plan.cost);
    plan.parameters.push_back(std::move(parameter));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(plan.whole, WholeMemory(facts, options, plan.parameters));
  for (const RankView& rank : views.ranks) {
    FAIRLEAD_ASSIGN_OR_RETURN(const RankMemory memory, MemoryOf(rank, facts, options));
    plan.sum.parameters += memory.parameters;
    plan.sum.weight_bytes += memory.weight_bytes;
    plan.sum.kv_heads += memory.kv_heads;
    plan.sum.kv_cache_bytes += memory.kv_cache_bytes;
    plan.ranks.push_back(memory);
  }
  return plan;
}

// A checkpoint as it would be divided; what the views point into.
struct CheckpointPlan {
  ModelFacts facts;
  std::vector<RankPlan> ranks;
  Graph whole_graph;
  Views views;
};

Result<std::unique_ptr<const CheckpointPlan>> PlanCheckpoint(const Checkpoint& checkpoint,
                                                             const ExportOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(options.target));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model,
                            CreateModel(checkpoint.config(), checkpoint.generation_config()));
  auto plan = std::make_unique<CheckpointPlan>();
  plan->facts = model->Describe();
  FAIRLEAD_ASSIGN_OR_RETURN(plan->ranks, PlanRanks(*model, options.tp_degree, options.ep_degree,
                                                   checkpoint, *backend, options.torch_dtype));
  for (const RankPlan& rank : plan->ranks) {
    plan->views.ranks.push_back(ViewOf(*rank.graph, rank.conversions));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(plan->whole_graph, model->BuildGraph({}));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<Conversion> whole,
      PlanConversions(plan->whole_graph, checkpoint, *backend, options.torch_dtype));
  plan->views.whole = ViewOf(plan->whole_graph, whole).holdings;
  return plan;
}

// Whether an export would store what the artifact has, leaving aside why.
bool StoreAlike(std::vector<Holding> planned, const std::vector<Holding>& stored) {
  for (Holding& holding : planned) holding.why.clear();
  return planned == stored;
}

// Fills in what the artifact's checkpoint tells and the artifact does not: reasons, and what the
// whole would be stored as. Returns whether there was such a checkpoint.
bool Explain(const fs::path& dir, const Manifest& manifest, Views& views) {
  const auto checkpoint = OpenRecordedCheckpoint(dir, manifest);
  if (!checkpoint) return false;
  const auto plan = PlanCheckpoint(**checkpoint, manifest.options);
  if (!plan || (*plan)->ranks.size() != views.ranks.size()) return false;
  std::vector<RankView> explained = (*plan)->views.ranks;
  for (size_t r = 0; r < explained.size(); ++r) {
    if (!StoreAlike(explained[r].holdings, views.ranks[r].holdings)) return false;
    explained[r].graph = views.ranks[r].graph;
  }
  views = {std::move(explained), (*plan)->views.whole};
  return true;
}

// The plan for `batch` sequences of `length` tokens.
Result<ShardPlan> Finish(const CheckpointPlan& planned, const fs::path& dir, ExportOptions options,
                         int64_t batch, int64_t length) {
  FAIRLEAD_ASSIGN_OR_RETURN(options.sequence_length, ChooseLength(length, options, planned.facts));
  options.batch_size = batch;
  return Assemble(dir, options, planned.facts, planned.views);
}

// The checkpoint of an artifact without weights, divided as the artifact says.
Result<ShardPlan> PlanWithoutWeights(const fs::path& dir, const Manifest& manifest, int64_t batch,
                                     int64_t length) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, OpenRecordedCheckpoint(dir, manifest));
  const auto planned = PlanCheckpoint(*checkpoint, manifest.options);
  if (planned) return Finish(**planned, dir, manifest.options, batch, length);
  if (planned.error().code != ErrorCode::kInvalidArgument) return tl::unexpected(planned.error());
  // The options are recorded ones, not the caller's.
  return Fail(ErrorCode::kInvalidData, "artifact", "{}: options: {}",
              (dir / kManifestName).string(), planned.error().message);
}

Result<ShardPlan> PlanFromArtifact(const RunOptions& run, const fs::path& dir, int64_t batch,
                                   int64_t length) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(dir));
  FAIRLEAD_RETURN_IF_ERROR(CheckOwnDegrees(run, manifest.options));
  if (manifest.ranks.empty()) return PlanWithoutWeights(dir, manifest, batch, length);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, LoadArtifact(dir));
  ExportOptions options = manifest.options;
  options.batch_size = batch;
  FAIRLEAD_ASSIGN_OR_RETURN(options.sequence_length,
                            ChooseLength(length, manifest.options, artifact->facts()));
  Views views;
  for (const auto& program : artifact->ranks) views.ranks.push_back(ViewOf(*program));
  const bool reasons = Explain(dir, manifest, views);
  FAIRLEAD_ASSIGN_OR_RETURN(ShardPlan plan, Assemble(dir, options, artifact->facts(), views));
  plan.reasons = reasons;
  return plan;
}

}  // namespace

Result<uint64_t> KvCacheBytes(const Graph& graph, const ModelFacts& facts,
                              const ExportOptions& options, int64_t batch, int64_t length) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int64_t> positions,
                            KvPositions(facts, options, batch, length));
  uint64_t bytes = 0;
  for (const Node& node : graph.nodes) {
    const auto* attention = std::get_if<AttentionOp>(&node.op);
    if (attention == nullptr) continue;
    const int64_t elements = int64_t{2} * attention->num_kv_heads * attention->head_dim *
                             positions[static_cast<size_t>(attention->kv_group)];
    bytes += static_cast<uint64_t>(elements) * sizeof(float);
  }
  return bytes;
}

Result<int64_t> ChooseLength(int64_t length, const ExportOptions& options,
                             const ModelFacts& facts) {
  if (length == 0) length = options.sequence_length;
  if (length == 0) return facts.max_positions;
  if (length > 0 && length <= facts.max_positions) return length;
  return Fail(ErrorCode::kInvalidArgument, "inspect", "--sequence_length: expected 1 to {}, got {}",
              facts.max_positions, length);
}

Result<ShardPlan> PlanShards(const RunOptions& run, int64_t batch, int64_t length) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(run.model));
  switch (model.kind) {
    case ModelKind::kArtifact:
      return PlanFromArtifact(run, model.dir, batch, length);
    case ModelKind::kTokenizerOnly:
      return Fail(ErrorCode::kInvalidData, "model",
                  "{}: expected a checkpoint or an artifact, got a tokenizer alone",
                  model.dir.string());
    case ModelKind::kCheckpoint:
      break;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(model.dir));
  ExportOptions options;
  options.tp_degree = std::max(run.tp_degree, 1);
  options.ep_degree = std::max(run.ep_degree, 1);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto planned, PlanCheckpoint(*checkpoint, options));
  return Finish(*planned, model.dir, options, batch, length);
}

}  // namespace fairlead
