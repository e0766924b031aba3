#include "artifact/convert.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <unordered_set>

#include "artifact/source_rows.h"
#include "base/log.h"

namespace fairlead {
namespace {

// Source elements converted at a time, counted as float32.
constexpr int64_t kPieceBytes = int64_t{4} << 20;

// What describes a tensor in a log line: "name BF16 [2, 3]".
std::string Describe(std::string_view name, const TensorView& tensor) {
  return fmt::format("{} {} {}", name, DTypeName(tensor.dtype), ShapeString(tensor.shape));
}

std::vector<std::string> MissingTensors(const ParameterSource& source,
                                        const Checkpoint& checkpoint) {
  std::vector<std::string> missing;
  for (const std::string& name : source.tensors) {
    if (!checkpoint.Find(name)) missing.push_back(name);
  }
  return missing;
}

// The first source of which every tensor is there, or nullptr.
const ParameterSource* FindSource(const Parameter& parameter, const Checkpoint& checkpoint) {
  const auto complete = std::find_if(
      parameter.sources.begin(), parameter.sources.end(),
      [&](const ParameterSource& source) { return MissingTensors(source, checkpoint).empty(); });
  return complete == parameter.sources.end() ? nullptr : &*complete;
}

// What to look for where no source is complete: the rest of one that is there in part, or else one
// of all.
std::string DescribeMissing(const Parameter& parameter, const Checkpoint& checkpoint) {
  std::vector<std::string> alternatives;
  for (const ParameterSource& source : parameter.sources) {
    const std::vector<std::string> missing = MissingTensors(source, checkpoint);
    std::string names = fmt::format("{}", fmt::join(missing, " and "));
    if (missing.size() < source.tensors.size()) return names;
    alternatives.push_back(std::move(names));
  }
  if (alternatives.empty()) return parameter.name;
  return fmt::format("{}", fmt::join(alternatives, " or else "));
}

tl::unexpected<Error> WrongTensor(const Checkpoint& checkpoint, std::string_view name,
                                  std::string_view expected, std::string_view found) {
  std::string file = checkpoint.dir().string();
  for (const auto& candidate : checkpoint.files()) {
    if (candidate->Find(name)) file = candidate->path().string();
  }
  return Fail(ErrorCode::kInvalidData, "convert", "{}: {}: expected {}, got {}", file, name,
              expected, found);
}

Status CheckTensor(const Parameter& parameter, const ParameterSource& source, size_t index,
                   const Checkpoint& checkpoint) {
  const std::string& name = source.tensors[index];
  const TensorView tensor = *checkpoint.Find(name);
  const Shape expected = SourceShape(parameter, source, index);
  if (tensor.shape != expected) {
    return WrongTensor(checkpoint, name, "shape " + ShapeString(expected),
                       ShapeString(tensor.shape));
  }
  if (source.transform == Transform::kMxfp4) {
    if (tensor.dtype == DType::kU8) return {};
    return WrongTensor(checkpoint, name, "type U8", DTypeName(tensor.dtype));
  }
  if (FormatOf(tensor.dtype)) return {};
  return WrongTensor(checkpoint, name, "type F32, BF16 or F16", DTypeName(tensor.dtype));
}

// Declarations come from model code: what they break is a bug there.
Status CheckDeclaration(const Parameter& parameter, const ParameterSource& source) {
  const size_t tensors = source.transform == Transform::kMxfp4 ? 2 : 1;
  const size_t fewest = source.transform == Transform::kTranspose ? 2 : 1;
  const bool sound = source.tensors.size() == tensors && parameter.shape.size() >= fewest &&
                     parameter.shape.size() <= 3 &&
                     (tensors == 1 || parameter.whole_shape().back() % kMxfp4Block == 0);
  if (sound) return {};
  return Fail(ErrorCode::kInternal, "convert",
              "{} {}: its declaration does not fit the transform {} of {} tensors", parameter.name,
              ShapeString(parameter.whole_shape()), TransformName(source.transform),
              source.tensors.size());
}

std::unordered_set<std::string_view> UsedTensors(const Graph& graph, const Checkpoint& checkpoint) {
  std::unordered_set<std::string_view> used;
  for (const Parameter* parameter : graph.parameters()) {
    const ParameterSource* source = FindSource(*parameter, checkpoint);
    if (source != nullptr) used.insert(source->tensors.begin(), source->tensors.end());
  }
  return used;
}

void WarnOfUnused(const Graph& graph, const Checkpoint& checkpoint) {
  const std::unordered_set<std::string_view> used = UsedTensors(graph, checkpoint);
  std::vector<std::string> unused;
  for (std::string& name : checkpoint.names()) {
    if (!used.contains(name)) unused.push_back(std::move(name));
  }
  if (unused.empty()) return;
  spdlog::warn("[convert] {}: tensors that the model has no use for ({}): {}",
               checkpoint.dir().string(), unused.size(), fmt::join(unused, ", "));
}

// Whether a rank's columns are whole MXFP4 blocks, which can then stay packed.
bool HoldsWholeBlocks(const Parameter& parameter) {
  const std::vector<Range> ranges = parameter.axis(parameter.shape.size() - 1).ranges();
  return std::all_of(ranges.begin(), ranges.end(), [](const Range& range) {
    return range.start % kMxfp4Block == 0 && range.count % kMxfp4Block == 0;
  });
}

StorageFormat WantedFormat(const Parameter& parameter, Transform transform, DType dtype,
                           TorchDtype wanted) {
  if (transform == Transform::kMxfp4) {
    // BF16 holds every MXFP4 value exactly.
    return HoldsWholeBlocks(parameter) ? StorageFormat::kMxfp4 : StorageFormat::kBf16;
  }
  if (wanted == TorchDtype::kBf16) return StorageFormat::kBf16;
  if (wanted == TorchDtype::kF32) return StorageFormat::kF32;
  return FormatOf(dtype).value_or(StorageFormat::kF32);
}

Result<Conversion> PlanConversion(const Parameter& parameter, const Checkpoint& checkpoint,
                                  const Backend& backend, TorchDtype dtype) {
  Conversion plan{&parameter, FindSource(parameter, checkpoint), {}, {}, 0};
  for (const std::string& name : plan.source->tensors) {
    plan.tensors.push_back(*checkpoint.Find(name));
  }
  const Transform transform = plan.source->transform;
  plan.layout = backend.ChooseLayout(
      parameter, WantedFormat(parameter, transform, plan.tensors[0].dtype, dtype));
  const bool quantised = transform == Transform::kMxfp4 && HoldsWholeBlocks(parameter);
  if (!ParseLayout(LayoutId(plan.layout)) ||
      quantised != (plan.layout.format == StorageFormat::kMxfp4)) {
    return Fail(ErrorCode::kUnsupported, "convert", "{}: cannot store {} as {}, as {} asks",
                parameter.name, TransformName(transform), LayoutId(plan.layout), backend.name());
  }
  plan.bytes = PackedTensor{plan.layout, parameter.shape, {}}.expected_bytes();
  return plan;
}

void LogConversion(const Conversion& plan) {
  std::vector<std::string> sources;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    sources.push_back(Describe(plan.source->tensors[i], plan.tensors[i]));
  }
  spdlog::debug("[convert] {} -> {} {}: {}, {}, {} bytes", fmt::join(sources, " + "),
                plan.parameter->name, ShapeString(plan.parameter->shape),
                TransformName(plan.source->transform), LayoutId(plan.layout), plan.bytes);
}

// Memory for packed bytes, aligned as in a mapped artifact.
std::shared_ptr<std::byte> AllocateAligned(size_t bytes) {
  constexpr std::align_val_t kAlignment{64};
  return {static_cast<std::byte*>(::operator new(std::max<size_t>(bytes, 1), kAlignment)),
          [](std::byte* memory) { ::operator delete(memory, kAlignment); }};
}

}  // namespace

Status CheckSources(const Graph& graph, const Checkpoint& checkpoint) {
  std::vector<std::string> missing;
  for (const Parameter* parameter : graph.parameters()) {
    if (FindSource(*parameter, checkpoint) == nullptr) {
      missing.push_back(DescribeMissing(*parameter, checkpoint));
    }
  }
  if (!missing.empty()) {
    return Fail(ErrorCode::kInvalidData, "convert", "{}: missing tensors ({}): {}",
                checkpoint.dir().string(), missing.size(), fmt::join(missing, ", "));
  }
  for (const Parameter* parameter : graph.parameters()) {
    const ParameterSource& source = *FindSource(*parameter, checkpoint);
    FAIRLEAD_RETURN_IF_ERROR(CheckDeclaration(*parameter, source));
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      FAIRLEAD_RETURN_IF_ERROR(CheckTensor(*parameter, source, i, checkpoint));
    }
  }
  WarnOfUnused(graph, checkpoint);
  return {};
}

Result<std::vector<Conversion>> PlanConversions(const Graph& graph, const Checkpoint& checkpoint,
                                                const Backend& backend, TorchDtype dtype) {
  std::vector<Conversion> plans;
  for (const Parameter* parameter : graph.parameters()) {
    FAIRLEAD_ASSIGN_OR_RETURN(Conversion plan,
                              PlanConversion(*parameter, checkpoint, backend, dtype));
    LogConversion(plan);
    plans.push_back(std::move(plan));
  }
  return plans;
}

Result<std::vector<RankPlan>> PlanRanks(const Model& model, int tp_degree, int ep_degree,
                                        const Checkpoint& checkpoint, const Backend& backend,
                                        TorchDtype dtype) {
  std::vector<RankPlan> ranks;
  for (int rank = 0; ranks.empty() || rank < tp_degree * ep_degree; ++rank) {
    FAIRLEAD_ASSIGN_OR_RETURN(Graph graph, model.BuildGraph({rank, tp_degree, ep_degree}));
    ranks.push_back({std::make_shared<const Graph>(std::move(graph)), {}});
    RankPlan& plan = ranks.back();
    // All ranks have the same sources.
    if (rank == 0) FAIRLEAD_RETURN_IF_ERROR(CheckSources(*plan.graph, checkpoint));
    FAIRLEAD_ASSIGN_OR_RETURN(plan.conversions,
                              PlanConversions(*plan.graph, checkpoint, backend, dtype));
  }
  return ranks;
}

std::string WhyStoredSo(const Conversion& conversion) {
  const Parameter& parameter = *conversion.parameter;
  const StorageFormat stored = conversion.layout.format;
  if (conversion.source->transform == Transform::kMxfp4) {
    if (stored == StorageFormat::kMxfp4) return "MXFP4 kept: whole blocks";
    return fmt::format("dequantised: fewer than one block of {} for each rank", kMxfp4Block);
  }
  const DType dtype = conversion.tensors[0].dtype;
  if (parameter.zero) return "zeros: another rank adds it";
  if (FormatOf(dtype) == stored && dtype != DType::kF16) {
    return fmt::format("{} kept", DTypeName(dtype));
  }
  if (parameter.use == ParameterUse::kVector) {
    return fmt::format("{} widened: vectors are small", DTypeName(dtype));
  }
  return fmt::format("{} converted: {}", DTypeName(dtype),
                     dtype == DType::kF16 && stored == StorageFormat::kF32
                         ? "float32 holds it exactly"
                         : "torch_dtype asks for it");
}

Status Convert(const Conversion& conversion, const PackedSink& sink) {
  SourceRows source(*conversion.parameter, *conversion.source, conversion.tensors,
                    conversion.layout.format);
  const int64_t row_bytes = source.columns() * static_cast<int64_t>(sizeof(float));
  // Whole panels, so that the pieces are the bytes of the whole.
  const int64_t piece =
      std::max<int64_t>(kPieceBytes / std::max<int64_t>(row_bytes * kPanelRows, 1), 1) * kPanelRows;
  std::vector<std::byte> packed;
  for (int64_t expert = 0; expert < source.experts(); ++expert) {
    for (int64_t first = 0; first < source.rows(); first += piece) {
      const int64_t count = std::min(piece, source.rows() - first);
      FAIRLEAD_ASSIGN_OR_RETURN(const MatrixRows rows, source.Read(expert, first, count));
      packed.resize(static_cast<size_t>(PackedBytes(conversion.layout, count, source.columns())));
      Pack(conversion.layout, rows, packed);
      FAIRLEAD_RETURN_IF_ERROR(sink(packed));
    }
  }
  return {};
}

Result<Weights> PackInMemory(const Graph& graph, const Checkpoint& checkpoint,
                             const Backend& backend, TorchDtype dtype) {
  FAIRLEAD_RETURN_IF_ERROR(CheckSources(graph, checkpoint));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<Conversion> plans,
                            PlanConversions(graph, checkpoint, backend, dtype));
  Weights weights;
  for (const Conversion& plan : plans) {
    const auto size = static_cast<size_t>(plan.bytes);
    const std::shared_ptr<std::byte> memory = AllocateAligned(size);
    size_t done = 0;
    FAIRLEAD_RETURN_IF_ERROR(Convert(plan, [&](std::span<const std::byte> piece) -> Status {
      std::memcpy(memory.get() + done, piece.data(), piece.size());
      done += piece.size();
      return {};
    }));
    weights.tensors[plan.parameter->name] = {
        plan.layout, plan.parameter->shape, {memory.get(), size}};
    weights.owners.push_back(memory);
  }
  return weights;
}

}  // namespace fairlead
