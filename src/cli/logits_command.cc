#include <iostream>
#include <memory>

#include "checkpoint/safetensors.h"
#include "cli/command.h"
#include "cli/session.h"
#include "cli/value_taps.h"
#include "runtime/score.h"

namespace fairlead {
namespace {

struct LogitsOptions {
  RunOptions run;
  std::string token_ids;
  std::string dump;
  std::string inject;
  std::string output;
};

Status Run(const LogitsOptions& options) {
  FAIRLEAD_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, ParseTokenIds(options.token_ids));
  NamedTensors injected;
  if (!options.inject.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(injected, ReadNamedTensors(options.inject));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const auto artifact, OpenForRun(options.run, options.run.backend));
  FAIRLEAD_RETURN_IF_ERROR(CheckPatterns(artifact->graph(), "--dump", options.dump));
  FAIRLEAD_RETURN_IF_ERROR(CheckInjected(artifact->graph(), injected));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto executor,
                            CreateExecutor(*artifact, options.run, options.run.backend, 1,
                                           static_cast<int64_t>(ids.size())));
  InspectionTap tap(options.dump, injected);
  FAIRLEAD_ASSIGN_OR_RETURN(const Tensor logits,
                            ScoreTokens(*executor, artifact->facts(), ids, &tap));
  FAIRLEAD_RETURN_IF_ERROR(tap.CheckUsedUp());
  const Tensor input =
      Tensor::FromInts({static_cast<int64_t>(ids.size())}, std::span<const int32_t>(ids));
  std::vector<std::pair<std::string, TensorView>> tensors = {{"input_ids", input.view()},
                                                             {"logits", logits.view()}};
  for (const auto& [name, tensor] : tap.collected()) {
    if (name != "logits") tensors.emplace_back(name, tensor.view());
  }
  FAIRLEAD_RETURN_IF_ERROR(WriteSafetensors(options.output, tensors));
  std::cout << fmt::format("{}: {} tensors, logits {}\n", options.output, tensors.size(),
                           ShapeString(logits.shape));
  return {};
}

}  // namespace

void AddLogitsCommand(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("logits", "Write the logits of every position, and named intermediates");
  auto options = std::make_shared<LogitsOptions>();
  AddRunOptions(*command, options->run);
  command->add_option("--token_ids", options->token_ids, "The input: 1,2,3")->required();
  command->add_option("--dump", options->dump,
                      "Also write the values whose names match: * any characters, ? one, commas "
                      "between patterns (names: fairlead inspect MODEL --graph)");
  command->add_option("--inject", options->inject,
                      "Safetensors file whose tensors replace the values of their names");
  command->add_option("--output", options->output, "Safetensors file to write")->required();
  command->footer(R"(
The file holds `logits` f32 [tokens, vocabulary], `input_ids` i32 [tokens], and what --dump names.
Needs no tokenizer. The profile is exact unless another is named.

  fairlead logits MODEL --token_ids 1,2,3 --dump 'layers.0.*,norm' --output out.safetensors)");
  command->callback([options, &action] { action = [options] { return Run(*options); }; });
}

}  // namespace fairlead
