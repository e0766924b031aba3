// Runs the built program as a user would, and keeps what it said.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/base/temp_dir.h"

namespace fairlead::e2e {

struct Invocation {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment = {};
  std::string input = "";                   // what stdin holds
  std::filesystem::path output = "";        // a file for stdout instead of Outcome::out
  std::chrono::seconds limit{60};           // killed after this, which is a failure
  std::chrono::microseconds kill_after{0};  // killed then, which is none; 0: never
  int kill_signal = 9;                      // for kill_after; after any but SIGKILL it may go on
  uint64_t largest_file = 0;                // that the program may write, in bytes; 0: any
};

struct Outcome {
  int exit_code = -1;  // -1 if it was ended by a signal
  int signal = 0;      // that ended it
  std::string out;
  std::vector<std::string> writes;  // `out` as it came: one entry for each write()
  std::string err;
  double seconds = 0;

  std::vector<std::string> ErrorLines() const;
};

// Starts the program, waits for its end and returns what came of it.
Outcome RunFairlead(const Invocation& invocation);

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome);

std::filesystem::path GoldenDir(const std::string& name);
std::vector<std::string> GoldenNames();
std::filesystem::path TinyModel();  // a working model with a tokenizer
Json TinyConfig();                  // its config.json

std::string ReadText(const std::filesystem::path& path);
std::vector<std::string> Lines(const std::string& text);
std::string JoinIds(const std::vector<int32_t>& ids);  // "1,2,3"

// A test with a world of its own: nothing outside `dir` is read or written but the test data.
class ProgramTest : public ::testing::Test {
 protected:
  const std::filesystem::path& dir() const { return temp_.path(); }
  std::filesystem::path cache() const { return dir() / "cache"; }
  std::filesystem::path Write(const std::filesystem::path& relative, std::string_view content) {
    return temp_.Write(relative, content);
  }

  // Cache, home and Hugging Face's cache are empty folders in `dir` unless the invocation says
  // otherwise.
  Outcome Fairlead(Invocation invocation) const;
  Outcome Fairlead(std::vector<std::string> arguments) const {
    return Fairlead(Invocation{std::move(arguments)});
  }
  // The ids of a text in the bundled model's vocabulary; names of special tokens are these tokens.
  std::vector<int32_t> TinyIds(const std::string& text) const;
  // Expects success and returns stdout.
  std::string Succeed(Invocation invocation) const;
  std::string Succeed(std::vector<std::string> arguments) const {
    return Succeed(Invocation{std::move(arguments)});
  }

 private:
  TempDir temp_;
};

}  // namespace fairlead::e2e
