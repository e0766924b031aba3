#include "chat/harmony/message_json.h"

namespace fairlead {

Json MessageToJson(const Message& message) {
  Json json;
  json["role"] = RoleName(message.role);
  json["name"] = message.name ? Json(*message.name) : Json(nullptr);
  json["content"] = Json::array({Json{{"type", "text"}, {"text", message.Text()}}});
  if (message.channel) json["channel"] = *message.channel;
  if (message.recipient) json["recipient"] = *message.recipient;
  if (message.content_type) json["content_type"] = *message.content_type;
  return json;
}

}  // namespace fairlead
