#include "chat/harmony/typescript.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "chat/harmony/compact_json.h"

namespace fairlead {
namespace {

std::string Type(const Json& schema, const std::string& indent);

// The member of that name; nullptr without one, or when `schema` is no object.
const Json* Member(const Json& schema, const char* name) {
  const auto* object = schema.get_ptr<const Json::object_t*>();
  if (object == nullptr) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &found->second;
}

// The same for members that have to be a string, or an array, to count.
const std::string* TextMember(const Json& schema, const char* name) {
  const Json* member = Member(schema, name);
  return member == nullptr ? nullptr : member->get_ptr<const std::string*>();
}

const Json::array_t* ListMember(const Json& schema, const char* name) {
  const Json* member = Member(schema, name);
  return member == nullptr ? nullptr : member->get_ptr<const Json::array_t*>();
}

bool IsEnum(const Json& schema) {
  const Json::array_t* values = ListMember(schema, "enum");
  return values != nullptr && !values->empty();
}

// How a string is written that is the default of an enum.
enum class EnumDefault { kBare, kAsJson };

// "default: ..."; nothing for a schema without a default.
std::optional<std::string> Default(const Json& schema, EnumDefault enum_default) {
  const Json* value = Member(schema, "default");
  if (value == nullptr) return std::nullopt;
  const auto* text = value->get_ptr<const std::string*>();
  if (text != nullptr && !IsEnum(schema)) return fmt::format("default: \"{}\"", *text);
  if (text != nullptr && enum_default == EnumDefault::kBare) {
    return fmt::format("default: {}", *text);
  }
  return fmt::format("default: {}", CompactJson(*value));
}

std::string NullableType(const Json& schema, const std::string& indent) {
  std::string type = Type(schema, indent);
  const Json* nullable = Member(schema, "nullable");
  const bool is_nullable = nullable != nullptr && nullable->is_boolean() && nullable->get<bool>();
  if (is_nullable && type.find("null") == std::string::npos) type += " | null";
  return type;
}

// One type of several: " | type // description default".
std::string Alternative(const Json& schema, const std::string* description,
                        const std::optional<std::string>& default_value,
                        const std::string& indent) {
  std::string line =
      fmt::format("{} | {}", indent, NullableType(schema, fmt::format("{}   ", indent)));
  std::vector<std::string_view> comments;
  if (description != nullptr) comments.emplace_back(*description);
  if (default_value) comments.emplace_back(*default_value);
  if (!comments.empty()) line += fmt::format(" // {}", fmt::join(comments, " "));
  return line;
}

std::string OneOf(const Json::array_t& schemas, const std::string& indent) {
  std::string type;
  for (const Json& schema : schemas) {
    type += '\n';
    type += Alternative(schema, TextMember(schema, "description"),
                        Default(schema, EnumDefault::kAsJson), indent);
  }
  return type;
}

// A property of several types, behind its comments: a line for each. The property's description
// stands for the first type's, and a type does not repeat it.
std::string OneOfProperty(const std::string& head, const Json& property,
                          const Json::array_t& schemas, const std::string& indent) {
  const std::string* shared = TextMember(property, "description");
  const std::string* first = schemas.empty() ? nullptr : TextMember(schemas[0], "description");
  const bool above = shared != nullptr && (first == nullptr || *first != *shared);
  std::string text;
  if (above) text += fmt::format("{}// {}\n", indent, *shared);
  if (const auto value = Default(property, EnumDefault::kBare)) {
    text += fmt::format("{}// {}\n", indent, *value);
  }
  text += fmt::format("{}:\n", head);
  for (size_t i = 0; i < schemas.size(); ++i) {
    const std::string* own = TextMember(schemas[i], "description");
    const bool repeated = own != nullptr && shared != nullptr && *own == *shared;
    if (repeated || (i == 0 && above)) own = nullptr;
    text += Alternative(schemas[i], own, Default(schemas[i], EnumDefault::kBare), indent);
    text += '\n';
  }
  text += fmt::format("{},\n", indent);
  return text;
}

std::string TitleAndExamples(const Json& property, bool with_description,
                             const std::string& indent) {
  std::string comments;
  if (const std::string* title = TextMember(property, "title")) {
    comments += fmt::format("{0}// {1}\n{0}//\n", indent, *title);
  }
  const std::string* description = TextMember(property, "description");
  if (with_description && description != nullptr) {
    comments += fmt::format("{}// {}\n", indent, *description);
  }
  const Json::array_t* examples = ListMember(property, "examples");
  if (examples == nullptr || examples->empty()) return comments;
  comments += fmt::format("{}// Examples:\n", indent);
  for (const Json& example : *examples) {
    if (const auto* text = example.get_ptr<const std::string*>()) {
      comments += fmt::format("{}// - \"{}\"\n", indent, *text);
    }
  }
  return comments;
}

std::string Property(const std::string& name, const Json& property, bool required,
                     const std::string& indent) {
  const bool one_of = Member(property, "oneOf") != nullptr;
  std::string text = TitleAndExamples(property, !one_of, indent);
  const std::string head = fmt::format("{}{}{}", indent, name, required ? "" : "?");
  if (const Json::array_t* schemas = ListMember(property, "oneOf")) {
    return text + OneOfProperty(head, property, *schemas, indent);
  }
  text += fmt::format("{}: {},", head, NullableType(property, fmt::format("{}    ", indent)));
  const auto value = Default(property, EnumDefault::kBare);
  if (value && !one_of) text += fmt::format(" // {}", *value);
  text += '\n';
  return text;
}

std::string Object(const Json& schema, const std::string& indent) {
  std::string type;
  if (const std::string* description = TextMember(schema, "description")) {
    type += fmt::format("{}// {}\n", indent, *description);
  }
  type += "{\n";
  std::set<std::string_view> required;
  if (const Json::array_t* names = ListMember(schema, "required")) {
    for (const Json& name : *names) {
      if (const auto* text = name.get_ptr<const std::string*>()) required.insert(*text);
    }
  }
  const Json* properties = Member(schema, "properties");
  if (properties != nullptr && properties->is_object()) {
    for (const auto& [name, property] : properties->items()) {
      type += Property(name, property, required.contains(name), indent);
    }
  }
  type += fmt::format("{}}}", indent);
  return type;
}

std::string String(const Json& schema) {
  std::vector<std::string> values;
  if (const Json::array_t* all = ListMember(schema, "enum")) {
    for (const Json& value : *all) {
      const auto* text = value.get_ptr<const std::string*>();
      if (text != nullptr) values.push_back(fmt::format("\"{}\"", *text));
    }
  }
  return values.empty() ? "string" : fmt::format("{}", fmt::join(values, " | "));
}

// "type": ["integer", "null"].
std::string Union(const Json::array_t& types) {
  std::vector<std::string_view> names;
  for (const Json& type : types) {
    const auto* name = type.get_ptr<const std::string*>();
    if (name == nullptr) continue;
    names.push_back(*name == "integer" ? std::string_view("number") : std::string_view(*name));
  }
  return names.empty() ? "any" : fmt::format("{}", fmt::join(names, " | "));
}

std::string Type(const Json& schema, const std::string& indent) {
  if (const Json::array_t* schemas = ListMember(schema, "oneOf")) return OneOf(*schemas, indent);
  if (const Json::array_t* types = ListMember(schema, "type")) return Union(*types);
  const std::string* type = TextMember(schema, "type");
  if (type == nullptr) return "any";
  if (*type == "object") return Object(schema, indent);
  if (*type == "string") return String(schema);
  if (*type == "number" || *type == "integer") return "number";
  if (*type == "boolean") return "boolean";
  if (*type != "array") return "any";
  const Json* items = Member(schema, "items");
  return items == nullptr ? "Array<any>" : Type(*items, indent) + "[]";
}

}  // namespace

std::string TypeScriptType(const Json& schema) { return Type(schema, ""); }

}  // namespace fairlead
