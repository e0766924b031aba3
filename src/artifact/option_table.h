// The one list of options, from which they are read, checked and written everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "artifact/options.h"
#include "base/json.h"

namespace fairlead {

struct OptionInfo {
  // Kinds with a member are recorded in fairlead.json.
  struct Text {
    std::string ExportOptions::*member;  // null: empty
  };
  struct Target {
    std::string ExportOptions::*member;
  };
  struct Count {
    int64_t ExportOptions::*member;  // null: 0
    int64_t min, max;
  };
  struct Degree {
    int ExportOptions::*member;  // from 1
    int64_t max;
  };
  struct Switch {
    bool ExportOptions::*member;
  };
  struct Dtype {
    TorchDtype ExportOptions::*member;
  };
  // A second key of another option: equal to it where both are given.
  struct Alias {
    std::string_view of;
  };
  // Says again what the options before it say.
  struct Follows {
    int64_t (*value)(const ExportOptions&);
  };
  // Nothing else is possible here.
  struct Only {
    Json value;
  };
  // Every value of this one's type gives the same results; this one is written.
  struct Any {
    Json value;
  };

  std::string_view name;
  std::variant<Text, Target, Count, Degree, Switch, Dtype, Alias, Follows, Only, Any> kind;
  std::string_view reason = "";  // why other values are refused
  // On the command line; an option without help is accepted there, but not shown.
  std::string_view group = "";
  std::string_view help = "";
  std::string_view second_flag = "";

  bool recorded() const;  // whether fairlead.json has it
};

// Every option, in the order in which they are written.
const std::vector<OptionInfo>& OptionTable();

// The option of that name, or nullptr.
const OptionInfo* FindOption(std::string_view name);

// The value of an option as JSON. That of ExportOptions() is the default.
Json OptionValue(const OptionInfo& info, const ExportOptions& options);

}  // namespace fairlead
