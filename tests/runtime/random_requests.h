// Requests of every kind, made from a seed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/request.h"
#include "tokenizer/tokenizer.h"

namespace fairlead::testing {

// `count` requests to a model with `vocabulary_size` tokens: many prompts begin alike, lengths and
// parameters vary, some have several answers, priorities, stop strings, drafts or a constraint
// (text of `tokenizer`). Prompt and answer stay below `longest` tokens.
std::vector<Request> RandomRequests(uint32_t seed, int count, int64_t vocabulary_size, int longest,
                                    const Tokenizer::Pointer& tokenizer);

}  // namespace fairlead::testing
