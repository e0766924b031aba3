// The tables of bad input: what is broken, and what the program must say about it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace fairlead::e2e {

// A command line that is refused. In arguments and messages DIR stands for the test's folder,
// SOUND for a sound artifact of the bundled model, SHARDED for one for 2 x 2 ranks and WEIGHTLESS
// for one without weights.
struct BadCommand {
  std::string name;
  std::vector<std::string> arguments;
  int exit_code;        // 1 failure, 2 usage
  std::string message;  // a part of the only line on stderr
  std::map<std::string, std::string> environment = {};
};

// A model that is broken in a copy of a sound one.
struct BadModel {
  std::string name;
  std::function<void(const std::filesystem::path& model)> damage;
  std::string message;
};

// A file of prompts, of which nothing runs.
struct BadPrompts {
  std::string name;
  std::string text;
  std::string message;  // a part of the only line on stderr
};

// Names a case in the output of GoogleTest.
inline void PrintTo(const BadCommand& bad, std::ostream* stream) { *stream << bad.name; }
inline void PrintTo(const BadModel& bad, std::ostream* stream) { *stream << bad.name; }
inline void PrintTo(const BadPrompts& bad, std::ostream* stream) { *stream << bad.name; }

std::vector<BadCommand> BadCommands();

// In messages FILE stands for the file.
std::vector<BadPrompts> BadPromptFiles();

// Changes of the golden checkpoints mxfp4_published (shards and index) and tied_odd (one file).
std::vector<BadModel> BadConfigs();
std::vector<BadModel> BadShardedCheckpoints();
std::vector<BadModel> BadCheckpoints();

// Changes of the bundled model's tokenizer.json.
std::vector<BadModel> BadTokenizers();

// Changes of an artifact of the bundled model.
std::vector<BadModel> BadArtifacts();

// Changes of an artifact of the golden checkpoint shard_mxfp4 for 2 x 2 ranks.
std::vector<BadModel> BadShardedArtifacts();

// Changes of an artifact without weights, beside which the folder `checkpoint` has its checkpoint,
// the golden tied_odd.
std::vector<BadModel> BadArtifactsWithoutWeights();

// Sound artifacts run in ways they were not made for.
std::vector<BadCommand> BadUsesOfArtifacts();

}  // namespace fairlead::e2e
