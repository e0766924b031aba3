#include "chat/conversation.h"

#include <array>

namespace fairlead {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};
constexpr std::array<std::string_view, 3> kEfforts = {"low", "medium", "high"};

// The enumerator, numbered as in `names`, of that name.
template <typename Enum, size_t size>
std::optional<Enum> Find(const std::array<std::string_view, size>& names, std::string_view name) {
  for (size_t i = 0; i < size; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view RoleName(Role role) { return kRoles[static_cast<size_t>(role)]; }

std::optional<Role> RoleFromName(std::string_view name) { return Find<Role>(kRoles, name); }

std::string_view EffortName(ReasoningEffort effort) {
  return kEfforts[static_cast<size_t>(effort)];
}

std::optional<ReasoningEffort> EffortFromName(std::string_view name) {
  return Find<ReasoningEffort>(kEfforts, name);
}

std::string Message::Text() const {
  std::string text;
  for (const Content& part : content) {
    if (const auto* plain = std::get_if<std::string>(&part)) text += *plain;
  }
  return text;
}

}  // namespace fairlead
