#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "chat/harmony/conversation_json.h"
#include "chat/harmony/line_fields.h"
#include "chat/harmony/lines.h"
#include "chat/harmony/render.h"

namespace fairlead {
namespace {

Result<Json> Answer(const Tokenizer& tokenizer, const HarmonyTokens& tokens,
                    std::string_view line) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json request, ReadLineObject(line));
  const Json* json = FindField(request, "conversation");
  if (json == nullptr) return MalformedLine("conversation: expected an object, got none");
  RenderOptions options;
  FAIRLEAD_ASSIGN_OR_RETURN(options.next_role, ReadRoleField(request, "next_role"));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto training, ReadFlagField(request, "training"));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto drop, ReadFlagField(request, "auto_drop_analysis"));
  options.training = training.value_or(options.training);
  options.auto_drop_analysis = drop.value_or(options.auto_drop_analysis);
  FAIRLEAD_ASSIGN_OR_RETURN(const Conversation conversation, ConversationFromJson(*json));
  FAIRLEAD_ASSIGN_OR_RETURN(const RenderedConversation rendered,
                            RenderHarmony(tokenizer, tokens, conversation, options));
  FAIRLEAD_ASSIGN_OR_RETURN(std::string text, tokenizer.Decode(rendered.ids));
  return Json{{"ids", rendered.ids}, {"text", std::move(text)}};
}

}  // namespace

std::string RenderLine(const Tokenizer& tokenizer, const HarmonyTokens& tokens,
                       std::string_view line) {
  const auto answer = Answer(tokenizer, tokens, line);
  const Json result = answer ? *answer : Json{{"error", answer.error().message}};
  return DumpJson(result);
}

}  // namespace fairlead
