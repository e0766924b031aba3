// What a chat did so far, for people.
#pragma once

#include <cstdint>
#include <string>

#include "cli/chat/answerer.h"

namespace fairlead {

struct ChatStatistics {
  std::string model;
  int64_t context = 0;  // tokens
  int64_t used = 0;     // of these, by the conversation
  size_t left_out = 0;  // turns that the model no longer sees
  const ModelAnswer* last = nullptr;
  RunStatistics run;
};

// A few lines.
std::string DescribeStatistics(const ChatStatistics& statistics);

}  // namespace fairlead
