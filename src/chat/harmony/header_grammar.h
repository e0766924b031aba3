// The headers that a model's messages may have, as an automaton over bytes and special tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chat/chat_format.h"
#include "chat/harmony/special_tokens.h"

namespace fairlead {

// What may follow "<|start|>assistant", up to the end of the answer:
//
//   [ to=RECIPIENT]<|channel|>CHANNEL[ to=RECIPIENT][TYPE]<|message|> content, and then
//   <|end|><|start|>assistant and the next message, or the end of the answer.
//
// docs/harmony.md says which of them the rules leave. Deterministic; from every state the end can
// be reached. Immutable once built.
class HeaderGrammar {
 public:
  // What an edge reads: a byte (0 to 255), or a special token.
  using Symbol = int32_t;
  static constexpr Symbol OfToken(int32_t token) { return 256 + token; }

  struct Edge {
    Symbol symbol;
    int32_t target;
  };

  // kInvalidArgument: kRequired without a tool that can be called, names that a header cannot hold.
  static Result<HeaderGrammar> Build(const HarmonyTokens& tokens, const AnswerRules& rules);

  // States are 0 to state_count() - 1, and 0 is the one behind "<|start|>assistant".
  int32_t state_count() const { return static_cast<int32_t>(states_.size()); }
  // By symbol.
  std::span<const Edge> edges(int32_t state) const { return At(state).edges; }
  std::optional<int32_t> Next(int32_t state, Symbol symbol) const;
  // Whether any ordinary token leads back to the state, which then has no edges of bytes.
  bool IsContent(int32_t state) const { return At(state).content; }
  // The answer is over.
  bool IsEnd(int32_t state) const { return At(state).edges.empty(); }

 private:
  friend class HeaderGrammarBuilder;
  struct State {
    std::vector<Edge> edges;
    bool content = false;
  };

  const State& At(int32_t state) const { return states_[static_cast<size_t>(state)]; }

  std::vector<State> states_;
};

}  // namespace fairlead
