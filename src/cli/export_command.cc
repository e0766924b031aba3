#include <iostream>
#include <memory>

#include "artifact/export.h"
#include "backends/registry/registry.h"
#include "checkpoint/resolve.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/format.h"

namespace fairlead {
namespace {

struct ExportCommandOptions {
  std::string model;
  std::string output;
  std::string torch_dtype = "auto";
  ExportOptions artifact;
  bool force = false;
};

Status Run(ExportCommandOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(options.artifact.torch_dtype, ParseTorchDtype(options.torch_dtype));
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(options.model));
  if (model.kind != ModelKind::kCheckpoint) {
    return Fail(ErrorCode::kInvalidArgument, "export",
                "--model {}: expected a checkpoint with config.json, got {}", options.model,
                model.kind == ModelKind::kArtifact ? "an artifact" : "a tokenizer");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const Backend* backend, FindBackend(options.artifact.target));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(model.dir));
  options.artifact.checkpoint_id = options.model;
  uint64_t bytes = 0;
  {
    ProgressBar bar("exporting");
    FAIRLEAD_RETURN_IF_ERROR(ExportArtifact(
        *checkpoint, options.output, options.artifact, *backend,
        [&](uint64_t done, uint64_t total) {
          bytes = total;
          bar.Update(done, total);
        },
        options.force));
  }
  std::cout << fmt::format("{}: {} of weights, {} of private memory in use at the end\n",
                           options.output, HumanBytes(bytes),
                           HumanBytes(ReadProcessMemory().anonymous_bytes));
  return {};
}

}  // namespace

void AddExportCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("export", "Convert a checkpoint into an artifact that loads at once");
  auto options = std::make_shared<ExportCommandOptions>();
  ExportOptions& artifact = options->artifact;
  command->add_option("--model", options->model, "Checkpoint folder, or an id in the cache")
      ->required();
  command->add_option("OUT", options->output, "Folder to create")->required();
  command
      ->add_option(
          "--batch_size", artifact.batch_size,
          "Sequences of a batch: recorded for targets with fixed shapes, the CPU runs any number")
      ->check(NumberFrom<int64_t>(1, 4096))
      ->capture_default_str();
  command
      ->add_option("--sequence_length", artifact.sequence_length,
                   "Positions of a sequence; default: the model's limit, at most 4096")
      ->check(NumberFrom<int64_t>(1, int64_t{1} << 30));
  command
      ->add_option("--torch_dtype", options->torch_dtype,
                   "How weights that are not MXFP4 are stored: auto (as in the checkpoint), "
                   "bfloat16 or float32")
      ->capture_default_str();
  command->add_option("--target", artifact.target, "The backend to lay weights out for")
      ->capture_default_str();
  command->add_flag("--force", options->force, "Replace OUT if it is an artifact");
  command->footer(R"(
Writes into a folder beside OUT and renames it at the end: OUT is complete or absent.
--log_level debug prints every conversion: source tensors, shapes, types, transform, layout.

  fairlead export --model openai/gpt-oss-20b --sequence_length 8192 gpt-oss-20b/)");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
