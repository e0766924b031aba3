#include "chat/replay.h"

#include <memory>
#include <optional>
#include <utility>

namespace fairlead {
namespace {

using Ids = std::vector<int32_t>;
using Span = RenderedConversation::Span;

std::vector<TranscriptKey> KeysOf(const RenderedConversation& rendered) {
  std::vector<size_t> ends;
  ends.reserve(rendered.messages.size());
  for (const Span& span : rendered.messages) ends.push_back(span.end);
  return TranscriptKeys(rendered.ids, ends);
}

std::span<const int32_t> IdsOf(const RenderedConversation& rendered, const Span& span) {
  return std::span(rendered.ids).subspan(span.begin, span.end - span.begin);
}

bool SameMessage(const Message& a, const Message& b) {
  return a.role == b.role && a.name == b.name && a.recipient == b.recipient &&
         a.channel == b.channel && a.content_type == b.content_type && a.Text() == b.Text();
}

Message AsSent(const Message& message, const Resent& resent) {
  return resent ? resent(message) : message;
}

// Whether `ids` are, as it is sent, exactly this message, well formed and complete.
bool Means(const ChatFormat& format, std::span<const int32_t> ids, const Message& message,
           const Resent& resent) {
  const std::unique_ptr<ChatParser> parser = format.NewParser(std::nullopt);
  for (const int32_t id : ids) parser->Push(id);
  const std::vector<ParsedMessage>& read = parser->messages();
  // Not Finish: it would complete what is not.
  return read.size() == 1 && read[0].complete && read[0].repairs.empty() &&
         read[0].end_token == ids.size() && SameMessage(AsSent(read[0].message, resent), message);
}

// The ids of one of the answer's messages as they belong into a prompt. `opening` is what a prompt
// ends with when the model is to speak, `canonical` how the message would be rendered.
Result<Ids> AsWritten(const ChatFormat& format, const ParsedMessage& parsed,
                      std::span<const int32_t> ids, std::span<const int32_t> opening,
                      std::span<const int32_t> canonical) {
  Ids written;
  if (parsed.first_token == 0) written.assign(opening.begin(), opening.end());
  const auto own = ids.subspan(parsed.first_token, parsed.end_token - parsed.first_token);
  written.insert(written.end(), own.begin(), own.end());
  const auto means = [&](const Ids& said) { return Means(format, said, parsed.message, {}); };
  const bool was_input = parsed.end_token < ids.size();
  if (was_input && means(written)) return written;
  if (was_input || written.empty() || canonical.empty()) return Ids();
  // The answer's last token was chosen, but never given to the model: the message ends as it does
  // in any prompt. What was cut off has no end to replace.
  const int32_t last = std::exchange(written.back(), canonical.back());
  if (means(written)) return written;
  written.back() = last;
  written.push_back(canonical.back());
  if (means(written)) return written;
  return Ids();
}

Result<Ids> OpeningOf(const ChatFormat& format) {
  RenderOptions options;
  options.next_role = Role::kAssistant;
  FAIRLEAD_ASSIGN_OR_RETURN(RenderedConversation rendered, format.Render({}, options));
  return std::move(rendered.ids);
}

}  // namespace

Result<RenderedConversation> RenderWithReplay(const ChatFormat& format, TranscriptMap* map,
                                              std::string_view scope,
                                              const Conversation& conversation,
                                              const RenderOptions& options, const Resent& resent) {
  FAIRLEAD_ASSIGN_OR_RETURN(RenderedConversation canonical, format.Render(conversation, options));
  if (map == nullptr || options.training) return canonical;
  const std::vector<TranscriptKey> keys = KeysOf(canonical);
  RenderedConversation replayed;
  replayed.ids.reserve(canonical.ids.size());
  size_t rest = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Span& span = canonical.messages[i];
    const Message& message = conversation.messages[span.message];
    std::optional<Ids> found;
    if (message.role == Role::kAssistant) found = map->Find(scope, keys[i]);
    const bool usable = found && Means(format, *found, message, resent);
    const std::span<const int32_t> ids = usable ? std::span(*found) : IdsOf(canonical, span);
    const size_t begin = replayed.ids.size();
    replayed.ids.insert(replayed.ids.end(), ids.begin(), ids.end());
    replayed.messages.push_back({span.message, begin, replayed.ids.size()});
    rest = span.end;
  }
  replayed.ids.insert(replayed.ids.end(), canonical.ids.begin() + static_cast<std::ptrdiff_t>(rest),
                      canonical.ids.end());
  return replayed;
}

Status RecordAnswer(const ChatFormat& format, TranscriptMap& map, std::string_view scope,
                    const Conversation& before, const std::vector<ParsedMessage>& answer,
                    std::span<const int32_t> ids, const Resent& resent) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Ids opening, OpeningOf(format));
  Conversation conversation = before;
  for (const ParsedMessage& parsed : answer) {
    conversation.messages.push_back(AsSent(parsed.message, resent));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const RenderedConversation canonical, format.Render(conversation, {}));
  const std::vector<TranscriptKey> keys = KeysOf(canonical);
  for (size_t i = 0; i < keys.size(); ++i) {
    const Span& span = canonical.messages[i];
    if (span.message < before.messages.size()) continue;
    const ParsedMessage& parsed = answer[span.message - before.messages.size()];
    if (parsed.message.role != Role::kAssistant || !parsed.repairs.empty()) continue;
    const std::span<const int32_t> plain = IdsOf(canonical, span);
    FAIRLEAD_ASSIGN_OR_RETURN(Ids written, AsWritten(format, parsed, ids, opening, plain));
    const bool same =
        written.size() == plain.size() && std::equal(written.begin(), written.end(), plain.begin());
    if (same) {
      // What an earlier answer that reads the same had there is not what was written last.
      map.Forget(scope, keys[i]);
    } else if (!written.empty()) {
      map.Store(scope, keys[i], std::move(written));
    }
  }
  return {};
}

}  // namespace fairlead
