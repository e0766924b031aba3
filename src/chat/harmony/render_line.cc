#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "chat/harmony/conversation_json.h"
#include "chat/harmony/lines.h"
#include "chat/harmony/render.h"

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Malformed(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "harmony", "line: {}",
              fmt::format(format, std::forward<Args>(args)...));
}

// The member of that name; nullptr when it is absent or null.
const Json* Find(const Json& request, const char* name) {
  const auto member = request.find(name);
  return member == request.end() || member->is_null() ? nullptr : &*member;
}

Result<bool> ReadFlag(const Json& request, const char* name, bool otherwise) {
  const Json* flag = Find(request, name);
  if (flag == nullptr) return otherwise;
  if (flag->is_boolean()) return flag->get<bool>();
  return Malformed("{}: expected true or false, got {}", name, flag->type_name());
}

Result<std::optional<Role>> ReadNextRole(const Json& request) {
  const Json* next_role = Find(request, "next_role");
  if (next_role == nullptr) return std::nullopt;
  const auto* name = next_role->get_ptr<const std::string*>();
  if (name == nullptr) {
    return Malformed("next_role: expected a role, got {}", next_role->type_name());
  }
  if (const auto role = RoleFromName(*name)) return role;
  return Malformed("next_role: expected system, developer, user, assistant or tool, got {}",
                   Quoted(*name));
}

Result<Json> Answer(const Tokenizer& tokenizer, const HarmonyTokens& tokens,
                    std::string_view line) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json request, ParseJson(line, "harmony", "line"));
  if (!request.is_object()) return Malformed("expected an object, got {}", request.type_name());
  const auto json = request.find("conversation");
  if (json == request.end()) return Malformed("conversation: expected an object, got none");
  RenderOptions options;
  FAIRLEAD_ASSIGN_OR_RETURN(options.next_role, ReadNextRole(request));
  FAIRLEAD_ASSIGN_OR_RETURN(options.training, ReadFlag(request, "training", options.training));
  FAIRLEAD_ASSIGN_OR_RETURN(options.auto_drop_analysis,
                            ReadFlag(request, "auto_drop_analysis", options.auto_drop_analysis));
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
  return result.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace fairlead
