#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "backends/registry/registry.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/session.h"
#include "cli/value_taps.h"
#include "runtime/score.h"

namespace fairlead {
namespace {

struct CompareOptions {
  RunOptions run;
  std::string model_b;  // empty: run.model
  std::string a = "reference";
  std::string b = "cpu";
  std::string token_ids;
  std::string inject;
  std::string share;
  double tolerance = 1e-3;
  bool all = false;
  bool json = false;
};

// How far two tensors of one name are apart.
struct Difference {
  std::string name;
  double largest = 0;   // largest absolute difference
  double relative = 0;  // the same over the largest magnitude of A
  int64_t row = 0;      // where it is
  int64_t column = 0;
  double value_a = 0;
  double value_b = 0;
  std::string mismatch;  // shapes or types differ, so nothing else was compared

  bool Exceeds(double tolerance) const { return !mismatch.empty() || !(relative <= tolerance); }
};

double ElementAt(const Tensor& tensor, size_t index) {
  return tensor.dtype == DType::kI32 ? tensor.As<int32_t>()[index] : tensor.As<float>()[index];
}

Difference CompareTensors(const std::string& name, const Tensor& a, const Tensor& b) {
  Difference result;
  result.name = name;
  const bool readable = a.dtype == DType::kF32 || a.dtype == DType::kI32;
  if (a.dtype != b.dtype || a.shape != b.shape || !readable) {
    result.mismatch = fmt::format("{} {} against {} {}", DTypeName(a.dtype), ShapeString(a.shape),
                                  DTypeName(b.dtype), ShapeString(b.shape));
    return result;
  }
  const auto count = static_cast<size_t>(NumElements(a.shape));
  const int64_t columns = a.shape.empty() ? 1 : std::max<int64_t>(a.shape.back(), 1);
  double magnitude = 0;
  for (size_t i = 0; i < count; ++i) {
    const double x = ElementAt(a, i), y = ElementAt(b, i);
    magnitude = std::max(magnitude, std::abs(x));
    const double distance = x == y ? 0 : std::abs(x - y);
    if (distance > result.largest || std::isnan(distance)) {
      result = {
          name, distance, 0, static_cast<int64_t>(i) / columns, static_cast<int64_t>(i) % columns,
          x,    y,        ""};
      if (std::isnan(distance)) break;
    }
  }
  // Indices are equal or wrong; a relative distance between expert numbers means nothing.
  const bool exact = a.dtype == DType::kI32;
  result.relative = result.largest == 0 ? 0
                    : exact             ? INFINITY
                                        : result.largest / std::max(magnitude, 1e-30);
  return result;
}

// A backend with the degrees to run it at: "cpu", "cpu@4" (tensor parallel), "cpu@2x4" (and expert
// parallel). nullopt: something else, such as a file.
struct BackendSide {
  std::string backend;
  int tp_degree = 0;
  int ep_degree = 0;
};

std::optional<BackendSide> ParseBackendSide(const std::string& text) {
  const size_t at = text.find('@');
  BackendSide side{text.substr(0, at), 0, 0};
  if (!FindBackend(side.backend)) return std::nullopt;
  if (at == std::string::npos) return side;
  const char* const end = text.data() + text.size();
  auto [after, error] = std::from_chars(text.data() + at + 1, end, side.tp_degree);
  side.ep_degree = 1;
  if (error == std::errc() && after < end && *after == 'x') {
    const auto second = std::from_chars(after + 1, end, side.ep_degree);
    after = second.ptr;
    error = second.ec;
  }
  const bool sound = error == std::errc() && after == end && side.tp_degree > 0 &&
                     side.ep_degree > 0 && side.tp_degree <= 1024 && side.ep_degree <= 1024;
  return sound ? std::optional(side) : std::nullopt;
}

bool IsBackend(const std::string& side) { return ParseBackendSide(side).has_value(); }

Result<NamedTensors> RunBackend(const CompareOptions& options, const std::string& text,
                                const std::string& model, const std::vector<int32_t>& ids,
                                const NamedTensors& injected) {
  const BackendSide side = *ParseBackendSide(text);
  RunOptions run = options.run;
  run.model = model;
  if (side.tp_degree > 0) {
    run.tp_degree = side.tp_degree;
    run.ep_degree = side.ep_degree;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(run, side.backend));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor, CreateExecutor(*artifact, run, side.backend, 1,
                                                                static_cast<int64_t>(ids.size())));
  InspectionTap tap("*", injected);
  FAIRLEAD_RETURN_IF_ERROR(ScoreTokens(*executor, artifact->facts(), ids, &tap));
  FAIRLEAD_RETURN_IF_ERROR(tap.CheckUsedUp());
  return std::move(tap.collected());
}

Result<NamedTensors> ReadSide(const std::string& side) {
  auto tensors = ReadNamedTensors(side);
  if (tensors) return tensors;
  const size_t at = side.find('@');
  if (at != std::string::npos && FindBackend(side.substr(0, at))) {
    return Fail(ErrorCode::kInvalidArgument, "compare",
                "\"{}\": expected degrees from 1 to 1024, such as cpu@4 or cpu@2x4, got \"{}\"",
                side, side.substr(at + 1));
  }
  return Fail(ErrorCode::kInvalidArgument, "compare",
              "\"{}\": expected reference, cpu (cpu@4, cpu@2x4 for tp and ep degrees) or a "
              "safetensors file: {}",
              side, tensors.error().message);
}

// The ids to run: those given, else the file's, else a fixed spread over the vocabulary.
Result<std::vector<int32_t>> ChooseIds(const CompareOptions& options, const NamedTensors* file,
                                       int64_t vocabulary) {
  if (!options.token_ids.empty()) return ParseTokenIds(options.token_ids);
  if (file != nullptr) {
    const auto found = file->find("input_ids");
    if (found == file->end() || found->second.dtype != DType::kI32) {
      return Fail(ErrorCode::kInvalidData, "compare",
                  "the file has no input_ids (i32); give --token_ids");
    }
    const auto ids = found->second.As<int32_t>();
    return std::vector<int32_t>(ids.begin(), ids.end());
  }
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < 32; ++i) ids.push_back(static_cast<int32_t>((i * 7919 + 1) % vocabulary));
  return ids;
}

Json ToJson(const Difference& difference) {
  Json json = {{"name", difference.name},
               {"largest", difference.largest},
               {"relative", difference.relative},
               {"row", difference.row},
               {"column", difference.column}};
  if (!difference.mismatch.empty()) json["mismatch"] = difference.mismatch;
  return json;
}

std::string Describe(const Difference& difference) {
  if (!difference.mismatch.empty()) return difference.name + ": " + difference.mismatch;
  return fmt::format("{}: {:.3g} of the largest value (row {}, column {}: {:.6g} against {:.6g})",
                     difference.name, difference.relative, difference.row, difference.column,
                     difference.value_a, difference.value_b);
}

void Print(const CompareOptions& options, const std::vector<Difference>& differences,
           const Difference* first) {
  if (options.json) {
    Json values = Json::array();
    for (const Difference& difference : differences) values.push_back(ToJson(difference));
    const Json result = {{"compared", differences.size()},
                         {"tolerance", options.tolerance},
                         {"first_divergence", first == nullptr ? Json(nullptr) : ToJson(*first)},
                         {"values", values}};
    std::cout << DumpJson(result) << '\n';
    return;
  }
  if (options.all) {
    for (const Difference& difference : differences) std::cout << Describe(difference) << '\n';
  }
  if (first != nullptr) {
    std::cout << "first divergence: " << Describe(*first) << '\n';
    return;
  }
  const auto worst = std::max_element(
      differences.begin(), differences.end(),
      [](const Difference& x, const Difference& y) { return x.relative < y.relative; });
  std::cout << fmt::format("{} values agree within {}; largest: {}\n", differences.size(),
                           options.tolerance, Describe(*worst));
}

// The model as side A runs it: its graph names the values.
Result<std::shared_ptr<const Artifact>> OpenSideA(const CompareOptions& options) {
  RunOptions run = options.run;
  if (const auto side = ParseBackendSide(options.a)) {
    run.backend = side->backend;
    if (side->tp_degree > 0) {
      run.tp_degree = side->tp_degree;
      run.ep_degree = side->ep_degree;
    }
  }
  return OpenForRun(run, run.backend);
}

Status Run(const CompareOptions& options) {
  std::optional<NamedTensors> file;
  for (const std::string& side : {options.a, options.b}) {
    if (IsBackend(side)) continue;
    if (file) {
      return Fail(ErrorCode::kInvalidArgument, "compare", "at most one of --a and --b is a file");
    }
    FAIRLEAD_ASSIGN_OR_RETURN(file, ReadSide(side));
  }
  NamedTensors injected;
  if (!options.inject.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(injected, ReadNamedTensors(options.inject));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenSideA(options));
  const Graph& graph = artifact->graph();
  FAIRLEAD_RETURN_IF_ERROR(CheckPatterns(graph, "--share", options.share));
  FAIRLEAD_RETURN_IF_ERROR(CheckInjected(graph, injected));
  FAIRLEAD_ASSIGN_OR_RETURN(
      const std::vector<int32_t> ids,
      ChooseIds(options, file ? &*file : nullptr, artifact->facts().vocabulary_size));
  const auto values_of = [&](const std::string& side,
                             const std::string& model) -> Result<NamedTensors> {
    if (!IsBackend(side)) return *file;
    return RunBackend(options, side, model, ids, injected);
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const NamedTensors a, values_of(options.a, options.run.model));
  for (const auto& [name, tensor] : a) {
    if (!options.share.empty() && MatchesPattern(options.share, name)) injected[name] = tensor;
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      const NamedTensors b,
      values_of(options.b, options.model_b.empty() ? options.run.model : options.model_b));

  std::vector<Difference> differences;
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.outputs) {
      const std::string& name = graph.values[static_cast<size_t>(id)].name;
      const auto in_a = a.find(name), in_b = b.find(name);
      if (in_a == a.end() || in_b == b.end()) continue;
      differences.push_back(CompareTensors(name, in_a->second, in_b->second));
    }
  }
  if (differences.empty()) {
    return Fail(ErrorCode::kInvalidData, "compare", "A and B have no value in common");
  }
  const auto first = std::find_if(differences.begin(), differences.end(), [&](const Difference& d) {
    return d.Exceeds(options.tolerance);
  });
  Print(options, differences, first == differences.end() ? nullptr : &*first);
  if (first == differences.end()) return {};
  return Fail(ErrorCode::kInvalidData, "compare", "{} differs by more than {}", first->name,
              options.tolerance);
}

}  // namespace

void AddCompareCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "compare", "Run two ways and print the first named value that differs, and by how much");
  auto options = std::make_shared<CompareOptions>();
  command->add_option("MODEL", options->run.model, "Artifact or checkpoint folder, or an id")
      ->required();
  command
      ->add_option("--a", options->a,
                   "reference or cpu, with degrees of its own if wanted (cpu@4: tensor parallel, "
                   "cpu@2x4: and "
                   "expert parallel), or a file that `fairlead logits` wrote")
      ->capture_default_str();
  command->add_option("--b", options->b, "The same choices")->capture_default_str();
  command->add_option("--model_b", options->model_b,
                      "What B runs, if not MODEL: an artifact of the same model, say");
  command->add_option("--token_ids", options->token_ids,
                      "The input: 1,2,3; default: the file's input_ids, else 32 spread ids");
  command->add_option("--inject", options->inject,
                      "Safetensors file whose tensors replace the values of their names in both");
  command->add_option("--share", options->share,
                      "Values of A that B is given, for example '*.router.*': rounding is then "
                      "judged without flipped experts");
  command
      ->add_option("--tolerance", options->tolerance,
                   "Largest difference allowed, as a part of A's largest value")
      ->check(NumberFrom(0.0, std::numeric_limits<double>::max()))
      ->capture_default_str();
  command->add_option("--threads", options->run.threads, "Threads; 0 uses all available CPUs")
      ->check(NumberFrom<int64_t>(0, 1024));
  AddDegreeOptions(*command, options->run);
  command->add_flag("--all", options->all, "Print every value's difference");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer("\nExit code 1 if a value differs by more than the tolerance.");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
