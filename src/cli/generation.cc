#include "cli/generation.h"

namespace fairlead {
namespace {

Json TopJson(const std::vector<TokenLogprob>& top) {
  Json list = Json::array();
  for (const TokenLogprob& token : top) {
    list.push_back({{"id", token.token}, {"logprob", token.logprob}});
  }
  return list;
}

}  // namespace

Generation::Generation(Prompt prompt)
    : prompt_(std::move(prompt)),
      answers_(static_cast<size_t>(prompt_.settings.request.n)),
      open_(answers_.size()) {
  Request& request = prompt_.settings.request;
  if (request.top_logprobs > 0) request.logprobs = true;
}

void Generation::Take(const Event& event) {
  GeneratedAnswer& answer = answers_[static_cast<size_t>(event.index)];
  answer.text += event.text;
  if (event.token) {
    answer.ids.push_back(*event.token);
    if (event.logprob) answer.logprobs.push_back(*event.logprob);
    if (prompt_.settings.request.top_logprobs > 0) {
      answer.top_logprobs.push_back(event.top_logprobs);
    }
  }
  if (!event.finish_reason) return;
  answer.finish_reason = event.finish_reason;
  answer.stop_string = event.stop_string;
  answer.error = event.error;
  --open_;
}

void Generation::Refuse(const std::string& error) {
  answers_.assign(1, {});
  answers_[0].finish_reason = FinishReason::kError;
  answers_[0].error = error;
  open_ = 0;
}

Json Generation::AnswerJson(size_t index) const {
  const GeneratedAnswer& answer = answers_[index];
  const auto reason = answer.finish_reason.value_or(FinishReason::kCancelled);
  Json json = {
      {"text", answer.text}, {"ids", answer.ids}, {"finish_reason", FinishReasonName(reason)}};
  if (answer.stop_string) json["stop_string"] = *answer.stop_string;
  const Request& request = prompt_.settings.request;
  if (request.logprobs) json["logprobs"] = answer.logprobs;
  if (request.top_logprobs > 0) {
    Json& list = json["top_logprobs"] = Json::array();
    for (const auto& top : answer.top_logprobs) list.push_back(TopJson(top));
  }
  if (!answer.error.empty()) json["error"] = answer.error;
  return json;
}

Json Generation::ToJson() const {
  Json json = Json::object();
  if (prompt_.id) json["id"] = *prompt_.id;
  if (prompt_.text) json["prompt"] = *prompt_.text;
  json["prompt_tokens"] = prompt_.ids.size();
  Json& answers = json["answers"] = Json::array();
  for (size_t i = 0; i < answers_.size(); ++i) answers.push_back(AnswerJson(i));
  return json;
}

}  // namespace fairlead
