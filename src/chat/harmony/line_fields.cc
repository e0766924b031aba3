#include "chat/harmony/line_fields.h"

#include <string>

namespace fairlead {

Result<Json> ReadLineObject(std::string_view line) {
  FAIRLEAD_ASSIGN_OR_RETURN(Json object, ParseJson(line, "harmony", "line"));
  if (!object.is_object()) return MalformedLine("expected an object, got {}", object.type_name());
  return object;
}

const Json* FindField(const Json& object, std::string_view name) {
  const auto member = object.find(name);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

Result<std::optional<bool>> ReadFlagField(const Json& object, std::string_view name) {
  const Json* flag = FindField(object, name);
  if (flag == nullptr) return std::nullopt;
  if (flag->is_boolean()) return flag->get<bool>();
  return MalformedLine("{}: expected true or false, got {}", name, flag->type_name());
}

Result<std::optional<Role>> ReadRoleField(const Json& object, std::string_view name) {
  const Json* field = FindField(object, name);
  if (field == nullptr) return std::nullopt;
  const auto* text = field->get_ptr<const std::string*>();
  if (text == nullptr) {
    return MalformedLine("{}: expected a role, got {}", name, field->type_name());
  }
  if (const auto role = RoleFromName(*text)) return role;
  return MalformedLine("{}: expected system, developer, user, assistant or tool, got {}", name,
                       Quoted(*text));
}

}  // namespace fairlead
