// An item on its way: prompts and answers in turn until one is wrong or the last one right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/transcript_map.h"
#include "chat/turn.h"
#include "cli/eval/suite_file.h"
#include "cli/prompt_file.h"

namespace fairlead {

// A prompt, and what the model wrote.
struct EvalStepRecord {
  std::vector<int32_t> prompt_ids;
  std::vector<int32_t> ids;  // a stop token among them
  std::string text;          // without it
  FinishReason finish_reason = FinishReason::kStop;
};

struct EvalResult {
  bool right = false;
  std::vector<EvalStepRecord> steps;
  size_t wrong_step = 0;  // of the item's steps
  std::string got;        // there, for people
};

class ItemRun {
 public:
  // Both must outlive it.
  ItemRun(const EvalItem& item, const ChatFormat& format);

  // The ids that the model is to go on from: the request, then what it wrote itself, token by
  // token, with what the tools answered. kInvalidArgument for what the format cannot say.
  Result<std::vector<int32_t>> Render();
  // Begins an answer to these ids. `settings` are those of all answers.
  Result<Prompt> Ask(std::vector<int32_t> ids, const GenerateSettings& settings, bool constrain);
  // Its events.
  void Take(const Event& event);
  bool answered() const { return reader_ && reader_->finish_reason().has_value(); }

  // Judges the answer; true when the item goes on with another one. Otherwise result() is complete.
  // kInvalidData: the answer is an error.
  Result<bool> Judge();
  // Ends the item as wrong where it is.
  void GiveUp(std::string reason);
  EvalResult& result() { return result_; }

 private:
  const EvalItem& item_;
  const ChatFormat& format_;
  Conversation conversation_;
  TranscriptMap transcripts_{TranscriptMap::Limits()};
  size_t step_ = 0;
  std::optional<TurnReader> reader_;
  EvalResult result_;
};

}  // namespace fairlead
