// Mistakes that a port of gpt-oss can make, each as a change of a right model.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "base/json.h"

namespace fairlead::testing {

struct Mistake {
  std::string name;
  std::function<void(Json&)> config = nullptr;      // what config.json says
  std::function<void(Program&)> program = nullptr;  // the graph and its weights
  // What a wrong op would compute instead, seen and replaced while the model runs.
  std::function<std::unique_ptr<ValueTap>(const Program&)> tap = nullptr;
};

std::vector<Mistake> AllMistakes();
// Changes that change nothing: they show that what the mistakes are made with is right itself.
std::vector<Mistake> NoMistakes();

// The parts of that list: misread configurations, wrong attributes or wiring of ops, wrong weights,
// and ops that compute something else.
std::vector<Mistake> ConfigMistakes();
std::vector<Mistake> GraphMistakes();
std::vector<Mistake> WeightMistakes();
std::vector<Mistake> OpMistakes();

}  // namespace fairlead::testing
