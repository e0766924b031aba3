#include "artifact/convert.h"

#include "tests/artifact/fixtures.h"
#include "tests/artifact/log_capture.h"

namespace fairlead {
namespace {

// A checkpoint whose config.json says nothing: only its tensors matter here.
class TensorFolder {
 public:
  void Add(std::string name, Tensor tensor) { tensors_.emplace_back(std::move(name), tensor); }
  void AddBytes(std::string name, DType dtype, Shape shape, uint8_t first) {
    Tensor tensor = Tensor::Zeros(dtype, std::move(shape));
    for (size_t i = 0; i < tensor.bytes.size(); ++i) {
      tensor.bytes[i] = static_cast<std::byte>((first + i * 37) % 113);
    }
    Add(std::move(name), std::move(tensor));
  }
  std::shared_ptr<const Checkpoint> Open() {
    folder_.Write("config.json", "{}");
    std::vector<std::pair<std::string, TensorView>> views;
    for (const auto& [name, tensor] : tensors_) views.emplace_back(name, tensor.view());
    const Status written = WriteSafetensors(folder_.path() / "model.safetensors", views);
    EXPECT_TRUE(written) << written.error().message;
    return OpenCheckpoint(folder_.path());
  }
  Tensor& operator[](size_t index) { return tensors_[index].second; }

 private:
  TempDir folder_;
  std::vector<std::pair<std::string, Tensor>> tensors_;
};

Parameter Matrix(std::string name, Shape shape, Transform transform = Transform::kIdentity) {
  Parameter parameter{name, std::move(shape), ParameterUse::kMatrix, {}, {}};
  if (transform == Transform::kMxfp4) {
    parameter.sources.push_back({transform, {name + "_blocks", name + "_scales"}});
  } else {
    parameter.sources.push_back({transform, {name}});
  }
  return parameter;
}

std::string CheckError(const Graph& graph, const Checkpoint& checkpoint) {
  const Status status = CheckSources(graph, checkpoint);
  return status ? "no error" : status.error().message;
}

class EveryGolden : public testing::TestWithParam<std::string> {};

TEST_P(EveryGolden, EqualsTheCheckpointBitForBit) {
  const auto checkpoint = OpenCheckpoint(GoldenDir(GetParam()));
  const Graph graph = BuildGraph(*checkpoint);
  const auto weights = PackInMemory(graph, *checkpoint, LayoutBackend());
  ASSERT_TRUE(weights) << weights.error().message;
  ExpectWeights(graph, *checkpoint, *weights);
  EXPECT_TRUE(CheckWeights(graph, *weights));
}

TEST_P(EveryGolden, UsesEveryTensor) {
  const auto checkpoint = OpenCheckpoint(GoldenDir(GetParam()));
  const LogCapture log;
  EXPECT_EQ(CheckError(BuildGraph(*checkpoint), *checkpoint), "no error");
  EXPECT_EQ(log.text(), "");
}

INSTANTIATE_TEST_SUITE_P(Convert, EveryGolden, testing::ValuesIn(GoldenNames()),
                         [](const auto& info) { return info.param; });

TEST(Convert, ForcedTypesRoundTheCheckpointsValues) {
  for (const std::string name : {"float32_weights", "mxfp4_published"}) {
    const auto checkpoint = OpenCheckpoint(GoldenDir(name));
    const Graph graph = BuildGraph(*checkpoint);
    const auto bf16 = PackInMemory(graph, *checkpoint, LayoutBackend(), TorchDtype::kBf16);
    ASSERT_TRUE(bf16) << bf16.error().message;
    ExpectWeights(graph, *checkpoint, *bf16, [](const Parameter& parameter, float value) {
      const bool rounds = parameter.use != ParameterUse::kVector;
      return rounds ? Bf16ToFloat(FloatToBf16(value)) : value;
    });
    const auto f32 = PackInMemory(graph, *checkpoint, LayoutBackend(), TorchDtype::kF32);
    ASSERT_TRUE(f32) << f32.error().message;
    ExpectWeights(graph, *checkpoint, *f32);
    EXPECT_EQ(f32->tensors.at("lm_head.weight").layout.format, StorageFormat::kF32);
    EXPECT_EQ(bf16->tensors.at("lm_head.weight").layout.format, StorageFormat::kBf16);
    const StorageFormat experts =
        bf16->tensors.at("model.layers.0.mlp.experts.down_proj").layout.format;
    EXPECT_EQ(experts == StorageFormat::kMxfp4, name == "mxfp4_published");
  }
}

TEST(Convert, Float16BecomesFloat32AndMisalignedTensorsAreRead) {
  TensorFolder folder;
  folder.AddBytes("one_byte", DType::kU8, {1}, 1);  // what follows lies at odd addresses
  folder.AddBytes("half", DType::kF16, {33, 70}, 3);
  folder.AddBytes("float", DType::kF32, {33, 70}, 5);
  folder.AddBytes("brain", DType::kBf16, {3, 70, 35}, 7);
  const auto checkpoint = folder.Open();
  const Graph graph =
      GraphOf({Matrix("half", {33, 70}), Matrix("float", {33, 70}),
               Matrix("brain", {3, 35, 70}, Transform::kTranspose),
               Parameter{"vector", {33, 70}, ParameterUse::kVector, {}, {{{}, {"half"}}}}});
  const auto weights = PackInMemory(graph, *checkpoint, LayoutBackend());
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_EQ(weights->tensors.at("half").layout.format, StorageFormat::kF32);
  ExpectWeights(graph, *checkpoint, *weights);
}

// Rows so long that a piece is a single panel, and enough of them for several pieces.
TEST(Convert, PiecesJoinToTheWhole) {
  constexpr int64_t kRows = 53, kColumns = 100'000;
  TensorFolder folder;
  folder.AddBytes("plain", DType::kBf16, {kRows, kColumns}, 1);
  folder.AddBytes("turned", DType::kBf16, {kColumns, kRows}, 2);
  folder.AddBytes("packed_blocks", DType::kU8, {kRows, kColumns / 32, 16}, 3);
  folder.AddBytes("packed_scales", DType::kU8, {kRows, kColumns / 32}, 4);
  const auto checkpoint = folder.Open();
  const Graph graph = GraphOf({Matrix("plain", {kRows, kColumns}),
                               Matrix("turned", {kRows, kColumns}, Transform::kTranspose),
                               Matrix("packed", {kRows, kColumns}, Transform::kMxfp4)});
  const auto plans = PlanConversions(graph, *checkpoint, LayoutBackend(), TorchDtype::kAuto);
  ASSERT_TRUE(plans) << plans.error().message;
  for (const Conversion& plan : *plans) {
    size_t pieces = 0, bytes = 0, largest = 0;
    const Status done = Convert(plan, [&](std::span<const std::byte> piece) -> Status {
      ++pieces;
      bytes += piece.size();
      largest = std::max(largest, piece.size());
      return {};
    });
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(pieces, 4u) << plan.parameter->name;
    EXPECT_EQ(static_cast<int64_t>(bytes), plan.bytes) << plan.parameter->name;
    EXPECT_LE(largest, 8u << 20) << plan.parameter->name;
  }
  const auto weights = PackInMemory(graph, *checkpoint, LayoutBackend());
  ASSERT_TRUE(weights) << weights.error().message;
  ExpectWeights(graph, *checkpoint, *weights);
}

TEST(Convert, AFailingSinkEndsTheConversion) {
  TensorFolder folder;
  folder.AddBytes("w", DType::kF32, {4, 4}, 1);
  const auto checkpoint = folder.Open();
  const Graph graph = GraphOf({Matrix("w", {4, 4})});
  const auto plans = PlanConversions(graph, *checkpoint, LayoutBackend(), TorchDtype::kAuto);
  ASSERT_TRUE(plans) << plans.error().message;
  const Status failed = Convert((*plans)[0], [](std::span<const std::byte>) -> Status {
    return Fail(ErrorCode::kIo, "test", "the disk is full");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "[test] the disk is full");
}

TEST(Convert, RefusesAScaleThatIsNotANumber) {
  TensorFolder folder;
  folder.AddBytes("e_blocks", DType::kU8, {2, 3, 4, 16}, 1);
  folder.AddBytes("e_scales", DType::kU8, {2, 3, 4}, 1);
  folder[1].bytes[(1 * 3 + 2) * 4 + 1] = std::byte{255};
  const auto checkpoint = folder.Open();
  const auto weights = PackInMemory(GraphOf({Matrix("e", {2, 3, 128}, Transform::kMxfp4)}),
                                    *checkpoint, LayoutBackend());
  ASSERT_FALSE(weights);
  EXPECT_EQ(weights.error().message,
            "[convert] e_scales: expected scales of at most 254, got 255 (not a number) at "
            "[1, 2, 1]");
}

TEST(CheckSources, ListsEveryMissingTensorAtOnce) {
  TensorFolder folder;
  folder.AddBytes("b_blocks", DType::kU8, {16, 1, 16}, 1);
  folder.AddBytes("here", DType::kF32, {2, 2}, 1);
  const auto checkpoint = folder.Open();
  Parameter b = Matrix("b", {16, 32}, Transform::kMxfp4);
  b.sources.push_back({Transform::kTranspose, {"b"}});
  Parameter c = Matrix("c", {16, 32}, Transform::kMxfp4);
  c.sources.push_back({Transform::kTranspose, {"c"}});
  const std::string message =
      CheckError(GraphOf({Matrix("a", {2, 2}), b, Matrix("here", {2, 2}), c}), *checkpoint);
  EXPECT_TRUE(
      message.ends_with(": missing tensors (3): a, b_scales, c_blocks and c_scales or else c"))
      << message;
}

TEST(CheckSources, NamesFileTensorAndBothShapes) {
  TensorFolder folder;
  folder.AddBytes("w", DType::kF32, {5, 4}, 1);
  const auto checkpoint = folder.Open();
  EXPECT_EQ(CheckError(GraphOf({Matrix("w", {4, 5})}), *checkpoint),
            "[convert] " + (checkpoint->dir() / "model.safetensors").string() +
                ": w: expected shape [4, 5], got [5, 4]");
  EXPECT_EQ(CheckError(GraphOf({Matrix("w", {4, 5}, Transform::kTranspose)}), *checkpoint),
            "no error");
}

TEST(CheckSources, RefusesTypesThatWeightsCannotHave) {
  TensorFolder folder;
  folder.AddBytes("i", DType::kI32, {4, 4}, 1);
  folder.AddBytes("e_blocks", DType::kU8, {4, 1, 16}, 1);
  folder.AddBytes("e_scales", DType::kI8, {4, 1}, 1);
  const auto checkpoint = folder.Open();
  const std::string type = CheckError(GraphOf({Matrix("i", {4, 4})}), *checkpoint);
  EXPECT_TRUE(type.ends_with("i: expected type F32, BF16 or F16, got I32")) << type;
  const std::string scales =
      CheckError(GraphOf({Matrix("e", {4, 32}, Transform::kMxfp4)}), *checkpoint);
  EXPECT_TRUE(scales.ends_with("e_scales: expected type U8, got I8")) << scales;
}

// 40 columns are not whole blocks, though 40 / 32 rounds down to the shape that is stored.
TEST(CheckSources, RefusesADeclarationOfPartOfABlock) {
  TensorFolder folder;
  folder.AddBytes("e_blocks", DType::kU8, {4, 1, 16}, 1);
  folder.AddBytes("e_scales", DType::kU8, {4, 1}, 1);
  const std::string message =
      CheckError(GraphOf({Matrix("e", {4, 40}, Transform::kMxfp4)}), *folder.Open());
  EXPECT_NE(message.find("does not fit the transform mxfp4"), std::string::npos) << message;
}

TEST(CheckSources, WarnsOfUnusedTensors) {
  TensorFolder folder;
  folder.AddBytes("w", DType::kF32, {4, 4}, 1);
  folder.AddBytes("left", DType::kF32, {4}, 1);
  folder.AddBytes("right", DType::kI64, {4}, 1);
  const auto checkpoint = folder.Open();
  const LogCapture log;
  EXPECT_EQ(CheckError(GraphOf({Matrix("w", {4, 4})}), *checkpoint), "no error");
  EXPECT_EQ(log.text(), "warning [convert] " + checkpoint->dir().string() +
                            ": tensors that the model has no use for (2): left, right\n");
}

TEST(PlanConversions, LogsSourcesTransformAndLayout) {
  TensorFolder folder;
  folder.AddBytes("e_blocks", DType::kU8, {2, 4, 1, 16}, 1);
  folder.AddBytes("e_scales", DType::kU8, {2, 4, 1}, 1);
  const auto checkpoint = folder.Open();
  const LogCapture log;
  ASSERT_TRUE(PlanConversions(GraphOf({Matrix("e", {2, 4, 32}, Transform::kMxfp4)}), *checkpoint,
                              LayoutBackend(), TorchDtype::kAuto));
  EXPECT_EQ(log.text(),
            "debug [convert] e_blocks U8 [2, 4, 1, 16] + e_scales U8 [2, 4, 1] -> e [2, 4, 32]: "
            "mxfp4, rows16.mxfp4, 544 bytes\n");
}

TEST(PlanConversions, RefusesALayoutThatTheSourceCannotFill) {
  TensorFolder folder;
  folder.AddBytes("e_blocks", DType::kU8, {4, 1, 16}, 1);
  folder.AddBytes("e_scales", DType::kU8, {4, 1}, 1);
  const auto checkpoint = folder.Open();
  const LayoutBackend f32([](const Parameter&, StorageFormat) { return Layout{}; });
  const auto plans = PlanConversions(GraphOf({Matrix("e", {4, 32}, Transform::kMxfp4)}),
                                     *checkpoint, f32, TorchDtype::kAuto);
  ASSERT_FALSE(plans);
  EXPECT_EQ(plans.error().message,
            "[convert] e: cannot store mxfp4 as row_major.f32, as layout-only asks");
}

}  // namespace
}  // namespace fairlead
