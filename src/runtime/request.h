// What an engine is asked for, and what it answers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/constraint/token_constraint.h"
#include "runtime/sampling/sampler.h"

namespace fairlead {

using RequestId = uint64_t;

struct Request {
  std::vector<int32_t> prompt = {};
  SamplingParams sampling = {};
  // Answers to the prompt, at least 1. Answer i is that of a request of its own with seed + i.
  int n = 1;
  int64_t max_tokens = 128;  // tokens of an answer at most, at least 1
  int64_t min_tokens = 0;    // an answer does not stop of itself before it has so many
  // An answer ends with the first of these, which is still reported; nullopt: the model's end of
  // text tokens, or none with ignore_eos.
  std::optional<std::vector<int32_t>> stop_token_ids = std::nullopt;
  bool ignore_eos = false;
  // An answer ends before the first of these texts. Needs EngineOptions::tokenizer.
  std::vector<std::string> stop_strings = {};
  // Requests of higher priority go first; among equals, first come, first served.
  int priority = 0;
  bool logprobs = false;
  int top_logprobs = 0;  // that many of the most likely tokens beside each token; needs logprobs
  // Cloned for every answer, in the state it is in.
  std::shared_ptr<const TokenConstraint> constraint = nullptr;
  int draft_tokens = 0;  // tokens to guess ahead at most; needs EngineOptions::drafter
};

enum class FinishReason {
  kStop,       // a stop token, a stop string, or a constraint that allows nothing more
  kLength,     // max_tokens, or the context is full
  kCancelled,  // Cancel
  kError,      // see Event::error
};

std::string_view FinishReasonName(FinishReason reason);  // "stop", "length", "cancelled", "error"

// What happened to one answer of a request: a token, its end, or both. The last event of every
// answer has a finish_reason, and nothing follows it.
struct Event {
  RequestId request = 0;
  int index = 0;  // which answer, below Request::n
  std::optional<int32_t> token;
  // What this event adds to the answer's text, in UTF-8; empty without a tokenizer. The texts of
  // all events joined are the answer: it lags behind the tokens where bytes may still become a
  // character or a stop string, and holds neither a stop token nor any part of a stop string.
  std::string text;
  std::optional<float> logprob;  // natural logarithm; when asked for
  std::vector<TokenLogprob> top_logprobs;
  std::optional<FinishReason> finish_reason;
  std::optional<std::string> stop_string;  // the one that ended the answer
  std::string error;
};

// Called in the thread that steps the engine, one call at a time; must not wait for the engine.
// May Submit and Cancel.
using EventSink = std::function<void(const Event&)>;

}  // namespace fairlead
