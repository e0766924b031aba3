#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "artifact/export.h"
#include "artifact/neuron_config.h"
#include "artifact/option_table.h"
#include "backends/registry/registry.h"
#include "checkpoint/resolve.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/validate.h"

namespace fairlead {
namespace {

struct ExportCommandOptions {
  std::string model;
  std::string output;
  std::string config;
  std::map<std::string, CLI::Option*> flags;  // by the option's name
  bool force = false;
  bool no_weights = false;
  bool validate = false;
  double atol = 0.01;
  bool json = false;
};

// What was typed, as a file would have it: JSON, or else text.
Json FlagsAsJson(const std::map<std::string, CLI::Option*>& flags) {
  Json values = Json::object();
  for (const auto& [name, flag] : flags) {
    if (flag->count() == 0) continue;
    const auto text = flag->as<std::string>();
    const auto parsed = ParseJson(text, "export", name);
    values[name] = parsed && parsed->is_primitive() ? *parsed : Json(text);
  }
  return values;
}

// The options of the file, and above them those of the command line.
Result<ExportOptions> ReadOptions(const ExportCommandOptions& command) {
  ExportOptions options;
  if (!command.config.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(options, ReadNeuronConfig(command.config));
  }
  FAIRLEAD_RETURN_IF_ERROR(ApplyOptions(FlagsAsJson(command.flags), "", options));
  SetCheckpoint(command.model.empty() ? CheckpointName(options) : command.model, options);
  std::error_code ignored;
  if (command.no_weights && std::filesystem::is_directory(options.checkpoint_id, ignored)) {
    // It must be found again, from wherever the artifact is loaded.
    options.checkpoint_id =
        std::filesystem::weakly_canonical(options.checkpoint_id, ignored).string();
  }
  if (options.checkpoint_id.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "export",
                "--model: expected a checkpoint, here or as checkpoint_id of --config, got none");
  }
  return options;
}

// Exports, and returns the bytes of weights that were written.
Result<uint64_t> Export(const ExportCommandOptions& command, const ExportOptions& options,
                        const Backend& backend) {
  const std::string name = CheckpointName(options);
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(name));
  if (model.kind != ModelKind::kCheckpoint) {
    return Fail(ErrorCode::kInvalidArgument, "export",
                "--model {}: expected a checkpoint with config.json, got {}", name,
                model.kind == ModelKind::kArtifact ? "an artifact" : "a tokenizer");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(model.dir));
  uint64_t bytes = 0;
  ProgressBar bar("exporting");
  FAIRLEAD_RETURN_IF_ERROR(
      ExportArtifact(*checkpoint, command.output, options, backend,
                     [&](uint64_t done, uint64_t total) {
                       bytes = total;
                       bar.Update(done, total);
                     },
                     {.force = command.force, .weights = !command.no_weights}));
  return bytes;
}

Json ToJson(const Validation& validation, double atol) {
  return {{"prompts", validation.prompts},
          {"positions", validation.positions},
          {"max_difference", validation.max_difference},
          {"top1_agreements", validation.top1_agreements},
          {"atol", atol}};
}

void Print(const ExportCommandOptions& command, const ExportOptions& options, uint64_t bytes,
           const std::optional<Validation>& validation) {
  const uint64_t memory = ReadProcessMemory().anonymous_bytes;
  if (command.json) {
    Json result = {{"artifact", command.output},
                   {"ranks", options.ranks()},
                   {"weight_bytes", bytes},
                   {"private_bytes", memory}};
    if (validation) result["validation"] = ToJson(*validation, command.atol);
    std::cout << DumpJson(result) << '\n';
    return;
  }
  std::cout << fmt::format("{}: {}{}, {} of private memory in use at the end\n", command.output,
                           command.no_weights ? "no weights" : HumanBytes(bytes) + " of weights",
                           options.ranks() > 1 ? fmt::format(" for {} ranks", options.ranks()) : "",
                           HumanBytes(memory));
  if (!validation) return;
  std::cout << fmt::format(
      "validation: {} prompts, {} positions, largest difference of a logit {:.3g}, top-1 agreement "
      "{} of {}\n",
      validation->prompts, validation->positions, validation->max_difference,
      validation->top1_agreements, validation->positions);
}

Status Run(const ExportCommandOptions& command) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ExportOptions options, ReadOptions(command));
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(options.target));
  std::error_code ignored;
  if (command.validate && command.force && std::filesystem::exists(command.output, ignored)) {
    // Replacing comes before validating: a bad export would have cost a good artifact.
    return Fail(ErrorCode::kInvalidArgument, "export",
                "--validate: expected a new folder, got {} to replace; validate beside it, then "
                "replace it",
                command.output);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const uint64_t bytes, Export(command, options, *backend));
  std::optional<Validation> validation;
  if (command.validate) {
    auto result = ValidateExport(command.output, CheckpointName(options), options, *backend);
    if (!result) {
      return Fail(result.error().code, "export", "{} is complete, but cannot be validated: {}",
                  command.output, result.error().message);
    }
    validation = *result;
  }
  Print(command, options, bytes, validation);
  if (!validation || validation->max_difference <= command.atol) return {};
  return Fail(ErrorCode::kInvalidData, "export",
              "{}: expected logits within {} of the reference, got {:.3g}; the artifact stays",
              command.output, command.atol, validation->max_difference);
}

// A flag for each option of the table but the checkpoint's, which --model names.
void AddOptionTable(CLI::App& command, std::map<std::string, CLI::Option*>& flags) {
  for (const OptionInfo& info : OptionTable()) {
    if (info.name.starts_with("checkpoint_")) continue;
    const std::string name(info.name);
    const Json value = OptionValue(info, ExportOptions());
    std::string names = "--" + name;
    if (!info.second_flag.empty()) names = fmt::format("--{},{}", info.second_flag, names);
    CLI::Option* option = value.is_boolean() ? command.add_flag(names) : command.add_option(names);
    option->description(std::string(info.help));
    if (!value.is_boolean()) option->type_name(value.is_string() ? "TEXT" : "INT");
    option->group(std::string(info.group));
    if (value.is_string()) option->default_str(value.get<std::string>());
    if (value.is_number()) option->default_str(value.dump());
    flags[name] = option;
  }
}

}  // namespace

void AddExportCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("export", "Convert a checkpoint into an artifact that loads at once");
  auto options = std::make_shared<ExportCommandOptions>();
  command->add_option("--model", options->model,
                      "Checkpoint folder, or an id (id@revision) in the cache; default: the "
                      "checkpoint_id of --config");
  command->add_option("OUT", options->output, "Folder to create")->required();
  command->add_option("--config", options->config,
                      "A neuron_config.json to take options from; those given here win");
  command->add_flag("--force", options->force, "Replace OUT if it is an artifact");
  command->add_flag("--no_weights", options->no_weights,
                    "Leave the weights out; loading makes them from the same checkpoint");
  command->add_flag("--validate", options->validate,
                    "Compare logits of several prompts with the reference backend (slow for large "
                    "models; more than one rank needs the unsharded model in the cache)");
  command
      ->add_option("--atol", options->atol,
                   "Largest difference of a logit that --validate accepts, else exit code 1")
      ->check(NumberFrom(0.0, std::numeric_limits<double>::max()))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  AddOptionTable(*command, options->flags);
  command->footer(R"(
Writes into a hidden folder beside OUT and renames it at the end: OUT is complete or absent. What an
interrupted export leaves there, .OUT.tmp-*, the next export to OUT removes.
--validate compares kernels, sharding and rounding with the model as the checkpoint has it.
--log_level debug prints every conversion: source tensors, shapes, types, transform, layout.
Every key of neuron_config.json is an option; those that can have only one value here, such as
--pp_degree 1, are not shown. docs/options.md explains them all.

  fairlead export --model openai/gpt-oss-20b --sequence_length 8192 gpt-oss-20b/
  fairlead export --model openai/gpt-oss-20b --tensor_parallel_size 4 gpt-oss-20b-tp4/
  fairlead export --model openai/gpt-oss-20b --no_weights --validate gpt-oss-20b-small/
  fairlead export --config neuron_config.json --batch_size 8 gpt-oss-20b/)");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
