#include <iostream>
#include <memory>

#include "artifact/artifact.h"
#include "checkpoint/resolve.h"
#include "cli/command.h"
#include "cli/format.h"

namespace fairlead {
namespace {

struct LoadCommandOptions {
  std::string artifact;
  bool verify = false;
  bool json = false;
};

// There is nothing to map: whoever runs it makes the weights from the checkpoint.
void PrintWithoutWeights(const LoadCommandOptions& options, const Manifest& manifest) {
  if (options.json) {
    const Json result = {{"ranks", 0},
                         {"checkpoint", CheckpointName(manifest.options)},
                         {"checkpoint_hash", manifest.checkpoint_hash},
                         {"checksums_verified", options.verify}};
    std::cout << DumpJson(result) << '\n';
    return;
  }
  std::cout << fmt::format("{}: no weights: they are made from {} with hash {}{}\n",
                           options.artifact, CheckpointName(manifest.options),
                           manifest.checkpoint_hash, options.verify ? ", checksums match" : "");
}

Status Run(const LoadCommandOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ResolvedModel model, ResolveModel(options.artifact));
  if (model.kind != ModelKind::kArtifact) {
    return Fail(ErrorCode::kInvalidArgument, "load",
                "{}: expected an artifact (a folder with fairlead.json); make one with "
                "`fairlead export --model {} OUT`",
                options.artifact, options.artifact);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const ArtifactDescription description,
                            DescribeArtifact(model.dir, options.verify));
  if (description.manifest.ranks.empty()) {
    PrintWithoutWeights(options, description.manifest);
    return {};
  }
  ProgressBar bar("verifying", kProgressSilence);
  LoadOptions load;
  load.verify_checksums = options.verify;
  load.progress = [&bar](uint64_t done, uint64_t total) { bar.Update(done, total); };
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, LoadArtifact(model.dir, load));
  const size_t ranks = artifact->ranks.size();
  const LoadStatistics& loaded = artifact->statistics;
  if (options.json) {
    const Json result = {{"ranks", ranks},
                         {"tensors", loaded.tensors},
                         {"bytes", loaded.bytes},
                         {"seconds", loaded.seconds},
                         {"checksums_verified", options.verify}};
    std::cout << DumpJson(result) << '\n';
    return {};
  }
  std::cout << fmt::format("{}: {}{} tensors, {} mapped in {:.3f} s{}\n", options.artifact,
                           ranks > 1 ? fmt::format("{} ranks, ", ranks) : "", loaded.tensors,
                           HumanBytes(loaded.bytes), loaded.seconds,
                           options.verify ? ", checksums match" : "");
  return {};
}

}  // namespace

void AddLoadCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("load", "Map an artifact and check every tensor against its declaration");
  auto options = std::make_shared<LoadCommandOptions>();
  command->add_option("OUT", options->artifact, "Artifact folder")->required();
  command->add_flag("--verify", options->verify, "Read every byte and compare checksums");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
