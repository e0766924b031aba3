#include "chat/harmony/conversation_json.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

// A value of the document and where it stands, which is spelt out only for an error.
class Node {
 public:
  explicit Node(const Json& json) : json_(json) {}

  const Json& json() const { return json_; }
  // Both refer to this node, which has to outlive them.
  Node Member(std::string_view key, const Json& value) const { return {value, this, key, 0}; }
  Node Item(size_t index) const { return {json_[index], this, std::nullopt, index}; }
  // nullopt for a member that is absent or null.
  std::optional<Node> Find(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end() || found->is_null()) return std::nullopt;
    return Member(name, *found);
  }

  tl::unexpected<Error> Wrong(std::string_view expected, std::string_view got) const {
    return Fail(ErrorCode::kInvalidArgument, "harmony", "{}: expected {}, got {}", Place(),
                expected, got);
  }
  tl::unexpected<Error> Wrong(std::string_view expected) const {
    return Wrong(expected, json_.type_name());
  }
  tl::unexpected<Error> Missing(std::string_view name) const {
    return Fail(ErrorCode::kInvalidArgument, "harmony", "{}.{}: expected a value, got none",
                Place(), name);
  }

 private:
  Node(const Json& json, const Node* parent, std::optional<std::string_view> key, size_t index)
      : json_(json), parent_(parent), key_(key), index_(index) {}

  // "conversation.messages[1].content"
  std::string Place() const {
    if (parent_ == nullptr) return "conversation";
    if (!key_) return fmt::format("{}[{}]", parent_->Place(), index_);
    const bool plain = !key_->empty() && key_->size() < 64 &&
                       key_->find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == key_->npos;
    return fmt::format("{}.{}", parent_->Place(), plain ? std::string(*key_) : Quoted(*key_));
  }

  const Json& json_;
  const Node* parent_ = nullptr;
  std::optional<std::string_view> key_ = std::nullopt;
  size_t index_ = 0;
};

// Reads a value of one kind.
template <typename T>
using Reader = Result<T> (*)(const Node& node);

Status CheckObject(const Node& node) {
  if (node.json().is_object()) return {};
  return node.Wrong("an object");
}

template <typename T>
Result<std::optional<T>> Optional(const Node& object, const char* name, Reader<T> read) {
  const std::optional<Node> member = object.Find(name);
  if (!member) return std::nullopt;
  FAIRLEAD_ASSIGN_OR_RETURN(T value, read(*member));
  return std::optional<T>(std::move(value));
}

template <typename T>
Result<T> Required(const Node& object, const char* name, Reader<T> read) {
  const auto member = object.json().find(name);
  if (member == object.json().end()) return object.Missing(name);
  return read(object.Member(name, *member));
}

template <typename T, Reader<T> read>
Result<std::vector<T>> List(const Node& node) {
  if (!node.json().is_array()) return node.Wrong("an array");
  std::vector<T> values;
  values.reserve(node.json().size());
  for (size_t i = 0; i < node.json().size(); ++i) {
    FAIRLEAD_ASSIGN_OR_RETURN(T value, read(node.Item(i)));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::string> Text(const Node& node) {
  if (const auto* text = node.json().get_ptr<const std::string*>()) return *text;
  return node.Wrong("a string");
}

Result<bool> Flag(const Node& node) {
  if (const auto* flag = node.json().get_ptr<const bool*>()) return *flag;
  return node.Wrong("true or false");
}

Result<Json> Anything(const Node& node) { return node.json(); }

Result<Role> ReadRole(const Node& node) {
  constexpr const char* kExpected = "system, developer, user, assistant or tool";
  const auto* name = node.json().get_ptr<const std::string*>();
  if (name == nullptr) return node.Wrong(kExpected);
  if (const auto role = RoleFromName(*name)) return *role;
  return node.Wrong(kExpected, Quoted(*name));
}

Result<ReasoningEffort> ReadEffort(const Node& node) {
  constexpr const char* kExpected = "Low, Medium or High";
  const auto* name = node.json().get_ptr<const std::string*>();
  if (name == nullptr) return node.Wrong(kExpected);
  if (*name == "Low") return ReasoningEffort::kLow;
  if (*name == "Medium") return ReasoningEffort::kMedium;
  if (*name == "High") return ReasoningEffort::kHigh;
  return node.Wrong(kExpected, Quoted(*name));
}

Result<Tool> ReadTool(const Node& node) {
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  Tool tool;
  FAIRLEAD_ASSIGN_OR_RETURN(tool.name, Required(node, "name", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(tool.description, Required(node, "description", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(tool.parameters, Optional(node, "parameters", Anything));
  return tool;
}

Result<ToolNamespace> ReadNamespace(const Node& node) {
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  ToolNamespace space;
  FAIRLEAD_ASSIGN_OR_RETURN(space.name, Required(node, "name", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(space.description, Optional(node, "description", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(space.tools, Required(node, "tools", List<Tool, ReadTool>));
  return space;
}

Result<ToolNamespaces> ReadNamespaces(const Node& node) {
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  ToolNamespaces namespaces;
  for (const auto& [key, value] : node.json().items()) {
    FAIRLEAD_ASSIGN_OR_RETURN(ToolNamespace space, ReadNamespace(node.Member(key, value)));
    namespaces.insert_or_assign(key, std::move(space));
  }
  return namespaces;
}

Result<ChannelConfig> ReadChannelConfig(const Node& node) {
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  ChannelConfig config;
  FAIRLEAD_ASSIGN_OR_RETURN(config.valid_channels,
                            Required(node, "valid_channels", List<std::string, Text>));
  FAIRLEAD_ASSIGN_OR_RETURN(config.channel_required, Required(node, "channel_required", Flag));
  return config;
}

Result<SystemContent> ReadSystem(const Node& node) {
  SystemContent content;
  FAIRLEAD_ASSIGN_OR_RETURN(content.model_identity, Optional(node, "model_identity", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(content.reasoning_effort,
                            Optional(node, "reasoning_effort", ReadEffort));
  FAIRLEAD_ASSIGN_OR_RETURN(content.tools, Optional(node, "tools", ReadNamespaces));
  FAIRLEAD_ASSIGN_OR_RETURN(content.conversation_start_date,
                            Optional(node, "conversation_start_date", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(content.knowledge_cutoff, Optional(node, "knowledge_cutoff", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(content.channel_config,
                            Optional(node, "channel_config", ReadChannelConfig));
  return content;
}

Result<DeveloperContent> ReadDeveloper(const Node& node) {
  DeveloperContent content;
  FAIRLEAD_ASSIGN_OR_RETURN(content.instructions, Optional(node, "instructions", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(content.tools, Optional(node, "tools", ReadNamespaces));
  return content;
}

Result<Content> ReadContent(const Node& node) {
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  FAIRLEAD_ASSIGN_OR_RETURN(const std::string type, Required(node, "type", Text));
  if (type == "text") return Required(node, "text", Text);
  if (type == "system_content") return ReadSystem(node);
  if (type == "developer_content") return ReadDeveloper(node);
  return node.Wrong("content of type text, system_content or developer_content", Quoted(type));
}

// A string stands for one text.
Result<std::vector<Content>> ReadContents(const Node& node) {
  if (const auto* text = node.json().get_ptr<const std::string*>()) {
    return std::vector<Content>{*text};
  }
  if (!node.json().is_array()) return node.Wrong("a string or an array");
  return List<Content, ReadContent>(node);
}

Result<Message> ReadMessage(const Node& node) {
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  Message message;
  FAIRLEAD_ASSIGN_OR_RETURN(message.role, Required(node, "role", ReadRole));
  FAIRLEAD_ASSIGN_OR_RETURN(message.name, Optional(node, "name", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(message.recipient, Optional(node, "recipient", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(message.channel, Optional(node, "channel", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(message.content_type, Optional(node, "content_type", Text));
  FAIRLEAD_ASSIGN_OR_RETURN(message.content, Required(node, "content", ReadContents));
  return message;
}

}  // namespace

Result<Conversation> ConversationFromJson(const Json& json) {
  const Node node(json);
  FAIRLEAD_RETURN_IF_ERROR(CheckObject(node));
  Conversation conversation;
  FAIRLEAD_ASSIGN_OR_RETURN(conversation.messages,
                            Required(node, "messages", List<Message, ReadMessage>));
  return conversation;
}

}  // namespace fairlead
