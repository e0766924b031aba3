#include "chat/harmony/header_grammar.h"

#include <algorithm>
#include <string>
#include <utility>

#include "chat/harmony/header_names.h"
#include "chat/harmony/words.h"

namespace fairlead {
namespace {

// gpt-oss calls functions in its reasoning, too, although it was told to use commentary. Where that
// is forbidden it calls another tool instead, and not in another channel: that is chosen already.
bool MayCall(std::string_view channel) { return channel == kCommentary || channel == kAnalysis; }

bool Holds(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::optional<int32_t> HeaderGrammar::Next(int32_t state, Symbol symbol) const {
  const std::span<const Edge> known = edges(state);
  const auto edge =
      std::lower_bound(known.begin(), known.end(), symbol,
                       [](const Edge& e, Symbol wanted) { return e.symbol < wanted; });
  if (edge == known.end() || edge->symbol != symbol) return std::nullopt;
  return edge->target;
}

class HeaderGrammarBuilder {
 public:
  HeaderGrammarBuilder(const HarmonyTokens& tokens, const AnswerRules& rules)
      : tokens_(tokens), must_call_(rules.tool_choice == AnswerRules::ToolChoice::kRequired) {
    for (const std::string& channel : rules.channels) {
      if (!Holds(channels_, channel)) channels_.push_back(channel);
    }
    if (channels_.empty()) channels_.assign(kKnownChannels.begin(), kKnownChannels.end());
    const bool may_call = rules.tool_choice != AnswerRules::ToolChoice::kNone &&
                          std::any_of(channels_.begin(), channels_.end(), MayCall);
    if (may_call) tools_.assign(rules.tools.begin(), rules.tools.end());
  }

  Result<HeaderGrammar> Build() {
    if (must_call_ && tools_.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "harmony",
                  "tool_choice: expected a tool that one of the channels can call, since a call is "
                  "required, got none");
    }
    const int32_t start = NewState();
    end_ = NewState();
    BuildCalls();
    // Once a tool was called nothing more is required.
    const int32_t behind_call = must_call_ ? NewState() : start;
    const int32_t next = BuildMessages(behind_call, false);
    if (must_call_) BuildMessages(start, true);
    // A call that another message follows is one of several.
    Connect(call_, tokens_.end, next);
    return std::move(grammar_);
  }

 private:
  using Symbol = HeaderGrammar::Symbol;

  int32_t NewState() {
    grammar_.states_.emplace_back();
    return grammar_.state_count() - 1;
  }
  int32_t NewContent() {
    const int32_t state = NewState();
    grammar_.states_.back().content = true;
    return state;
  }

  void ConnectSymbol(int32_t from, Symbol symbol, int32_t target) {
    auto& edges = grammar_.states_[static_cast<size_t>(from)].edges;
    const auto place = std::lower_bound(
        edges.begin(), edges.end(), symbol,
        [](const HeaderGrammar::Edge& e, Symbol wanted) { return e.symbol < wanted; });
    if (place != edges.end() && place->symbol == symbol) {
      place->target = target;
    } else {
      edges.insert(place, {symbol, target});
    }
  }
  void Connect(int32_t from, int32_t token, int32_t target) {
    ConnectSymbol(from, HeaderGrammar::OfToken(token), target);
  }
  // The state behind `text`, which shares its beginning with other texts behind `from`.
  int32_t Write(int32_t from, std::string_view text) {
    for (const char character : text) {
      const Symbol byte = static_cast<uint8_t>(character);
      std::optional<int32_t> next = grammar_.Next(from, byte);
      if (!next) {
        next = NewState();
        ConnectSymbol(from, byte, *next);
      }
      from = *next;
    }
    return from;
  }
  void WriteTo(int32_t from, std::string_view text, int32_t target) {
    const int32_t before = Write(from, text.substr(0, text.size() - 1));
    ConnectSymbol(before, static_cast<uint8_t>(text.back()), target);
  }

  // What stands behind "to=", in both places that a header has for it.
  void BuildCalls() {
    call_ = NewContent();
    Connect(call_, tokens_.call, end_);
    marked_type_ = BuildType(call_);
    if (tools_.empty()) return;
    early_recipient_ = NewState();
    for (const std::string_view tool : tools_) {
      const int32_t channel_name = NewState();
      Connect(Write(*early_recipient_, tool), tokens_.channel, channel_name);
      for (const std::string_view channel : channels_) {
        if (MayCall(channel)) EndCallHeader(Write(channel_name, channel));
      }
    }
    late_recipient_ = NewState();
    for (const std::string_view tool : tools_) EndCallHeader(Write(*late_recipient_, tool));
  }

  // The state behind <|constrain|>, from which a type leads to `content`.
  int32_t BuildType(int32_t content) {
    const int32_t state = NewState();
    for (const std::string_view type : kKnownTypes) {
      Connect(Write(state, type), tokens_.message, content);
    }
    return state;
  }

  // The end of a header: the type of the content, or nothing. Returns where a type without a marker
  // would begin.
  int32_t EndHeader(int32_t state, int32_t content, int32_t marked_type) {
    Connect(state, tokens_.message, content);
    Connect(state, tokens_.constrain, marked_type);
    const int32_t space = Write(state, " ");
    Connect(space, tokens_.constrain, marked_type);
    return space;
  }

  void EndCallHeader(int32_t state) {
    const int32_t space = EndHeader(state, call_, marked_type_);
    for (const std::string_view type : kKnownTypes) {
      Connect(Write(space, type), tokens_.message, call_);
    }
  }

  // All messages whose headers begin at `header`; returns the state before the next such header.
  int32_t BuildMessages(int32_t header, bool must_call) {
    const int32_t next = NewState();
    const int32_t role = NewState();
    Connect(next, tokens_.start, role);
    WriteTo(role, RoleName(Role::kAssistant), header);
    if (early_recipient_) WriteTo(header, " to=", *early_recipient_);
    const int32_t channel_name = NewState();
    Connect(header, tokens_.channel, channel_name);
    for (const std::string_view channel : channels_) {
      if (must_call && channel == kFinal) continue;
      const int32_t named = Write(channel_name, channel);
      const int32_t content = BuildContent(channel, must_call, next);
      Connect(named, tokens_.message, content);
      // So gpt-oss heads an answer that it was asked to give in JSON. In commentary it would be a
      // call that lost its recipient.
      if (channel == kFinal) EndHeader(named, content, BuildType(content));
      if (late_recipient_ && MayCall(channel)) WriteTo(named, " to=", *late_recipient_);
    }
    return next;
  }

  // The content of a message to nobody in particular.
  int32_t BuildContent(std::string_view channel, bool must_call, int32_t next) {
    const int32_t content = NewContent();
    if (!must_call && MayBeLast(channel)) Connect(content, tokens_.ret, end_);
    // Nothing sensible could follow an answer, and its end has to be a token that ends a request,
    // or nobody could hold it off.
    if (channel != kFinal) Connect(content, tokens_.end, next);
    return content;
  }

  // An answer ends in `final`; where that is not to be had, in what comes closest.
  bool MayBeLast(std::string_view channel) const {
    if (Holds(channels_, kFinal)) return channel == kFinal;
    return channel != kAnalysis || channels_.size() == 1;
  }

  const HarmonyTokens tokens_;
  const bool must_call_;
  std::vector<std::string_view> channels_;  // each once
  std::vector<std::string_view> tools_;     // none where none may be called

  HeaderGrammar grammar_;
  int32_t end_ = 0;
  int32_t call_ = 0;                        // the content of a call
  int32_t marked_type_ = 0;                 // behind <|constrain|>
  std::optional<int32_t> early_recipient_;  // behind "to=" before the channel
  std::optional<int32_t> late_recipient_;   // behind "to=" in any channel
};

Result<HeaderGrammar> HeaderGrammar::Build(const HarmonyTokens& tokens, const AnswerRules& rules) {
  FAIRLEAD_RETURN_IF_ERROR(CheckHeaderNames("tool", rules.tools));
  FAIRLEAD_RETURN_IF_ERROR(CheckHeaderNames("channel", rules.channels));
  return HeaderGrammarBuilder(tokens, rules).Build();
}

}  // namespace fairlead
