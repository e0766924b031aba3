// The fields of a header while it is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/harmony/recovered_header.h"

namespace fairlead {

// Takes the parts of a header in their order, and notes what is unusual about them. A part that
// contradicts an earlier one is kept among the leftover words, or replaces it there.
class HeaderFields {
 public:
  explicit HeaderFields(const HeaderContext& context) : context_(context) {}

  const HeaderContext& context() const { return context_; }
  const std::optional<Role>& role() const { return role_; }
  const std::optional<std::string>& channel() const { return message_.channel; }
  const std::optional<std::string>& recipient() const { return message_.recipient; }
  const std::optional<std::string>& content_type() const { return message_.content_type; }

  void Note(std::string_view kind, std::string_view text);
  void SetRole(Role role, std::optional<std::string> name = std::nullopt);
  // Leaves over what can be no channel.
  void SetChannel(std::string_view channel);
  void SetRecipient(std::string_view recipient);
  // As it is written, the marker included.
  void SetContentType(std::string_view type);
  void AddLeftover(std::string_view word);

  // Fills in what is missing.
  RecoveredHeader Finish();

 private:
  void FillRole();
  void FillChannel();

  HeaderContext context_;
  std::optional<Role> role_;
  Message message_;
  std::vector<Repair> repairs_;
  std::string leftover_;
};

// The author's name where a header says no more than `role`: openai-harmony's, too, calls such a
// tool "tool". Without it the message could not be rendered again.
std::optional<std::string> NameOfAuthor(Role role);

bool IsKnownChannel(std::string_view word);
// The known channel that a word means: without regard to case and to punctuation behind it.
// nullopt for none.
std::optional<std::string_view> MeantChannel(std::string_view word);
// Whether a word that is no known channel can be one: letters, digits, '_', '-' and '.'.
bool LooksLikeChannel(std::string_view word);
// Of a content type without its marker.
bool IsKnownContentType(std::string_view word);
// The content type without its marker.
std::string_view WithoutConstrain(std::string_view type);
// Whether a content type without its marker can be one.
bool LooksLikeContentType(std::string_view word);
// Whether a word is more likely a tool's name than anything else: "functions.clock", "python".
bool LooksLikeTool(std::string_view word);

// Bytes of `word` that a content type can have: its content may follow at once ("json{").
size_t ContentTypeLength(std::string_view word);
// Bytes of `word` that a recipient's name can have.
size_t RecipientLength(std::string_view word);
// Where a word is two that lost what should stand between them ("analysisassistant",
// "commentaryto=python"), the length of the first; else 0.
size_t GluedLength(std::string_view word);

}  // namespace fairlead
