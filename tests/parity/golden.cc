#include "tests/parity/golden.h"

#include <algorithm>

#include "artifact/convert.h"
#include "backends/cpu/cpu_backend.h"
#include "backends/reference/reference_backend.h"

namespace fairlead::testing {
namespace {

std::filesystem::path GoldensDir() { return std::filesystem::path(FAIRLEAD_TEST_DATA) / "goldens"; }

GoldenPrompt PromptFrom(const Json& json, TensorView logits) {
  return {json["prompt"], json["greedy"], json["margins"], std::move(logits)};
}

}  // namespace

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldensDir())) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<GoldenCase> LoadGolden(const std::string& name) {
  const std::filesystem::path dir = GoldensDir() / name;
  GoldenCase golden;
  golden.name = name;
  FAIRLEAD_ASSIGN_OR_RETURN(golden.checkpoint, Checkpoint::Open(dir));
  FAIRLEAD_ASSIGN_OR_RETURN(golden.values, SafetensorsFile::Open(dir / "golden.safetensors"));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(dir / "golden.json", "test"));
  golden.max_abs_logit = json["max_abs_logit"];
  golden.prompts.push_back(PromptFrom(json, golden.values->Find("logits").value()));
  if (!std::filesystem::exists(dir / "ragged.json")) return golden;
  FAIRLEAD_ASSIGN_OR_RETURN(golden.ragged, SafetensorsFile::Open(dir / "ragged.safetensors"));
  FAIRLEAD_ASSIGN_OR_RETURN(const Json ragged, ReadJsonFile(dir / "ragged.json", "test"));
  for (size_t i = 0; i < ragged.size(); ++i) {
    golden.prompts.push_back(
        PromptFrom(ragged[i], golden.ragged->Find(fmt::format("{}.logits", i)).value()));
  }
  return golden;
}

Result<std::shared_ptr<Program>> MakeProgram(const Json& config, const Checkpoint& checkpoint,
                                             const Backend& backend) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto ranks, MakeRanks(config, checkpoint, backend, 1, 1));
  return ranks[0];
}

Result<std::vector<std::shared_ptr<Program>>> MakeRanks(const Json& config,
                                                        const Checkpoint& checkpoint,
                                                        const Backend& backend, int tp_degree,
                                                        int ep_degree) {
  FAIRLEAD_ASSIGN_OR_RETURN(const auto model, CreateModel(config, checkpoint.generation_config()));
  std::vector<std::shared_ptr<Program>> ranks;
  for (int rank = 0; rank < tp_degree * ep_degree; ++rank) {
    const auto program = ranks.emplace_back(std::make_shared<Program>());
    program->facts = model->Describe();
    FAIRLEAD_ASSIGN_OR_RETURN(program->graph, model->BuildGraph({rank, tp_degree, ep_degree}));
    FAIRLEAD_ASSIGN_OR_RETURN(program->weights, PackInMemory(program->graph, checkpoint, backend));
  }
  return ranks;
}

std::vector<Variant> AllVariants() {
  std::vector<Variant> variants = IsaVariants(CpuBackend());
  variants.insert(variants.begin(), {"reference", &ReferenceBackend(), Isa::kScalar});
  return variants;
}

double Tolerance(const Variant& variant) { return variant.name == "reference" ? 1e-4 : 1e-3; }

RowBytes GoldenRows(const TensorView& tensor, int slot) {
  RowBytes rows;
  const auto count = static_cast<size_t>(tensor.shape[0]);
  const size_t size = tensor.bytes.size() / count;
  for (size_t i = 0; i < count; ++i) {
    const auto row = tensor.bytes.subspan(i * size, size);
    rows[{slot, static_cast<int>(i)}].assign(row.begin(), row.end());
  }
  return rows;
}

Result<RowBytes> PromptLogits(const Variant& variant, std::shared_ptr<const Program> program,
                              const std::vector<int32_t>& prompt) {
  const auto length = static_cast<int>(prompt.size());
  const SlotPages pages(program->facts, 1, length, 1);
  const ExecutorOptions options{
      .max_rows = length, .max_slots = 1, .max_position = length, .kv_pages = pages.kv_pages()};
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, LoadVariant(variant, std::move(program), options));
  FAIRLEAD_ASSIGN_OR_RETURN(Trace trace,
                            RunSchedule(*executor, {{{0, 0, length}}}, {{0, prompt}}, pages));
  return std::move(trace["logits"]);
}

}  // namespace fairlead::testing
